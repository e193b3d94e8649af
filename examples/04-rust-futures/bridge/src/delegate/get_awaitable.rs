//! The first half of `await x`: from `x` to the iterator that is stepped.
//!
//! Source: `_PyCoro_GetAwaitableIter` in CPython's `Objects/genobject.c` and `GET_AWAITABLE` in its
//! `Python/bytecodes.c`. Neither is part of the C API, so their rules are spelled out here.

use pyo3::{
    exceptions::PyRuntimeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyIterator, PyType},
};

use super::{
    call_await::call_await,
    errors::{cannot_be_awaited, returned_a_coroutine, returned_non_iterator},
};
use crate::coroutine::source::module_from;

/// `inspect.CO_ITERABLE_COROUTINE`: the flag that `types.coroutine` sets on a generator function.
const ITERABLE_COROUTINE: u32 = 0x100;

/// Returns the iterator that `await awaitable` steps.
///
/// Raises what `await` itself raises: `TypeError` for what cannot be awaited or gives no iterator,
/// and `RuntimeError` for a coroutine that another one is awaiting.
pub fn get_awaitable<'py>(awaitable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    let py = awaitable.py();
    if is_coroutine(awaitable)? {
        refuse_if_awaited_elsewhere(awaitable)?;
        let steps = awaitable.call_method0(intern!(py, "__await__"))?;
        return Ok(steps.cast_into()?);
    }
    if is_generator_coroutine(awaitable)? || is_next_item(awaitable)? {
        return Ok(awaitable.clone().cast_into()?); // it is its own iterator
    }
    let Some(returned) = call_await(awaitable)? else {
        return Err(cannot_be_awaited(awaitable)?);
    };
    if is_coroutine(&returned)? || is_generator_coroutine(&returned)? {
        return Err(returned_a_coroutine(awaitable)?);
    }
    // `cast` asks for the slot `tp_iternext`, not for `__iter__`: that is all that `await` needs.
    if let Ok(iterator) = returned.cast::<PyIterator>() {
        return Ok(iterator.clone());
    }
    Err(returned_non_iterator(awaitable, &returned)?)
}

/// Is it what an `async def` returns?
pub fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let coroutine_type = TYPE.import(object.py(), "types", "CoroutineType")?;
    Ok(object.is_exact_instance(coroutine_type))
}

/// Is it what a generator function returns?
pub fn is_generator(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let generator_type = TYPE.import(object.py(), "types", "GeneratorType")?;
    Ok(object.is_exact_instance(generator_type))
}

/// Is it what a generator function returns that `types.coroutine` decorates?
fn is_generator_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(is_generator(object)? && {
        let flags: u32 = object.getattr("gi_code")?.getattr("co_flags")?.extract()?;
        flags & ITERABLE_COROUTINE != 0
    })
}

/// Is it what the `__anext__` of an async generator returns? That is looked at for each item, so it has
/// the short way.
fn is_next_item(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = object.py();
    let kind = TYPE.get_or_try_init(py, || {
        let items = module_from(py, ITEMS, "items")?;
        let next = items.call_method0("items")?.call_method0("__anext__")?;
        next.call_method0("close")?;
        PyResult::Ok(next.get_type().unbind())
    })?;
    Ok(object.is_exact_instance(kind.bind(py)))
}

const ITEMS: &std::ffi::CStr = c"async def items():
    yield
";

/// Two drivers would take each other's steps, so `await` refuses to be the second one.
fn refuse_if_awaited_elsewhere(coroutine: &Bound<'_, PyAny>) -> PyResult<()> {
    if !coroutine
        .getattr(intern!(coroutine.py(), "cr_await"))?
        .is_none()
    {
        return Err(PyRuntimeError::new_err(
            "coroutine is being awaited already",
        ));
    }
    Ok(())
}
