//! The second half of `await x`: step the iterator until it ends. `README.md` says what a yield
//! means.

use pyo3::{
    exceptions::{PyKeyboardInterrupt, PyRuntimeError, PySystemExit},
    prelude::*,
    types::{PyIterator, iterator::PySendResult},
};

use crate::{between_steps::Patience, get_awaitable::get_awaitable};

/// Drives `awaitable` to its end, without an event loop, and returns its result.
///
/// `timeout` is in seconds and looked at after each yield; without one there is no limit.
///
/// Raises whatever the awaitable raises, untouched; what `await` raises for an object that cannot
/// be awaited, or not again; `ValueError` for a `timeout` that is NaN. Three more come from here:
/// `RuntimeError` when anything but `None` is yielded, as only an event loop could serve that,
/// `TimeoutError` when the time is up, `KeyboardInterrupt` on Ctrl-C. Before any of these three the
/// awaitable is closed, so that nothing is left half-run.
#[pyfunction]
#[pyo3(signature = (awaitable, *, timeout=None))]
pub fn drive<'py>(
    awaitable: &Bound<'py, PyAny>,
    timeout: Option<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = awaitable.py();
    let patience = Patience::new(timeout)?;
    let steps = get_awaitable(awaitable)?;
    loop {
        match steps.send(&py.None().into_bound(py))? {
            PySendResult::Return(value) => return Ok(value),
            PySendResult::Next(yielded) => refuse_request(&yielded)
                .and_then(|()| patience.between_steps(py))
                .map_err(|reason| close(&steps, reason))?,
        }
    }
}

/// `None` asks for nothing but the next step. Anything else is a request: an `asyncio.Future` that
/// wants to be waited for, one of trio's traps. Stepping on would tell the awaitable, falsely, that
/// it has been served.
pub fn refuse_request(yielded: &Bound<'_, PyAny>) -> PyResult<()> {
    if yielded.is_none() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(format!(
        "no event loop here to serve what was yielded: {}",
        yielded.repr()?
    )))
}

/// Closes a half-run awaitable, so that its `finally` blocks run now, and returns the error to
/// raise next: `reason`, with what `close()` itself raised, if it did, as its context. Only what
/// ends the program takes precedence.
pub fn close(steps: &Bound<'_, PyIterator>, reason: PyErr) -> PyErr {
    let py = steps.py();
    match try_close(steps) {
        Ok(()) => reason,
        Err(error) if ends_the_program(&error, py) => {
            error.set_context(py, Some(reason));
            error
        }
        Err(error) => {
            reason.set_context(py, Some(error));
            reason
        }
    }
}

/// An iterator need not have a `close()`: generators and coroutines do.
pub fn try_close(steps: &Bound<'_, PyIterator>) -> PyResult<()> {
    if let Some(close) = steps.getattr_opt("close")? {
        close.call0()?;
    }
    Ok(())
}

/// The two exceptions that `asyncio.Task` passes on as well, whatever else it catches.
pub fn ends_the_program(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py)
}
