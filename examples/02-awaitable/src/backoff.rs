//! A real middle man: Rust works out a delay, and hands over to `asyncio.sleep`.

use pyo3::{exceptions::PyValueError, prelude::*};

/// Awaits as `asyncio.sleep(delay)`, where `delay` doubles with each attempt: `base * 2**attempt`,
/// at most `cap`, in seconds. The first attempt is number 0.
///
/// Raises `ValueError` if one of the three is negative or NaN, `OverflowError` if `attempt` takes
/// more than 64 bits; when awaited, what `asyncio.sleep` raises, as where no asyncio loop is running.
#[pyclass(frozen, module = "awaitable")]
pub struct Backoff {
    /// The delay, in seconds.
    #[pyo3(get)]
    delay: f64,
}

#[pymethods]
impl Backoff {
    #[new]
    #[pyo3(signature = (attempt, *, base=0.1, cap=10.0))]
    fn new(attempt: i64, base: f64, cap: f64) -> PyResult<Self> {
        if !(attempt >= 0 && base >= 0.0 && cap >= 0.0) {
            let message = "attempt, base and cap must be non-negative";
            return Err(PyValueError::new_err(message));
        }
        let doublings = i32::try_from(attempt).map_or(1023, |n| n.min(1023)); // 2**1024 is infinite
        let delay = (base * 2_f64.powi(doublings)).min(cap);
        Ok(Self { delay })
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let asyncio = py.import("asyncio")?;
        let sleep = asyncio.call_method1("sleep", (self.delay,))?;
        sleep.call_method0("__await__")
    }

    fn __repr__(&self) -> String {
        format!("<Backoff of {:?} seconds>", self.delay)
    }
}
