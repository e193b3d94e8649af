//! `__await__` makes a class awaitable, but what it returns must be an iterator.

use pyo3::prelude::*;

/// Looks awaitable, also to `inspect.isawaitable`. Awaiting it raises `TypeError`: its `__await__`
/// returns the object itself, and that has no `__next__`.
#[pyclass(frozen, module = "awaitable")]
pub struct NoIterator;

#[pymethods]
impl NoIterator {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }
}
