//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then.

use std::ffi::CString;

use pyo3::{exceptions::PyRuntimeWarning, prelude::*};

use crate::{my_coroutine::MyCoroutine, state::State};

impl MyCoroutine {
    /// Warns of a coroutine that was never begun, and closes one that is half-run.
    pub fn finalize(&self, py: Python<'_>) {
        let pending = PyErr::take(py); // an exception on its way must get through
        let never_begun = matches!(*self.lock(), State::Created(_));
        let problem = if never_begun {
            self.warn_never_awaited(py)
        } else {
            self.close(py).map(drop)
        };
        if let Err(error) = problem {
            error.write_unraisable(py, None);
        }
        self.end_if_created();
        if let Some(error) = pending {
            error.restore(py);
        }
    }

    fn warn_never_awaited(&self, py: Python<'_>) -> PyResult<()> {
        let name = self.source.name.to_string_lossy();
        let message = CString::new(format!("coroutine '{name}' was never awaited"))?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
    }
}

impl Drop for MyCoroutine {
    fn drop(&mut self) {
        if !matches!(self.state.get_mut(), Ok(State::Closed)) {
            Python::attach(|py| self.finalize(py));
        }
    }
}
