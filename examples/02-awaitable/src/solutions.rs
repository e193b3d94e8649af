//! Solutions to the README's exercises.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyStopIteration},
    prelude::*,
};

/// Exercise 1: `Ready` without `__iter__`.
#[pyclass(frozen, module = "awaitable")]
pub struct WithoutIter {
    value: Py<PyAny>,
}

#[pymethods]
impl WithoutIter {
    #[new]
    fn new(value: Py<PyAny>) -> Self {
        Self { value }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        Err(PyStopIteration::new_err((self.value.clone_ref(py),)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}

/// Exercise 2: resolves to `value` once; the second time raises `RuntimeError`, as a coroutine
/// does.
///
/// The class stays frozen: the one bit that changes is atomic, and of two threads that await it at
/// once just one gets the value.
#[pyclass(frozen, module = "awaitable")]
pub struct Once {
    value: Py<PyAny>,
    awaited: AtomicBool,
}

#[pymethods]
impl Once {
    #[new]
    fn new(value: Py<PyAny>) -> Self {
        let awaited = AtomicBool::new(false);
        Self { value, awaited }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<()> {
        if self.awaited.swap(true, Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("cannot reuse already awaited Once"));
        }
        Err(PyStopIteration::new_err((self.value.clone_ref(py),)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.value)
    }
}
