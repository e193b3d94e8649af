//! From where Rust can call: a worker, a task spawned by hand, a thread of one's own.

use std::thread;

use futures_util::future::join;
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use pyo3_await::{Builder, Call, Caller, Coroutine};
use tokio::{runtime::Handle, sync::oneshot, task};

use crate::functions::begin;

/// As `call`, by a future that the runtime's threads poll.
#[pyfunction]
pub fn call_from_worker(function: Py<PyAny>) -> Coroutine {
    pyo3_await::spawn("call_from_worker", begin(function))
}

/// As `call`, by a task that is spawned by hand: it has a handle.
#[pyfunction]
pub fn call_from_task(function: Py<PyAny>) -> Coroutine {
    pyo3_await::inline("call_from_task", async move {
        let call = through(&Caller::current()?, function);
        task::spawn(call).await.map_err(gone)?
    })
}

/// As `call`, by a thread that is started for it, and waits.
#[pyfunction]
pub fn call_from_thread(function: Py<PyAny>) -> Coroutine {
    pyo3_await::inline("call_from_thread", async move {
        let call = through(&Caller::current()?, function);
        let (sender, receiver) = oneshot::channel();
        let runtime = Handle::current();
        thread::spawn(move || sender.send(runtime.block_on(call)));
        receiver.await.map_err(gone)?
    })
}

/// As `call_from_task`, in the way that does not work: no coroutine awaits the task, and it has no
/// handle. Raises `RuntimeError`.
#[pyfunction]
pub fn call_from_nowhere(function: Py<PyAny>) -> Coroutine {
    pyo3_await::inline("call_from_nowhere", async move {
        task::spawn(begin(function)).await.map_err(gone)?
    })
}

/// As `call`, by a future that must not be dropped half-way: a cancellation is raised at its end.
#[pyfunction]
pub fn call_uncancellable(function: Py<PyAny>) -> Coroutine {
    Builder::new("call_uncancellable")
        .uncancellable()
        .spawn(begin(function))
}

/// Awaits `function` and gives the future no result until `other` has ended, too: the one by the future
/// itself, the other by a handle.
#[pyfunction]
pub fn call_both_ways(function: Py<PyAny>, other: Py<PyAny>) -> Coroutine {
    pyo3_await::spawn("call_both_ways", async move {
        let other = through(&Caller::current()?, other);
        let (one, other) = join(begin(function), other).await;
        PyResult::Ok((one?, other?))
    })
}

/// A handle to the event loop that runs where it is made, and to the context there.
#[pyclass(frozen, module = "await_from_rust")]
pub struct LoopHandle(Caller);

#[pymethods]
impl LoopHandle {
    /// Raises `RuntimeError` if no event loop is running.
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        Caller::new(py).map(Self)
    }

    /// Returns what the awaitable that `function()` returns resolves to. Waits for that: on the loop's own
    /// thread it would wait for ever.
    ///
    /// Raises `RuntimeError` if the loop is closed.
    fn call(&self, py: Python<'_>, function: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let call = through(&self.0, function);
        let runtime = pyo3_await::runtime::handle(py)?;
        py.detach(|| runtime.block_on(call))
    }
}

fn through(caller: &Caller, function: Py<PyAny>) -> Call<Py<PyAny>> {
    caller.call(move |py| function.call0(py))
}

fn gone<E>(_: E) -> PyErr {
    PyRuntimeError::new_err("what was to call has gone")
}
