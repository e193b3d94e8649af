//! Python source that the compiled module contains.

use std::ffi::CStr;

use pyo3::prelude::*;

/// Runs the source in a module of this name, which nobody can import: one in `sys.modules` would be
/// shared with other extensions, and could be a user's. Tools that look for the file are told by its name
/// that there is none.
///
/// # Errors
///
/// What the source raises.
pub fn module_from<'py>(
    py: Python<'py>,
    source: &CStr,
    name: &str,
) -> PyResult<Bound<'py, PyModule>> {
    let module = PyModule::new(py, name)?;
    let builtins = py.import("builtins")?;
    module.setattr("__builtins__", &builtins)?;
    let compiled = (source, format!("<{name}>"), "exec");
    let code = builtins.call_method1("compile", compiled)?;
    builtins.call_method1("exec", (code, module.dict()))?;
    Ok(module)
}
