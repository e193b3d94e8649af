//! A value that can be awaited, as everyone writes it first: see "The first try" in README.md.
//!
//! Kept as it is so that its flaw can be run; `ready.rs` is the repair.

use pyo3::{exceptions::PyStopIteration, prelude::*};

/// Resolves to `value`, unless that is a tuple or a `StopIteration`. Do not use it. (It also hides
/// its value from the garbage collector: see `Ready`.)
#[pyclass(frozen, module = "awaitable")]
pub struct FirstTry {
    value: Py<PyAny>,
}

#[pymethods]
impl FirstTry {
    #[new]
    fn new(value: Py<PyAny>) -> Self {
        Self { value }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        Err(PyStopIteration::new_err(self.value.clone_ref(py)))
    }
}
