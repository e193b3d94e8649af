//! What a loop in Rust owes its caller between two steps: Ctrl-C, and a turn for the other threads.
//!
//! A loop in Python gets both from the interpreter, which looks for signals and for waiting threads
//! while it runs bytecode. A loop in Rust runs none. The deadline is our own addition.

use std::time::{Duration, Instant};

use pyo3::{
    exceptions::{PyTimeoutError, PyValueError},
    prelude::*,
};

/// How long the caller is willing to wait.
pub struct Patience {
    timeout: Option<f64>,
    deadline: Option<Instant>,
}

impl Patience {
    /// Starts the clock. `timeout` is in seconds; `None` and infinity wait for ever, and one that
    /// is not positive is over at the first yield. Raises `ValueError` for NaN, as
    /// `threading.Lock.acquire` does.
    pub fn new(timeout: Option<f64>) -> PyResult<Self> {
        if timeout.is_some_and(f64::is_nan) {
            return Err(PyValueError::new_err("Invalid value NaN (not a number)"));
        }
        let deadline = timeout
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
            .and_then(|wait| Instant::now().checked_add(wait));
        Ok(Self { timeout, deadline })
    }

    /// To be called after each yield. Raises `KeyboardInterrupt`, or whatever else a signal's
    /// handler raises, and `TimeoutError` once the time is up.
    pub fn between_steps(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?; // forget it, and Ctrl-C may stay unheard until the awaitable ends
        py.detach(|| ()); // forget it, and the other threads may stand still until then
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(self.time_is_up(py)?),
            _ => Ok(()),
        }
    }

    fn time_is_up(&self, py: Python<'_>) -> PyResult<PyErr> {
        let seconds = self.timeout.into_pyobject(py)?.repr()?;
        Ok(PyTimeoutError::new_err(format!(
            "not done within {seconds} seconds"
        )))
    }
}
