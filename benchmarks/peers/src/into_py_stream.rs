//! A Rust stream as an async iterator in the usual way: a class that makes one future an item.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use pyo3::{exceptions::PyStopAsyncIteration, prelude::*};
use pyo3_async_runtimes::tokio::future_into_py;
use tokio::sync::Mutex;

type Numbers = Pin<Box<dyn Stream<Item = u64> + Send>>;

#[pyclass(frozen)]
pub struct IntoPyStream(Arc<Mutex<Numbers>>);

#[pymethods]
impl IntoPyStream {
    fn __aiter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let numbers = Arc::clone(&self.0);
        future_into_py(py, async move {
            let number = numbers.lock().await.next().await;
            number.ok_or_else(|| PyStopAsyncIteration::new_err(()))
        })
    }
}

/// Iterates over 0 to `n` - 1, every item ready at once.
#[pyfunction]
pub fn count(n: u64) -> IntoPyStream {
    IntoPyStream(Arc::new(Mutex::new(Box::pin(stream::iter(0..n)))))
}
