//! Functions and methods that say that they return coroutines, as those of `async def` do.
//!
//! `inspect.markcoroutinefunction` marks a function, and one made by PyO3 takes no attributes. So each has
//! one of Python before it (`function.py`), which also makes a method of one in a class.

use std::panic::Location;

use pyo3::{exceptions::PyAttributeError, ffi::c_str, prelude::*, sync::PyOnceLock, types::PyType};

/// Marks functions of the module, such as `"sleep"`, and methods of its classes, such as
/// `"Connection.read"`: `inspect.iscoroutinefunction` is true of them from then on. Call it when the
/// module has them all.
///
/// # Errors
///
/// `AttributeError` for a name that is not there.
#[track_caller]
pub fn mark_coroutine_functions(module: &Bound<'_, PyModule>, names: &[&str]) -> PyResult<()> {
    let place = Location::caller();
    for name in names {
        match name.rsplit_once('.') {
            None => {
                let function = module.getattr(*name)?;
                module.setattr(*name, marked(module, name, place, function)?)?;
            }
            Some((class, method)) => {
                let class = module.getattr(class)?.cast_into::<PyType>()?;
                let function = defined_by(&class, method)?;
                class.setattr(method, marked_member(module, name, place, function)?)?;
            }
        }
    }
    Ok(())
}

/// What the class itself has under that name, and not what looking it up makes of it.
fn defined_by<'py>(class: &Bound<'py, PyType>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let members = class.getattr("__dict__")?;
    if members.contains(name)? {
        return members.get_item(name);
    }
    Err(PyAttributeError::new_err(format!(
        "type object '{}' has no attribute '{name}'",
        class.name()?
    )))
}

/// A static method, or one of the class, must be wrapped inside: outside, it would get an instance.
fn marked_member<'py>(
    module: &Bound<'py, PyModule>,
    name: &str,
    place: &Location<'_>,
    member: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = member.py();
    let builtins = py.import("builtins")?;
    let static_method = builtins.getattr("staticmethod")?;
    let of_the_class = py.import("types")?.getattr("ClassMethodDescriptorType")?;
    if member.is_instance(&static_method)? {
        let function = marked(module, name, place, member.getattr("__func__")?)?;
        static_method.call1((function,))
    } else if member.is_instance(&of_the_class)? {
        let function = marked(module, name, place, member)?;
        builtins.call_method1("classmethod", (function,))
    } else {
        marked(module, name, place, member)
    }
}

fn marked<'py>(
    module: &Bound<'py, PyModule>,
    name: &str,
    place: &Location<'_>,
    function: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let marked = python_side(module.py())?.getattr("marked")?;
    marked.call1((function, module.name()?, name, place.file(), place.line()))
}

fn python_side(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    const SOURCE: &std::ffi::CStr = c_str!(include_str!("function.py"));
    let module = MODULE.get_or_try_init(py, || {
        let file = c"src/coroutine/function.py";
        PyModule::from_code(py, SOURCE, file, c"coroutine_functions").map(Bound::unbind)
    })?;
    Ok(module.bind(py))
}
