//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then, unless the interpreter is gone.

use std::{
    ffi::CString,
    panic::{AssertUnwindSafe, catch_unwind},
};

use pyo3::{
    exceptions::{PyRuntimeWarning, PyValueError},
    panic::PanicException,
    prelude::*,
};

use super::{class::Coroutine, normalized::normalized, state::State};

impl Coroutine {
    /// Warns of a coroutine that was never begun, and closes it in any case. One that is running is
    /// in use, whoever says that it is garbage, and is left alone.
    pub(super) fn finalize(&self, py: Python<'_>) {
        let never_begun = match *self.lock() {
            State::Created(_) => true,
            State::Suspended(_) => false,
            State::Running | State::Closed => return,
        };
        let pending = take_pending(py); // an exception on its way must get through
        let warned = if never_begun {
            self.warn_never_awaited(py)
        } else {
            Ok(())
        };
        for problem in [warned, self.close_now(py).map(drop)] {
            problem.unwrap_or_else(|error| error.write_unraisable(py, None));
        }
        if let Some(error) = pending {
            error.restore(py);
        }
    }

    fn warn_never_awaited(&self, py: Python<'_>) -> PyResult<()> {
        let message = format!("coroutine '{}' was never awaited", self.name());
        let message = CString::new(message).map_err(|_| {
            normalized::<PyValueError>(py, "a null character in a coroutine's name")
        })?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
    }
}

/// Takes the exception that is on its way. A Rust panic that became one is let loose again by `take`,
/// and would go on into CPython, which is no place for it.
fn take_pending(py: Python<'_>) -> Option<PyErr> {
    catch_unwind(AssertUnwindSafe(|| PyErr::take(py))).unwrap_or_else(|panic| {
        let message = panic.downcast::<String>().map(|message| *message);
        let message = message.unwrap_or_else(|_| "a panic".into());
        Some(normalized::<PanicException>(py, &message))
    })
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        if !matches!(self.state.get_mut(), State::Closed) {
            Python::try_attach(|py| self.finalize(py));
        }
    }
}
