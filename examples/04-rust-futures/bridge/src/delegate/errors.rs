//! The errors of `await` itself, in the words of the Python that runs.
//!
//! Source: `_PyCoro_GetAwaitableIter` in `Objects/genobject.c` of each supported CPython.

use pyo3::{exceptions::PyTypeError, prelude::*};

/// The error for an object without `__await__`. CPython 3.14 changed the words.
pub fn cannot_be_awaited(object: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let name = object.get_type().name()?;
    let message = if object.py().version_info() >= (3, 14) {
        format!("'{name}' object can't be awaited")
    } else {
        format!("object {name} can't be used in 'await' expression")
    };
    Ok(PyTypeError::new_err(message))
}

/// The error for an `__await__` that returned a coroutine. CPython 3.15 changed the words.
pub fn returned_a_coroutine(awaitable: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    if awaitable.py().version_info() >= (3, 15) {
        return must_return_an_iterator(awaitable, "coroutine");
    }
    Ok(PyTypeError::new_err("__await__() returned a coroutine"))
}

/// The error for an `__await__` that returned no iterator. CPython 3.15 changed the words.
pub fn returned_non_iterator(
    awaitable: &Bound<'_, PyAny>,
    returned: &Bound<'_, PyAny>,
) -> PyResult<PyErr> {
    let got = returned.get_type();
    if awaitable.py().version_info() >= (3, 15) {
        return must_return_an_iterator(awaitable, got.fully_qualified_name()?.to_str()?);
    }
    let message = format!(
        "__await__() returned non-iterator of type '{}'",
        got.name()?
    );
    Ok(PyTypeError::new_err(message))
}

fn must_return_an_iterator(awaitable: &Bound<'_, PyAny>, returned: &str) -> PyResult<PyErr> {
    let name = awaitable.get_type().fully_qualified_name()?;
    let message = format!("{name}.__await__() must return an iterator, not {returned}");
    Ok(PyTypeError::new_err(message))
}
