//! The same calls made three ways, for the repository's `benchmarks/` to measure.
//!
//! Each function steps `awaitable` to its end and returns the number of steps it took, ending one
//! included. They differ only in how `__next__` is reached.

use pyo3::{
    exceptions::PyStopIteration,
    intern,
    prelude::*,
    types::{PyString, iterator::PySendResult},
};

use crate::get_awaitable::get_awaitable;

/// By name, as `first_try` does: a new `str` at each call, a look-up, a call, a `StopIteration`.
#[pyfunction]
pub fn count_steps_by_name(awaitable: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = awaitable.py();
    let iterator = get_awaitable(awaitable)?;
    count(py, || iterator.call_method0("__next__"))
}

/// By name again, but the `str` is made once and kept.
#[pyfunction]
pub fn count_steps_by_interned_name(awaitable: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = awaitable.py();
    let iterator = get_awaitable(awaitable)?;
    let name: &Bound<'_, PyString> = intern!(py, "__next__");
    count(py, || iterator.call_method0(name))
}

/// Through the type's slot, as `drive` does and as `await` itself does: no name, and the end is a
/// result, not an exception.
#[pyfunction]
pub fn count_steps_by_slot(awaitable: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = awaitable.py();
    let iterator = get_awaitable(awaitable)?;
    let nothing = py.None().into_bound(py);
    let mut steps = 1;
    while let PySendResult::Next(_) = iterator.send(&nothing)? {
        steps += 1;
    }
    Ok(steps)
}

/// Calls `next` until it raises `StopIteration`; returns how often.
fn count<'py>(
    py: Python<'py>,
    mut next: impl FnMut() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<usize> {
    let mut steps = 1;
    loop {
        match next() {
            Ok(_) => steps += 1,
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => return Ok(steps),
            Err(error) => return Err(error),
        }
    }
}
