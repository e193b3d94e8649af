//! The README's second exercise: write its `__next__`. Ours is `Once`, in `solutions.rs`.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyNotImplementedError, prelude::*};

/// Resolves to `value` once; the second time raises `RuntimeError`, as a coroutine does.
#[pyclass(frozen, module = "awaitable")]
pub struct MyOnce {
    value: Py<PyAny>,
}

#[pymethods]
impl MyOnce {
    #[new]
    fn new(value: Py<PyAny>) -> Self {
        Self { value }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[allow(clippy::unused_self)] // until it is written
    fn __next__(&self) -> PyResult<()> {
        Err(PyNotImplementedError::new_err("this is yours to write"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}
