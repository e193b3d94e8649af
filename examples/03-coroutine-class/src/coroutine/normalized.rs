//! Errors that are made at once: *normalized*, as PyO3 says. `new_err` makes a *lazy* one, which
//! becomes an exception when somebody looks at it.
//!
//! A coroutine may be closed while the interpreter exits. To normalize an error PyO3 attaches to the
//! interpreter once more, and cannot then: it panics. So what closing may raise is made by these.

use pyo3::{PyTypeInfo, exceptions::PyGeneratorExit, prelude::*};

/// Makes an error of the type `E`, or returns what prevents it.
#[must_use]
pub fn normalized<E: PyTypeInfo>(py: Python<'_>, message: &str) -> PyErr {
    error_of(py.get_type::<E>().call1((message,)))
}

/// Makes the request to exit that `close` raises.
#[must_use]
pub fn generator_exit(py: Python<'_>) -> PyErr {
    error_of(py.get_type::<PyGeneratorExit>().call0())
}

fn error_of(exception: PyResult<Bound<'_, PyAny>>) -> PyErr {
    exception.map_or_else(|error| error, PyErr::from_value)
}
