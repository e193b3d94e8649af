//! The class: the methods and attributes of every coroutine, whatever its body does.
//!
//! Source: `coro_methods` and `coro_getsetlist` in CPython's `Objects/genobject.c`.

use std::{borrow::Cow, panic::Location};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyTypeError},
    prelude::*,
    types::PyTuple,
};

use super::{
    body::{Body, Input},
    frame::{code_at, frame_of},
    state::State,
    thrown::Thrown,
};

/// A coroutine in Rust. One class serves them all, as `types.CoroutineType` serves every
/// `async def`; what differs is the body.
#[pyclass(frozen, weakref, generic)]
pub struct Coroutine {
    name: Cow<'static, str>,
    place: &'static Location<'static>,
    pub(super) state: Mutex<State>,
}

impl Coroutine {
    /// Makes a coroutine that has not begun. `name` is its `__qualname__`. `place` is what a Task's
    /// repr shows of it, such as `Location::caller()`.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        place: &'static Location<'static>,
        body: impl Body + 'static,
    ) -> Self {
        let name = name.into();
        let state = Mutex::new(State::Created(Box::new(body))); // no allocation for an empty body
        Self { name, place, state }
    }

    /// The place in the Rust sources that others are shown.
    #[must_use]
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    fn is_awaited_by_another(&self) -> bool {
        match &*self.lock() {
            State::Suspended(body) => !body.tells_awaiters_apart(),
            _ => false,
        }
    }

    /// Its whole name, with the class for that of a method: `Connection.read`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[pymethods]
impl Coroutine {
    /// The crate whose library this file is compiled into. Without it the class would say that it
    /// comes from `builtins`.
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    /// Returns the coroutine itself, which is an iterator to `await`, though not to `iter()`.
    ///
    /// Raises `RuntimeError` if somebody awaits it already: two would take each other's steps.
    fn __await__(this: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if this.get().is_awaited_by_another() {
            let message = "coroutine is being awaited already";
            return Err(PyRuntimeError::new_err(message));
        }
        Ok(this)
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.take_body(py)?.next(py)
    }

    /// Resumes the coroutine with `value`, and returns what it yields next.
    ///
    /// Raises `StopIteration` with the result when it returns, and what it raises. `TypeError` if
    /// it has not begun and `value` is not None, `ValueError` if it is running, `RuntimeError` if
    /// it is over.
    fn send<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        let running = self.take_body(py)?;
        if running.is_new && !value.is_none() {
            running.put_back();
            let message = "can't send non-None value to a just-started coroutine";
            return Err(PyTypeError::new_err(message));
        }
        running.resume(py, Input::Send(value))
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

    /// A code object that knows its name, and its file and line in the Rust sources, and no code
    /// of ours.
    #[getter]
    fn cr_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        code_at(py, &self.name, self.place)
    }

    /// A frame of that code, with no locals and nothing before it; None when the coroutine is over.
    #[getter]
    fn cr_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if matches!(*self.lock(), State::Closed) {
            return Ok(None);
        }
        frame_of(self.cr_code(py)?).map(Some)
    }

    /// Always None: see `sys.set_coroutine_origin_tracking_depth`, which is not followed.
    #[getter]
    #[allow(clippy::unused_self)] // a method is what Python calls
    fn cr_origin(&self) -> Option<Py<PyAny>> {
        None
    }

    #[getter]
    fn __name__(&self) -> &str {
        last_part(&self.name)
    }

    #[getter]
    fn __qualname__(&self) -> &str {
        &self.name
    }

    fn __repr__(this: &Bound<'_, Self>) -> String {
        let name = &this.get().name;
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
        Python::try_attach(|py| self.finalize(py));
    }
}

/// The `__name__` of a `__qualname__`.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
