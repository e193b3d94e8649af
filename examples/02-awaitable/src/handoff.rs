//! The middle man: Rust says what is awaited, and is out of the way when it is.

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyGenericAlias, PyIterator, PyType},
};

use crate::get_awaitable::get_awaitable;

/// Resolves to what `awaitable` resolves to, by handing out the iterator of `awaitable` as its own.
///
/// Every later step, exception and cancellation goes straight to that iterator: this object is
/// asked once. Awaiting it raises what awaiting `awaitable` raises, except for a generator-based
/// coroutine: CPython does not take one from an `__await__`, and raises `TypeError`.
#[pyclass(frozen, module = "awaitable")]
pub struct Handoff {
    awaitable: Py<PyAny>,
}

#[pymethods]
impl Handoff {
    #[new]
    fn new(awaitable: Py<PyAny>) -> Self {
        Self { awaitable }
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        get_awaitable(self.awaitable.bind(py))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Handoff({})", self.awaitable.bind(py).repr()?))
    }

    /// `Handoff[int]`, for annotations.
    #[classmethod]
    #[pyo3(signature = (item, /))]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyGenericAlias>> {
        PyGenericAlias::new(class.py(), class, item)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.awaitable)
    }
}
