//! As far as an awaitable iterator goes: it can be awaited, and is no coroutine.
//!
//! Kept as it is so that what it lacks can be run; the folder `coroutine` is the repair, and `ended.rs` the same with it.

use pyo3::{exceptions::PyStopIteration, prelude::*};

/// `await` returns `"Ended"`. It is not a coroutine: `asyncio.create_task` refuses it.
#[pyclass(frozen, module = "coroutine_class")]
pub struct FirstTry;

#[pymethods]
impl FirstTry {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[allow(clippy::unused_self)] // a method is what Python calls
    fn __next__(&self) -> PyResult<()> {
        Err(PyStopIteration::new_err(("Ended",)))
    }
}
