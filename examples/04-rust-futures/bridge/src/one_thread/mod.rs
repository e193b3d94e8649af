//! An event loop of asyncio that waits in a tokio runtime of its own: one thread runs Python's tasks and
//! Rust's futures.
//!
//! - `selector.rs`: what the loop asks for events, and where it waits;
//! - `reactor.rs`: the runtime, and what it waits for;
//! - `future.rs`: what its Tasks wait for;
//! - `python_side.py`: the loop's class, and the handle that resumes its Tasks.
//!
//! The futures that have been woken wait in `event_loop/rounds.rs` for the reactor, which polls them. One
//! that is over has its coroutine delivered by the selector: its Task is resumed in the same turn of the
//! loop.

#[cfg(unix)]
mod future;
#[cfg(unix)]
mod reactor;
#[cfg(unix)]
mod selector;

use std::ffi::CStr;

use pyo3::{ffi::c_str, prelude::*, sync::PyOnceLock};

use crate::{coroutine::source::module_from, exit::StepGuard};

/// Returns a new event loop of asyncio, on whose thread tokio runs, too.
///
/// It is an `asyncio.SelectorEventLoop`, to be run and closed as any: `loop_factory=event_loop`. The
/// futures of this module's functions run on the loop's own thread, while it waits.
///
/// Raises `OSError` if the process has no file descriptors left, and `NotImplementedError` on Windows.
#[pyfunction]
#[allow(clippy::missing_errors_doc)] // said above: it is Python's text, too
pub fn event_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    new_event_loop(py)
}

/// Runs `main`, a coroutine, on a new `event_loop()`, as `asyncio.run` does on its own. Returns what it
/// returns.
///
/// `debug` is the loop's debug mode, None for the default one. Raises what `main` raises; `ValueError`
/// if that is no coroutine, and `RuntimeError` if an event loop runs on this thread.
#[pyfunction]
#[allow(clippy::missing_errors_doc)]
#[pyo3(signature = (main, *, debug=None))]
pub fn run<'py>(main: &Bound<'py, PyAny>, debug: Option<bool>) -> PyResult<Bound<'py, PyAny>> {
    let py = main.py();
    let _step = StepGuard::new(py); // this function stays on the stack
    let event_loop = wrap_pyfunction!(event_loop, py)?;
    python_side(py)?.call_method1("run", (main, event_loop, debug))
}

#[cfg(unix)]
fn new_event_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let selector = Bound::new(py, selector::Selector::new(py)?)?;
    match python_side(py)?.call_method1("EventLoop", (&selector,)) {
        Ok(event_loop) => {
            selector.get().serve(&event_loop)?;
            Ok(event_loop)
        }
        Err(error) => {
            selector.get().close(py)?; // else it would stay open
            Err(error)
        }
    }
}

#[cfg(not(unix))]
fn new_event_loop(_py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Err(pyo3::exceptions::PyNotImplementedError::new_err(
        "this system has no selector that can itself be waited for: use asyncio.new_event_loop()",
    ))
}

fn python_side(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    const SOURCE: &CStr = c_str!(include_str!("python_side.py"));
    let run = || module_from(py, SOURCE, "pyo3_await.one_thread").map(Bound::unbind);
    MODULE
        .get_or_try_init(py, run)
        .map(|module| module.bind(py))
}
