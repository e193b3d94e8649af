//! A value that can be awaited: the smallest awaitable there is.

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyStopIteration,
    prelude::*,
    types::{PyGenericAlias, PyType},
};

/// Resolves to `value`, unharmed, without suspending, as often as it is awaited.
///
/// It is its own iterator, and its value never changes. So it is `frozen`, and threads may share it
/// without a lock.
#[pyclass(frozen, module = "awaitable")]
pub struct Ready {
    value: Py<PyAny>,
}

#[pymethods]
impl Ready {
    #[new]
    fn new(value: Py<PyAny>) -> Self {
        Self { value }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// Up to Python 3.11 `asyncio.ensure_future` and all that builds on it go through `iter()`.
    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// Raises `StopIteration(value)`, the return of an iterator. The arguments of an exception are
    /// a tuple: leave out the one around the value, and a value that is a tuple is taken for it.
    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        Err(PyStopIteration::new_err((self.value.clone_ref(py),)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Ready({})", self.value.bind(py).repr()?))
    }

    /// `Ready[int]`, for annotations.
    #[classmethod]
    #[pyo3(signature = (item, /))]
    fn __class_getitem__<'py>(
        class: &Bound<'py, PyType>,
        item: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyGenericAlias>> {
        PyGenericAlias::new(class.py(), class, item)
    }

    /// Shows the collector what is held. Forget it, and a value that leads back here is never freed.
    ///
    /// There is no `__clear__`, as a tuple has none: what never changes can be in a cycle only with
    /// something that does change, and the collector clears that.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}
