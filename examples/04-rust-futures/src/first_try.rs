//! The first bridge: polls the future where Python steps the awaitable.
//!
//! Kept as it is so that its flaws can be run; the folder `bridge` is the repair.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use pyo3::{IntoPyObjectExt, exceptions::PyStopIteration, prelude::*};

use crate::work::{notice_a_beat, take_steps};

type RustFuture = Pin<Box<dyn Future<Output = PyResult<Py<PyAny>>> + Send>>;

/// Awaits to what a Rust future returns.
#[pyclass(frozen, module = "rust_futures")]
pub struct FirstTry {
    future: Mutex<RustFuture>,
}

impl FirstTry {
    fn new<T, E>(future: impl Future<Output = Result<T, E>> + Send + 'static) -> Self
    where
        T: for<'py> IntoPyObject<'py>,
        E: Into<PyErr>,
    {
        let future = Box::pin(async move {
            let result = future.await.map_err(Into::into)?;
            Python::attach(|py| result.into_py_any(py))
        });
        Self {
            future: Mutex::new(future),
        }
    }
}

#[pymethods]
impl FirstTry {
    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// Polls the future. Returns what the event loop is to wait for.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let event_loop = py.import("asyncio")?.call_method0("get_running_loop")?;
        let parked = event_loop.call_method0("create_future")?;
        let waker = Waker::from(Arc::new(CallSoon {
            event_loop: event_loop.unbind(),
            set_result: parked.getattr("set_result")?.unbind(),
        }));
        let mut future = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => Err(PyStopIteration::new_err((result?,))),
            Poll::Pending => {
                parked.setattr("_asyncio_future_blocking", true)?;
                Ok(parked)
            }
        }
    }
}

/// Wakes the event loop, from whatever thread it is called on.
struct CallSoon {
    event_loop: Py<PyAny>,
    set_result: Py<PyAny>,
}

impl Wake for CallSoon {
    fn wake(self: Arc<Self>) {
        Python::attach(|py| {
            let arguments = (&self.set_result, py.None());
            let called = self
                .event_loop
                .call_method1(py, "call_soon_threadsafe", arguments);
            called.map_or_else(|error| error.write_unraisable(py, None), drop);
        });
    }
}

/// As `steps`, by the first bridge.
#[pyfunction]
pub fn first_try_steps(times: u64) -> FirstTry {
    FirstTry::new(take_steps(times))
}

/// As `compute`, by the first bridge.
#[pyfunction]
pub fn first_try_compute() -> FirstTry {
    FirstTry::new(notice_a_beat())
}

/// As `sleep`, by the first bridge.
#[pyfunction]
pub fn first_try_sleep(delay: f64) -> FirstTry {
    FirstTry::new(async move {
        tokio::time::sleep(Duration::from_secs_f64(delay)).await;
        Ok::<_, std::convert::Infallible>(Option::<Py<PyAny>>::None)
    })
}
