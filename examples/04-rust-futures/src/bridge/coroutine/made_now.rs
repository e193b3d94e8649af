//! Errors that are made at once, not when somebody looks at them, as with `new_err`.
//!
//! A coroutine may be closed while the interpreter exits. To make an error later PyO3 attaches to
//! the interpreter once more, and cannot then. So what closing may raise is made by these.

use pyo3::{PyTypeInfo, exceptions::PyGeneratorExit, prelude::*};

/// Makes an error of the type `E`, or returns what prevents it.
pub fn made_now<E: PyTypeInfo>(py: Python<'_>, message: &str) -> PyErr {
    made(py.get_type::<E>().call1((message,)))
}

/// Makes the request to exit that `close` raises.
pub fn generator_exit(py: Python<'_>) -> PyErr {
    made(py.get_type::<PyGeneratorExit>().call0())
}

fn made(error: PyResult<Bound<'_, PyAny>>) -> PyErr {
    error.map_or_else(|error| error, PyErr::from_value)
}
