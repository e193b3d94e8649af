//! Awaited in the Task that awaits the Rust future: quick, with its context, and one at a time.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, future::join};
use pyo3::{exceptions::PyTimeoutError, prelude::*, types::PyTuple};
use pyo3_await::{Call, Coroutine};
use tokio::time::timeout;

/// As `call`, in the Task that awaits it: its context variables, its cancellation.
#[pyfunction]
#[pyo3(signature = (function, *args))]
pub fn call_in_task(function: Py<PyAny>, args: Py<PyTuple>) -> Coroutine {
    let call = pyo3_await::call_in_task::<Py<PyAny>, _>(move |py| function.call1(py, args));
    pyo3_await::inline("call_in_task", call)
}

/// As `call_in_task`, by a future that the runtime's threads poll.
#[pyfunction]
pub fn call_in_task_from_worker(function: Py<PyAny>) -> Coroutine {
    pyo3_await::spawn("call_in_task_from_worker", begin(function))
}

/// Awaits what both return, and resolves to both results. One Task awaits one thing at a time, so this
/// takes as long as the one and then the other.
#[pyfunction]
pub fn both_in_task(one: Py<PyAny>, other: Py<PyAny>) -> Coroutine {
    pyo3_await::spawn("both_in_task", async move {
        let (one, other) = join(begin(one), begin(other)).await;
        PyResult::Ok((one?, other?))
    })
}

/// As `with_timeout`, in the way that does not work: when the time is over, the Task still awaits what
/// `function()` returned, and `TimeoutError` is raised after that.
#[pyfunction]
pub fn timeout_in_task(function: Py<PyAny>, seconds: f64) -> Coroutine {
    pyo3_await::spawn("timeout_in_task", async move {
        let result = timeout(Duration::from_secs_f64(seconds), begin(function)).await;
        result.map_err(|_| PyTimeoutError::new_err(()))?
    })
}

fn begin(function: Py<PyAny>) -> Call<Py<PyAny>> {
    pyo3_await::call_in_task(move |py| function.call0(py))
}

/// Resolves to a list of the first items of an async iterable, `count` at most, and closes it: by a Task
/// of its own, or `in_task`.
#[pyfunction]
#[pyo3(signature = (async_iterable, count, *, in_task=false))]
pub fn take(async_iterable: Py<PyAny>, count: usize, in_task: bool) -> Coroutine {
    if in_task {
        let items = pyo3_await::async_iter_in_task::<Py<PyAny>, _>(|_| Ok(async_iterable));
        pyo3_await::inline("take", items.take(count).try_collect::<Vec<_>>())
    } else {
        let items = pyo3_await::async_iter::<Py<PyAny>, _>(|_| Ok(async_iterable));
        pyo3_await::inline("take", items.take(count).try_collect::<Vec<_>>())
    }
}
