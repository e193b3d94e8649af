//! The README's second exercise: write your function here. Ours is in `solutions.rs`.

use pyo3::{exceptions::PyNotImplementedError, prelude::*, types::PyTuple};

/// Drives the awaitables in turn, a step each, and returns the list of their results, in order.
#[pyfunction]
#[pyo3(signature = (*awaitables))]
pub fn my_drive_all<'py>(awaitables: &Bound<'py, PyTuple>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let _ = awaitables;
    Err(PyNotImplementedError::new_err("this is yours to write"))
}
