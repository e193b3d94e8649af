//! The loop everyone writes first. It works, and it is wrong: see "The first try" in README.md.
//!
//! Kept as it is so that its flaws can be run; `drive.rs` is the repair.

use pyo3::{exceptions::PyStopIteration, prelude::*};

/// Awaits `awaitable` by calling its methods by name, whatever it yields.
///
/// Returns its result. Do not use it: it takes a request for an event loop to be a mere step, and a
/// step that runs no Python code leaves it deaf to Ctrl-C and the other threads without a turn.
#[pyfunction]
pub fn first_try<'py>(awaitable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let iterator = awaitable.call_method0("__await__")?;
    loop {
        match iterator.call_method0("__next__") {
            Ok(_yielded) => {}
            Err(error) if error.is_instance_of::<PyStopIteration>(awaitable.py()) => {
                return error.value(awaitable.py()).getattr("value");
            }
            Err(error) => return Err(error),
        }
    }
}
