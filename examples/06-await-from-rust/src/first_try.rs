//! The first way to await Python from Rust: a worker attaches, and asks the loop to make a Task.
//!
//! Kept as it is so that its flaws can be run; `pyo3_await::call` is the repair.

use std::sync::Mutex;

use pyo3::{
    exceptions::PyRuntimeError,
    prelude::*,
    types::{PyCFunction, PyDict, PyTuple},
};
use pyo3_await::Coroutine;
use tokio::sync::oneshot::{self, Sender};

/// Awaits to what the awaitable that `function()` returns brings, as `call`.
///
/// Raises what it raises, and `RuntimeError` if its loop forgets it.
#[pyfunction]
pub fn first_try_call(py: Python<'_>, function: Py<PyAny>) -> PyResult<Coroutine> {
    let event_loop = running_loop(py)?;
    let future = first_call(event_loop, function);
    Ok(pyo3_await::spawn("first_try_call", future))
}

pub fn running_loop(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let asyncio = py.import("asyncio")?;
    Ok(asyncio.call_method0("get_running_loop")?.unbind())
}

pub async fn first_call(event_loop: Py<PyAny>, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let (sender, receiver) = oneshot::channel();
    Python::attach(|py| {
        let awaitable = function.call0(py)?;
        let start = starts(py, awaitable, ends(py, sender)?)?;
        event_loop.call_method1(py, "call_soon_threadsafe", (start,))
    })?;
    receiver.await.map_err(|_| forgotten())?
}

/// Returns what the loop is to call: it makes a Task of the awaitable.
fn starts(
    py: Python<'_>,
    awaitable: Py<PyAny>,
    ended: Py<PyCFunction>,
) -> PyResult<Bound<'_, PyCFunction>> {
    let start = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let asyncio = arguments.py().import("asyncio")?;
        let task = asyncio.call_method1("ensure_future", (&awaitable,))?;
        task.call_method1("add_done_callback", (&ended,)).map(drop)
    };
    PyCFunction::new_closure(py, None, None, start)
}

/// Returns what the Task is to call when it is done: it sends the result to the future.
fn ends(py: Python<'_>, sender: Sender<PyResult<Py<PyAny>>>) -> PyResult<Py<PyCFunction>> {
    let sender = Mutex::new(Some(sender));
    let ended = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
        let task = arguments.get_item(0)?;
        let result = task.call_method0("result").map(Bound::unbind);
        let sender = sender.lock().map_or(None, |mut slot| slot.take());
        drop(sender.map(|sender| sender.send(result)));
        PyResult::Ok(())
    };
    Ok(PyCFunction::new_closure(py, None, None, ended)?.unbind())
}

fn forgotten() -> PyErr {
    PyRuntimeError::new_err("the loop has forgotten the Task")
}
