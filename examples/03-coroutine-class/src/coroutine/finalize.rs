//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then, unless the interpreter is gone.

use std::ffi::CString;

use pyo3::{
    exceptions::{PyRuntimeWarning, PyValueError},
    prelude::*,
};

use super::{class::Coroutine, normalized::normalized, pending::keep_pending, state::State};

impl Coroutine {
    /// Warns of a coroutine that was never begun, and closes it in any case. One that is running is
    /// in use, whoever says that it is garbage, and is left alone.
    pub(super) fn finalize(&self, py: Python<'_>) {
        let never_begun = match *self.lock() {
            State::Created(_) => true,
            State::Suspended(_) => false,
            State::Running | State::Closed => return,
        };
        keep_pending(py, || {
            let warned = if never_begun {
                self.warn_never_awaited(py)
            } else {
                Ok(())
            };
            for problem in [warned, self.close_now(py).map(drop)] {
                problem.unwrap_or_else(|error| error.write_unraisable(py, None));
            }
        });
    }

    fn warn_never_awaited(&self, py: Python<'_>) -> PyResult<()> {
        let message = format!("coroutine '{}' was never awaited", self.name());
        let message = CString::new(message).map_err(|_| {
            normalized::<PyValueError>(py, "a null character in a coroutine's name")
        })?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        if !matches!(self.state.get_mut(), State::Closed) {
            Python::try_attach(|py| self.finalize(py));
        }
    }
}
