//! The class: the methods and attributes of every coroutine, whatever its body does. This folder is
//! chapter 03's, which explains it; only the body is another.
//!
//! Source: `coro_methods` and `coro_getsetlist` in CPython's `Objects/genobject.c`.

mod close;
mod last_words;
pub mod made_now;
mod state;
pub mod steps;
mod throw;
mod thrown;

use std::ffi::CString;

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
    types::{PyFrame, PyTuple},
};

use super::body::{self, Body, Source};
use state::State;
use steps::Input;
use thrown::Thrown;

/// A coroutine that awaits a Rust future.
#[pyclass(frozen, weakref, module = "rust_futures")]
pub struct Coroutine {
    source: Source,
    state: Mutex<State>,
}

impl Coroutine {
    pub fn new(source: Source, body: Body) -> Self {
        let state = Mutex::new(State::Created(body));
        Self { source, state }
    }

    fn frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrame>> {
        let Source { name, place } = self.source;
        let file = CString::new(place.file())?;
        PyFrame::new(py, &file, name, i32::try_from(place.line())?)
    }
}

#[pymethods]
impl Coroutine {
    /// Returns the coroutine itself, which is an iterator to `await`, though not to `iter()`.
    ///
    /// Raises `RuntimeError` if somebody awaits it already: two would take each other's steps.
    fn __await__(this: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if this.get().cr_suspended() {
            let message = "coroutine is being awaited already";
            return Err(PyRuntimeError::new_err(message));
        }
        Ok(this)
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.take_turn()?
            .resume(py, Input::Send(py.None().into_bound(py)))
    }

    /// Resumes the coroutine with `value`, and returns what it yields next.
    ///
    /// Raises `StopIteration` with the result when it returns, and what it raises. `TypeError` if
    /// it has not begun and `value` is not None, `ValueError` if it is running, `RuntimeError` if
    /// it is over.
    fn send<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let turn = self.take_turn()?;
        if turn.is_new && !value.is_none() {
            turn.put_back();
            let message = "can't send non-None value to a just-started coroutine";
            return Err(PyTypeError::new_err(message));
        }
        turn.resume(value.py(), Input::Send(value))
    }

    /// Raises an exception where the coroutine stands, and returns what it yields next.
    ///
    /// Takes an exception or its class; class, value and traceback apart are deprecated. Raises as
    /// `send` does, and `TypeError` for what is no exception.
    #[pyo3(signature = (*arguments), text_signature = "($self, typ, val=None, tb=None, /)")]
    fn throw<'py>(&self, arguments: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.throw_in(Thrown::new(arguments)?)
    }

    /// Ends the coroutine: raises `GeneratorExit` where it stands, unless it has not begun or is
    /// over. Returns None or, from 3.13, what it returns.
    ///
    /// Raises what it raises instead; `RuntimeError` if it yields, `ValueError` if it is running.
    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.close_now(py)
    }

    /// What the coroutine awaits, or None.
    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &*self.lock() {
            State::Suspended(body) => body.awaits().map(|object| object.clone_ref(py)),
            _ => None,
        }
    }

    /// `inspect.getcoroutinestate` asks for it from 3.15, and works it out from the others before.
    #[getter]
    fn cr_state(&self) -> &'static str {
        match *self.lock() {
            State::Created(_) => "CORO_CREATED",
            State::Suspended(_) => "CORO_SUSPENDED",
            State::Running => "CORO_RUNNING",
            State::Closed => "CORO_CLOSED",
        }
    }

    #[getter]
    fn cr_running(&self) -> bool {
        matches!(*self.lock(), State::Running)
    }

    #[getter]
    fn cr_suspended(&self) -> bool {
        matches!(*self.lock(), State::Suspended(_))
    }

    /// A code object that knows its name, and its file and line in the Rust sources, and no code.
    #[getter]
    fn cr_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.frame(py)?.getattr("f_code")
    }

    /// A frame of that code, with no locals and nothing before it; None when the coroutine is over.
    #[getter]
    fn cr_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyFrame>>> {
        if matches!(*self.lock(), State::Closed) {
            return Ok(None);
        }
        self.frame(py).map(Some)
    }

    /// Always None: see `sys.set_coroutine_origin_tracking_depth`, which is not followed.
    #[getter]
    #[allow(clippy::unused_self)] // a method is what Python calls
    fn cr_origin(&self) -> Option<Py<PyAny>> {
        None
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.source.name.to_str().unwrap_or_default()
    }

    #[getter]
    fn __qualname__(&self) -> &'static str {
        self.__name__()
    }

    fn __repr__(this: &Bound<'_, Self>) -> String {
        let name = this.get().__name__();
        format!("<coroutine object {name} at {:p}>", this.as_ptr())
    }

    /// Forget it, and a Task and its coroutine, which hold each other, are never freed. A body that
    /// is running is on a stack, and so in use; a lock that is taken says the same.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.state.try_lock().as_deref() {
            Some(State::Created(body) | State::Suspended(body)) => body.traverse(&visit),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        Python::attach(|py| self.finalize(py));
    }
}
