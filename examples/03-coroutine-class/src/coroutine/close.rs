//! `close()`: ends a coroutine, whatever state it is in.
//!
//! Source: `gen_close` in CPython's `Objects/genobject.c`. Where versions differ, `version_info()` says
//! so.

use pyo3::{
    exceptions::{PyGeneratorExit, PyRuntimeError, PyStopIteration},
    prelude::*,
};

use super::{body::Input, class::Coroutine, normalized::normalized, state::State};

impl Coroutine {
    pub(super) fn close_now(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Some(running) = self.take_body_if(py, |state| !matches!(state, State::Closed))? else {
            return Ok(py.None());
        };
        if running.is_new {
            running.end();
            return Ok(py.None());
        }
        match running.resume(py, Input::Close) {
            Ok(_) => Err(normalized::<PyRuntimeError>(
                py,
                "coroutine ignored GeneratorExit",
            )),
            Err(error) if error.is_instance_of::<PyGeneratorExit>(py) => Ok(py.None()),
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                if py.version_info() >= (3, 13) {
                    Ok(error.value(py).getattr("value")?.unbind())
                } else {
                    Ok(py.None())
                }
            }
            Err(error) => Err(error),
        }
    }
}
