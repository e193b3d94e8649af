//! Functions and methods that say that they return coroutines, as those of `async def` do.
//!
//! `inspect.markcoroutinefunction` marks a function, and one made by PyO3 takes no attributes. So each has
//! one of Python before it (`function.py`), which also makes a method of one in a class.

use std::ffi::CStr;

use pyo3::{exceptions::PyAttributeError, ffi::c_str, prelude::*, sync::PyOnceLock, types::PyType};

use super::source::module_from;

/// Marks functions of the module, such as `"sleep"`, and methods of its classes, such as
/// `"Connection.read"`: `inspect.iscoroutinefunction` is true of them from then on. Call it when the
/// module has them all.
///
/// # Errors
///
/// `AttributeError` for a name that is not there.
pub fn mark_coroutine_functions(module: &Bound<'_, PyModule>, names: &[&str]) -> PyResult<()> {
    for name in names {
        match name.rsplit_once('.') {
            None => {
                let function = module.getattr(*name)?;
                module.setattr(*name, marked(module, name, function)?)?;
            }
            Some((class, method)) => {
                let class = module.getattr(class)?.cast_into::<PyType>()?;
                let function = defined_by(&class, method)?;
                class.setattr(method, marked_member(module, name, function)?)?;
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
    member: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = member.py();
    let builtins = py.import("builtins")?;
    let static_method = builtins.getattr("staticmethod")?;
    let of_the_class = py.import("types")?.getattr("ClassMethodDescriptorType")?;
    if member.is_instance(&static_method)? {
        let function = marked(module, name, member.getattr("__func__")?)?;
        static_method.call1((function,))
    } else if member.is_instance(&of_the_class)? {
        let function = marked(module, name, member)?;
        builtins.call_method1("classmethod", (function,))
    } else {
        marked(module, name, member)
    }
}

fn marked<'py>(
    module: &Bound<'py, PyModule>,
    name: &str,
    function: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static SIDE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    const SOURCE: &CStr = c_str!(include_str!("function.py"));
    let py = module.py();
    let run = || module_from(py, SOURCE, "coroutine functions").map(Bound::unbind);
    let marked = SIDE.get_or_try_init(py, run)?.bind(py).getattr("marked")?;
    marked.call1((function, module.name()?, name))
}
