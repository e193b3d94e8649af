//! The first stream: each item is a future of its own.
//!
//! Right, slow, and it loses items. Kept as it is so that its flaws can be run.

use std::{convert::Infallible, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use pyo3::{exceptions::PyStopAsyncIteration, prelude::*};
use pyo3_await::Coroutine;
use tokio::sync::Mutex;

type RustStream = Pin<Box<dyn Stream<Item = PyResult<u64>> + Send>>;

/// Iterates over a Rust stream, by one future an item.
#[pyclass(frozen, module = "rust_streams")]
pub struct FirstTry {
    stream: Arc<Mutex<RustStream>>,
}

impl FirstTry {
    fn new<E: Into<PyErr>>(stream: impl Stream<Item = Result<u64, E>> + Send + 'static) -> Self {
        let stream: RustStream = Box::pin(stream.map(|item| item.map_err(Into::into)));
        Self {
            stream: Arc::new(Mutex::new(stream)),
        }
    }
}

#[pymethods]
impl FirstTry {
    fn __aiter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __anext__(&self) -> Coroutine {
        let stream = Arc::clone(&self.stream);
        pyo3_await::spawn("first_try", async move {
            let item = stream.lock().await.next().await;
            item.unwrap_or_else(|| Err(PyStopAsyncIteration::new_err(())))
        })
    }
}

/// As `count`, by the first stream.
#[pyfunction]
pub fn first_try_count(n: u64) -> FirstTry {
    FirstTry::new(stream::iter((0..n).map(Ok::<_, Infallible>)))
}
