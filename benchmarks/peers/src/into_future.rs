//! Python awaited from Rust by pyo3-async-runtimes: `future_into_py` over `into_future`.

use pyo3::prelude::*;
use pyo3_async_runtimes::tokio::{future_into_py, into_future};

/// Resolves to what the awaitable that `function()` returns resolves to.
///
/// # Errors
/// If no loop runs.
#[pyfunction]
pub fn call(py: Python<'_>, function: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    future_into_py(py, async move {
        let begun = Python::attach(|py| into_future(function.bind(py).call0()?));
        begun?.await
    })
}
