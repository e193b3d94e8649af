//! Functions and methods that say that they return coroutines, as those of `async def` do.
//!
//! A function made by PyO3 takes no attributes, so each is wrapped in an object that has those of a
//! Python function, with a code object whose flags say "coroutine": `inspect.iscoroutinefunction`
//! asks for nothing else, of functions compiled by Cython too. The wrapper costs a call.

use std::panic::Location;

use pyo3::{
    exceptions::PyAttributeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyCFunction, PyDict, PyTuple, PyType},
};

use super::{class::last_part, frame::code_at};

/// `inspect.CO_COROUTINE`: the flag of a function made by `async def`.
const COROUTINE: u32 = 0x80;

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
        marked(module, name, place, member).map(Bound::into_any)
    }
}

/// Wraps a function, and gives the wrapper what `inspect` asks a Python function for.
fn marked<'py>(
    module: &Bound<'py, PyModule>,
    name: &str,
    place: &Location<'_>,
    function: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, CoroutineFunction>> {
    let py = function.py();
    let flags = PyDict::new(py);
    flags.set_item("co_flags", COROUTINE)?;
    let code = code_at(py, name, place)?.call_method("replace", (), Some(&flags))?;
    let documentation = function.getattr("__doc__")?;
    let this = Bound::new(py, CoroutineFunction::from(function.unbind()))?;
    this.setattr("__module__", module.name()?)?;
    this.setattr("__name__", last_part(name))?;
    this.setattr("__qualname__", name)?;
    this.setattr("__doc__", documentation)?;
    this.setattr("__code__", code)?;
    this.setattr("__defaults__", py.None())?;
    this.setattr("__kwdefaults__", py.None())?;
    Ok(this)
}

/// A function that returns coroutines. It can be called, looked at, copied and pickled.
#[pyclass(frozen, dict, weakref)]
struct CoroutineFunction {
    function: Py<PyAny>,
}

impl From<Py<PyAny>> for CoroutineFunction {
    fn from(function: Py<PyAny>) -> Self {
        Self { function }
    }
}

#[pymethods]
impl CoroutineFunction {
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    #[pyo3(signature = (*arguments, **keywords))]
    fn __call__<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(arguments.py()).call(arguments, keywords)
    }

    /// Makes `instance.method` a method. A function of the module stays what it is when somebody puts
    /// it into a class, as all do that are not written in Python.
    fn __get__<'py>(
        this: Bound<'py, Self>,
        instance: Option<Bound<'py, PyAny>>,
        _class: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let py = this.py();
        match instance {
            Some(instance) if !this.get().function.bind(py).is_instance_of::<PyCFunction>() => {
                let method = METHOD.import(py, "types", "MethodType")?;
                method.call1((this, instance))
            }
            _ => Ok(this.into_any()),
        }
    }

    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("inspect")?
            .call_method1("signature", (&self.function,))
    }

    /// A string says: it is found under this name in its module. That goes for `copy` as well.
    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        this.getattr(intern!(this.py(), "__qualname__"))
    }

    fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
        let name = this.getattr(intern!(this.py(), "__qualname__"))?;
        Ok(format!("<coroutine function {name}>"))
    }
}
