//! The code object and the frame that a coroutine shows: a Task's repr, tracing tools and the call
//! graph of 3.14 take a coroutine's name and place from these.
//!
//! `PyFrame_New` is not part of the limited API. A generator that has not begun has a frame, and
//! making one takes only what Python can do itself.

use std::panic::Location;

use pyo3::{
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyType},
};

use super::class::last_part;

/// Makes the code object of a generator function that is said to stand at `place`. Its code is never
/// run.
pub(super) fn code_at<'py>(
    py: Python<'py>,
    name: &str,
    place: &Location<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let changes = PyDict::new(py);
    changes.set_item("co_name", last_part(name))?;
    changes.set_item("co_qualname", name)?;
    changes.set_item("co_filename", place.file())?;
    changes.set_item("co_firstlineno", place.line())?;
    generator_code(py)?.call_method(intern!(py, "replace"), (), Some(&changes))
}

/// Makes a frame of a generator function's code, at its first line.
pub(super) fn frame_of(code: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = code.py();
    let function = FUNCTION.import(py, "types", "FunctionType")?;
    let generator = function.call1((code, PyDict::new(py)))?.call0()?;
    generator.getattr(intern!(py, "gi_frame"))
}

fn generator_code(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let code = CODE.get_or_try_init(py, || {
        let globals = PyDict::new(py);
        let code = py.eval(c"(lambda: (yield)).__code__", Some(&globals), None)?;
        PyResult::Ok(code.unbind())
    })?;
    Ok(code.bind(py))
}
