//! A function of Python's, awaited by Rust.

use pyo3::prelude::*;
use tracing::Span;

use crate::span;

/// Awaits `load(key)`, in the Task that awaits the future: with its context variables, both ways, and
/// its cancellation. The current span is the parent of those that it makes; `outer` is again afterwards.
///
/// A Task awaits one thing at a time. If you want a timeout of Rust around a hook, or two at once, use
/// `call_with` here, which has a Task of its own.
pub async fn load(load: Py<PyAny>, key: String, outer: Span) -> PyResult<String> {
    let span = Span::current();
    let begin = move |py: Python<'_>| {
        span::set_current(py, span)?;
        load.call1(py, (key,))
    };
    pyo3_await::call_in_task_with(begin, move |py, outcome| {
        span::set_current(py, outer)?;
        outcome?.extract()
    })
    .await
}
