//! `__await__` as `await` finds it: in the type, past attributes and each `__getattribute__`.
//!
//! Source: `slot_am_await`, `lookup_maybe_method` and `slot_tp_descr_get` in CPython's
//! `Objects/typeobject.c`. PyO3 has no safe call for the slot, so its steps are taken here.

use pyo3::{
    exceptions::PyAttributeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyString, PyType},
};

/// `Py_TPFLAGS_METHOD_DESCRIPTOR`: what can be called with its object first, and need not be bound.
const METHOD_DESCRIPTOR: u64 = 1 << 17;

/// Calls the `__await__` of the object's type. `None` if it has none: an attribute of the object
/// itself does not count, nor does one of the type's own type.
pub fn call_await<'py>(awaitable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let name = intern!(awaitable.py(), "__await__");
    let Some(found) = look_up(&awaitable.get_type(), name)? else {
        return Ok(None);
    };
    if is_method(&found)? {
        return found.call1((awaitable,)).map(Some);
    }
    bind(found, awaitable)?.call0().map(Some)
}

/// Finds what the type or one of its bases defines, and runs no code of theirs.
fn look_up<'py>(
    class: &Bound<'py, PyType>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    for base in class.mro() {
        let defined = dict_of(&base)?;
        if defined.contains(name)? {
            return defined.get_item(name).map(Some);
        }
    }
    Ok(None)
}

/// Returns the `__dict__` of a class, whatever a metaclass says it is.
fn dict_of<'py>(class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static GETTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = class.py();
    let getter = GETTER.get_or_try_init(py, || {
        let of_type = py.get_type::<PyType>().getattr("__dict__")?;
        of_type
            .get_item("__dict__")?
            .getattr("__get__")
            .map(Bound::unbind)
    })?;
    getter.bind(py).call1((class,))
}

fn is_method(found: &Bound<'_, PyAny>) -> PyResult<bool> {
    let flags: u64 = found
        .get_type()
        .getattr(intern!(found.py(), "__flags__"))?
        .extract()?;
    Ok(flags & METHOD_DESCRIPTOR != 0)
}

/// Asks a descriptor for what it stands for. Before 3.14 its error is hidden behind another.
fn bind<'py>(found: Bound<'py, PyAny>, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let (py, class) = (object.py(), object.get_type());
    let Some(get) = look_up(&found.get_type(), intern!(py, "__get__"))? else {
        return Ok(found);
    };
    match get.call1((found, object, &class)) {
        Err(_) if py.version_info() < (3, 14) => Err(PyAttributeError::new_err(format!(
            "object {:.50} does not have __await__ method",
            class.name()?
        ))),
        bound => bound,
    }
}
