//! The functions of this module: each is a future that awaits Python.

use std::time::Duration;

use futures_util::{
    StreamExt, TryStreamExt,
    future::{select_all, try_join_all},
    stream,
};
use pyo3::{
    exceptions::{PyException, PyTimeoutError, PyValueError},
    prelude::*,
    types::PyTuple,
};
use pyo3_await::{AsyncIterator, Call, Coroutine};
use tokio::time::{sleep, timeout};

/// Resolves to what the awaitable that `function(*args)` returns resolves to.
#[pyfunction]
#[pyo3(signature = (function, *args))]
pub fn call(function: Py<PyAny>, args: Py<PyTuple>) -> Coroutine {
    pyo3_await::inline("call", async move {
        pyo3_await::call::<Py<PyAny>, _>(move |py| function.call1(py, args)).await
    })
}

/// Awaits what each of the functions returns, all at once, and resolves to the list of the results,
/// in this order.
///
/// The first error cancels the others, and is raised when they have ended.
#[pyfunction]
pub fn call_all(functions: &Bound<'_, PyAny>) -> PyResult<Coroutine> {
    let calls = items_of(functions)?.into_iter().map(begin);
    Ok(pyo3_await::inline("call_all", try_join_all(calls)))
}

/// Awaits what each of the functions returns, all at once, and resolves to the first result, or raises
/// the first error. The others are cancelled, and have ended by then.
///
/// Raises `ValueError` if there is no function.
#[pyfunction]
pub fn first(functions: &Bound<'_, PyAny>) -> PyResult<Coroutine> {
    let functions = items_of(functions)?;
    if functions.is_empty() {
        return Err(PyValueError::new_err("first() needs a function"));
    }
    Ok(pyo3_await::inline("first", async move {
        let (result, _, others) = select_all(functions.into_iter().map(begin)).await;
        drop(others);
        result
    }))
}

pub fn begin(function: Py<PyAny>) -> Call<Py<PyAny>> {
    pyo3_await::call(move |py| function.call0(py))
}

/// Resolves to what the awaitable that `function()` returns resolves to.
///
/// Raises `TimeoutError` if that takes longer than so many seconds. It has been cancelled then, and has
/// ended.
#[pyfunction]
pub fn with_timeout(function: Py<PyAny>, seconds: f64) -> Coroutine {
    pyo3_await::inline("with_timeout", async move {
        let result = timeout(duration(seconds)?, begin(function)).await;
        result.map_err(|_| PyTimeoutError::new_err(()))?
    })
}

/// Awaits what `function()` returns, up to `attempts` times, and resolves to the first result.
///
/// After an error it waits for `base` seconds, and each time for twice as long. The last error is
/// raised. What is no `Exception`, such as a cancellation, is raised at once.
///
/// Raises `ValueError` if there is to be no attempt.
#[pyfunction]
pub fn retry(function: Py<PyAny>, attempts: usize, base: f64) -> PyResult<Coroutine> {
    if attempts == 0 {
        return Err(PyValueError::new_err("there must be at least one attempt"));
    }
    Ok(pyo3_await::inline("retry", async move {
        let function = std::sync::Arc::new(function);
        let mut delay = duration(base)?;
        for _ in 1..attempts {
            let function = std::sync::Arc::clone(&function);
            match attempt(move |py| function.call0(py)).await? {
                Ok(result) => return Ok(result),
                Err(_) => sleep(delay).await,
            }
            delay = delay.saturating_mul(2);
        }
        pyo3_await::call(move |py| function.call0(py)).await
    }))
}

type Attempt = Result<Py<PyAny>, PyErr>;

/// Tells an error, which can be tried again, from what cannot.
fn attempt<B>(begin: B) -> Call<Attempt>
where
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
{
    pyo3_await::call_with(begin, |py, outcome| match outcome {
        Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
        outcome => Ok(outcome.map(Bound::unbind)),
    })
}

/// Awaits `function(item)` for each item, at most `limit` at a time, and resolves to the list of the
/// results, in the order of the items.
///
/// The first error cancels the others, and is raised when they have ended. Raises `ValueError` if
/// `limit` is 0.
#[pyfunction]
pub fn map_concurrently(
    function: &Bound<'_, PyAny>,
    items: &Bound<'_, PyAny>,
    limit: usize,
) -> PyResult<Coroutine> {
    if limit == 0 {
        return Err(PyValueError::new_err("limit must be at least 1"));
    }
    let calls: Vec<_> = items_of(items)?
        .into_iter()
        .map(|item| {
            let function = function.clone().unbind();
            pyo3_await::call::<Py<PyAny>, _>(move |py| function.call1(py, (item,)))
        })
        .collect();
    let results = stream::iter(calls).buffered(limit);
    Ok(pyo3_await::inline(
        "map_concurrently",
        results.try_collect::<Vec<_>>(),
    ))
}

/// Resolves to a list of what the async iterable brings.
#[pyfunction]
pub fn collect(async_iterable: Py<PyAny>) -> Coroutine {
    let items = pyo3_await::async_iter_in_task::<Py<PyAny>, _>(move |_| Ok(async_iterable));
    pyo3_await::inline("collect", items.try_collect::<Vec<_>>())
}

/// As `collect`, by a Task of its own.
#[pyfunction]
pub fn collect_by_task(async_iterable: Py<PyAny>) -> Coroutine {
    let items = pyo3_await::async_iter::<Py<PyAny>, _>(move |_| Ok(async_iterable));
    pyo3_await::inline("collect_by_task", items.try_collect::<Vec<_>>())
}

/// Returns an async iterator of what the async iterables bring, as it comes.
///
/// The first error closes the others, and is raised when they have ended. To close it closes them all.
#[pyfunction]
#[pyo3(signature = (*async_iterables))]
pub fn merge(async_iterables: Vec<Py<PyAny>>) -> AsyncIterator {
    let streams = async_iterables
        .into_iter()
        .map(|iterable| pyo3_await::async_iter::<Py<PyAny>, _>(move |_| Ok(iterable)));
    pyo3_await::inline_stream("merge", stream::select_all(streams))
}

/// Takes what an iterable has, as `list()` does.
fn items_of(iterable: &Bound<'_, PyAny>) -> PyResult<Vec<Py<PyAny>>> {
    let items = iterable.try_iter()?;
    items.map(|item| item.map(Bound::unbind)).collect()
}

pub fn duration(seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() {
        return Err(PyValueError::new_err("Invalid delay: NaN (not a number)"));
    }
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// Returns how many Rust futures exist: each from the call that made its coroutine until it is
/// finished or dropped.
#[pyfunction]
pub fn live_futures() -> usize {
    pyo3_await::alive()
}
