//! What the bridge asks of asyncio, and of the loops that follow its protocol, such as uvloop.

use std::sync::Arc;

use pyo3::{
    exceptions::PyNotImplementedError, intern, prelude::*, sync::PyOnceLock,
    types::PyWeakrefReference,
};

use super::{
    doorbell::{Bell, Doorbell},
    event_loop::{EventLoop, Library, Parked},
    messenger,
};

/// Returns the loop that runs on this thread.
pub fn running(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running = RUNNING
        .import(py, "asyncio", "_get_running_loop")?
        .call0()?;
    Ok(Some(running).filter(|running| !running.is_none()))
}

/// Is a Task of the loop that runs on this thread at work?
pub fn in_task(py: Python<'_>) -> PyResult<bool> {
    if running(py)?.is_none() {
        return Ok(false);
    }
    let task = py.import("asyncio")?.call_method0("current_task")?;
    Ok(!task.is_none())
}

/// Makes `running` watch a new bell, one way or the other.
pub fn connect(running: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    match watch(running) {
        Err(error) if error.is_instance_of::<PyNotImplementedError>(running.py()) => {
            be_called(running)
        }
        watched => watched,
    }
}

fn watch(running: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let event_loop = EventLoop::new(Library::Asyncio, Bell::wire()?, running)?;
    let doorbell = Doorbell::kept(&event_loop);
    running.call_method1("add_reader", (event_loop.bell().fileno(), doorbell))?;
    Ok(event_loop)
}

/// A loop that cannot watch a socket keeps the doorbell in a timer that never ends.
fn be_called(running: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let messenger = messenger::start(running.py())?;
    let weak = PyWeakrefReference::new(running)?.unbind();
    let event_loop = EventLoop::new(Library::Asyncio, Bell::Messenger(weak, messenger), running)?;
    let doorbell = Doorbell::kept(&event_loop);
    running.call_method1("call_at", (f64::INFINITY, doorbell))?;
    Ok(event_loop)
}

/// Makes a future of `running`, marked as `await` marks the one that it passes on: a Task that is
/// given it waits for it.
pub fn park<'py>(running: &Bound<'py, PyAny>) -> PyResult<Parked<'py>> {
    let py = running.py();
    let future = running.call_method0(intern!(py, "create_future"))?;
    future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
    Ok(Parked {
        resumed_by: future.clone(),
        waits_for: future.clone(),
        yields: future,
    })
}

/// Resumes what waits for `future`, unless that has been cancelled meanwhile.
pub fn resume(future: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = future.py();
    if future.call_method0(intern!(py, "done"))?.is_truthy()? {
        return Ok(());
    }
    let result = (py.None(),);
    future
        .call_method1(intern!(py, "set_result"), result)
        .map(drop)
}
