//! As PyO3's `async fn`, which polls on the loop's thread: the work is spawned on tokio.

use std::panic::resume_unwind;

use pyo3::prelude::*;
use pyo3_async_runtimes::tokio::get_runtime;

/// PyO3's `async fn`.
#[pymodule]
pub mod async_fn {
    use pyo3::{
        exceptions::{PyStopIteration, PyValueError},
        prelude::*,
    };

    use super::spawned;
    use crate::work;
    #[pymodule_export]
    use crate::work::live_futures;

    #[pyfunction]
    #[pyo3(signature = (delay, result=None))]
    async fn sleep(delay: f64, result: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
        spawned(work::sleep(delay)).await;
        result
    }

    /// The same without a runtime of its own: PyO3 brings none.
    #[pyfunction]
    async fn sleep_unspawned(delay: f64) {
        work::sleep(delay).await;
    }

    /// Without the runtime, as it need not wait for anything.
    #[pyfunction]
    async fn ready() {}

    #[pyfunction]
    async fn yield_now() {
        spawned(work::yield_now()).await;
    }

    #[pyfunction]
    async fn pending() {
        spawned(work::pending()).await;
    }

    #[pyfunction]
    async fn explode(message: String) {
        spawned(work::explode(message)).await;
    }

    #[pyfunction]
    async fn fail(message: String) -> PyResult<()> {
        spawned(async move { Err(PyValueError::new_err(message)) }).await
    }

    /// What ends a coroutine, as an error.
    #[pyfunction]
    async fn stop_iteration() -> PyResult<()> {
        spawned(async { Err(PyStopIteration::new_err("value")) }).await
    }
}

/// Awaits to what `work` does on a worker, and panics as it does.
async fn spawned<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match get_runtime().spawn(work).await {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}
