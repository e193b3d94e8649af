//! By pyo3-async-runtimes: the future is spawned at the call, and Python gets an `asyncio.Future`.

use pyo3::prelude::*;

/// `future_into_py` of pyo3-async-runtimes.
#[pymodule]
pub mod into_py {
    use pyo3::{
        exceptions::{PyStopIteration, PyValueError},
        prelude::*,
    };
    use pyo3_async_runtimes::tokio::future_into_py;

    use crate::work;
    #[pymodule_export]
    use crate::{into_future::call, into_py_stream::count, work::live_futures};

    #[pyfunction]
    #[pyo3(signature = (delay, result=None))]
    fn sleep(py: Python<'_>, delay: f64, result: Option<Py<PyAny>>) -> PyResult<Bound<'_, PyAny>> {
        let work = work::sleep(delay);
        future_into_py(py, async move {
            work.await;
            Ok(result)
        })
    }

    #[pyfunction]
    fn yield_now(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        finish(py, work::yield_now())
    }

    #[pyfunction]
    fn pending(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        finish(py, work::pending())
    }

    #[pyfunction]
    fn explode(py: Python<'_>, message: String) -> PyResult<Bound<'_, PyAny>> {
        finish(py, work::explode(message))
    }

    #[pyfunction]
    fn fail(py: Python<'_>, message: String) -> PyResult<Bound<'_, PyAny>> {
        future_into_py(
            py,
            async move { Err::<(), _>(PyValueError::new_err(message)) },
        )
    }

    /// What asyncio's futures refuse, and what ends a coroutine.
    #[pyfunction]
    fn stop_iteration(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        future_into_py(py, async {
            Err::<(), _>(PyStopIteration::new_err("value"))
        })
    }

    fn finish(
        py: Python<'_>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> PyResult<Bound<'_, PyAny>> {
        future_into_py(py, async move {
            work.await;
            Ok(())
        })
    }
}
