//! What the bridge asks of trio. The part that has to `await` is written in Python, beside this.

use std::sync::Arc;

use pyo3::{
    exceptions::PyStopIteration, ffi::c_str, intern, prelude::*, sync::PyOnceLock, types::PyDict,
};

use super::{
    asyncio,
    doorbell::{Bell, Doorbell},
    event_loop::{EventLoop, Library, Parked},
};

/// Returns the token of the run that this thread's task belongs to. A trio that nobody has imported
/// does not run, and is not imported for asking. A Task of asyncio inside a task of trio (as in
/// trio-asyncio) belongs to asyncio.
pub fn running(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static TOKEN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(in_trio_task) = in_trio_task(py)? else {
        return Ok(None);
    };
    if !in_trio_task.call0()?.is_truthy()? || asyncio::in_task(py)? {
        return Ok(None);
    }
    let token = TOKEN.import(py, "trio.lowlevel", "current_trio_token")?;
    token.call0().map(Some)
}

/// Returns trio's function of this name, if trio is imported: wholly, and not just by another
/// thread at this moment.
fn in_trio_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let modules = MODULES.import(py, "sys", "modules")?;
    match modules.get_item(intern!(py, "trio.lowlevel"))? {
        Some(lowlevel) => lowlevel.getattr_opt(intern!(py, "in_trio_task")),
        None => Ok(None),
    }
}

/// Starts a task of the run that watches a new bell.
pub fn connect(token: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let event_loop = EventLoop::new(Library::Trio, Bell::wire()?, token)?;
    let doorbell = Doorbell::kept(&event_loop);
    let py = token.py();
    let watch = python_side(py)?.getattr("watch")?;
    py.import("trio.lowlevel")?
        .call_method1("spawn_system_task", (watch, doorbell))?;
    Ok(event_loop)
}

/// Begins to wait for the current task to be rescheduled.
pub fn park(py: Python<'_>, cancellable: bool) -> PyResult<Parked<'_>> {
    let parked = python_side(py)?.call_method0(intern!(py, "Parked"))?;
    let wait = if cancellable {
        intern!(py, "wait")
    } else {
        intern!(py, "wait_shielded")
    };
    let waits_for = parked.call_method0(wait)?;
    Ok(Parked {
        resumed_by: parked,
        yields: waits_for.call_method1(intern!(py, "send"), (py.None(),))?,
        waits_for,
    })
}

/// Passes on what trio sends, and raises what it raises: a cancellation, or nothing.
pub fn resumed(waits_for: &Bound<'_, PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = sent.py();
    match waits_for.call_method1(intern!(py, "send"), (sent,)) {
        Err(error) if !error.is_instance_of::<PyStopIteration>(py) => Err(error),
        _ => Ok(()),
    }
}

pub fn resume(parked: &Bound<'_, PyAny>) -> PyResult<()> {
    parked
        .call_method0(intern!(parked.py(), "resume"))
        .map(drop)
}

pub fn has_ended(parked: &Bound<'_, PyAny>) -> PyResult<bool> {
    parked
        .call_method0(intern!(parked.py(), "has_ended"))?
        .extract()
}

fn python_side(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    const SOURCE: &std::ffi::CStr = c_str!(include_str!("trio_side.py"));
    let module = MODULE.get_or_try_init(py, || {
        let name = c"rust_futures.trio_side";
        PyModule::from_code(py, SOURCE, c"src/bridge/trio_side.py", name).map(Bound::unbind)
    })?;
    Ok(module.bind(py))
}
