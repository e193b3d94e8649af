//! The class: what every coroutine has, whatever its body does.
//!
//! Source: `gen_send_ex2`, `_gen_throw`, `gen_close` and `_PyGen_Finalize` in CPython's
//! `Objects/genobject.c`. Where versions differ, `version_info()` says so.

use std::{
    ffi::CString,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{
        PyGeneratorExit, PyRuntimeError, PyRuntimeWarning, PyStopIteration, PyTypeError,
        PyValueError,
    },
    prelude::*,
    types::{PyFrame, PyTuple},
};

use crate::{
    body::{Body, Input, Source, Step},
    throw::Thrown,
};

/// A coroutine of this module. One class serves them all, as `types.CoroutineType` serves every
/// `async def`; what differs is the body.
#[pyclass(frozen, weakref, module = "coroutine_class")]
pub struct MyCoroutine {
    source: &'static Source,
    state: Mutex<State>,
}

/// The body is here between two steps. While it runs it is on the stack of the thread that runs it,
/// so that nobody else can: neither another thread nor, through what it calls, the body itself.
enum State {
    Created(Body),
    Suspended(Body),
    Running,
    Closed,
}

impl MyCoroutine {
    pub fn new(source: &'static Source, body: Body) -> Self {
        let state = Mutex::new(State::Created(body));
        Self { source, state }
    }

    /// Never hold this lock while Python code may run: that might come back here, and wait for ever.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body out to be run, if what comes in is for a coroutine in this state.
    fn start(&self, input: &Input<'_>) -> PyResult<Body> {
        let mut state = self.lock();
        match (mem::replace(&mut *state, State::Running), input) {
            (State::Created(body), Input::Send(value)) if !value.is_none() => {
                *state = State::Created(body);
                let message = "can't send non-None value to a just-started coroutine";
                Err(PyTypeError::new_err(message))
            }
            (State::Created(body) | State::Suspended(body), _) => Ok(body),
            (State::Running, _) => Err(PyValueError::new_err("coroutine already executing")),
            (State::Closed, _) => {
                *state = State::Closed;
                let message = "cannot reuse already awaited coroutine";
                Err(PyRuntimeError::new_err(message))
            }
        }
    }

    /// Runs the body to its next step. Returns what it yields; its return raises `StopIteration`.
    fn resume<'py>(&self, py: Python<'py>, input: Input<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut body = self.start(&input)?;
        let step = body.resume(py, input);
        let over = matches!(step, Ok(Step::Return(_)) | Err(_));
        *self.lock() = if over {
            State::Closed
        } else {
            State::Suspended(body)
        };
        match step {
            Ok(Step::Yield(yielded)) => Ok(yielded),
            Ok(Step::Return(result)) => Err(stop_iteration(&result)?),
            Ok(Step::Refuse(error)) => Err(error),
            Err(error) => Err(no_stop_iteration(py, error)),
        }
    }

    /// Ends a coroutine that was never begun, and says whether it was one.
    fn end_if_created(&self) -> bool {
        let mut state = self.lock();
        let created = matches!(*state, State::Created(_));
        let unused = created.then(|| mem::replace(&mut *state, State::Closed));
        drop(state); // unlocked before what the body holds is dropped, which may run Python code
        drop(unused);
        created
    }

    /// Warns of a coroutine that was never begun, and closes one that is half-run.
    fn finalize(&self, py: Python<'_>) {
        let pending = PyErr::take(py); // an exception on its way must get through
        let never_begun = matches!(*self.lock(), State::Created(_));
        let problem = if never_begun {
            self.warn_never_awaited(py)
        } else {
            self.close(py).map(drop)
        };
        if let Err(error) = problem {
            error.write_unraisable(py, None);
        }
        self.end_if_created();
        if let Some(error) = pending {
            error.restore(py);
        }
    }

    fn warn_never_awaited(&self, py: Python<'_>) -> PyResult<()> {
        let name = self.source.name.to_string_lossy();
        let message = CString::new(format!("coroutine '{name}' was never awaited"))?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
    }
}

/// Makes the end of a coroutine. To call the type costs less than to leave it to whoever looks at
/// the error first, and a tuple stays one value.
fn stop_iteration(result: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let class = result.py().get_type::<PyStopIteration>();
    let end = if result.is_none() {
        class.call0()?
    } else {
        class.call1((result,))?
    };
    Ok(PyErr::from_value(end))
}

/// A `StopIteration` that leaves a body as an error would be taken for its return: PEP 479.
fn no_stop_iteration(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let replacement = PyRuntimeError::new_err("coroutine raised StopIteration");
    replacement.set_context(py, Some(error.clone_ref(py)));
    replacement.set_cause(py, Some(error));
    replacement
}

#[pymethods]
impl MyCoroutine {
    /// The class makes what `my_coroutine()` returns.
    #[new]
    fn ended() -> Self {
        Self::new(&Body::ENDED, Body::Ended)
    }

    /// Returns the coroutine itself, which is an iterator to `await`, though not to `iter()`.
    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.resume(py, Input::Send(py.None().into_bound(py)))
    }

    /// Resumes the coroutine with `value`, and returns what it yields next.
    ///
    /// Raises `StopIteration` with the result when it returns, and what it raises. `TypeError` if it
    /// has not begun and `value` is not None, `ValueError` if it is running, `RuntimeError` if it is
    /// over.
    fn send<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.resume(value.py(), Input::Send(value))
    }

    /// Raises an exception where the coroutine stands, and returns what it yields next.
    ///
    /// Takes an exception or its class; class, value and traceback apart are deprecated. Raises as
    /// `send` does, and `TypeError` for what is no exception.
    #[pyo3(signature = (*arguments), text_signature = "($self, typ, val=None, tb=None, /)")]
    fn throw<'py>(&self, arguments: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        let thrown = Thrown::new(arguments)?;
        if self.cr_suspended() {
            return self.resume(py, Input::Throw(thrown));
        }
        let state_comes_first = py.version_info() >= (3, 15);
        if state_comes_first {
            self.refuse_unless_created()?;
        }
        let exception = thrown.exception()?;
        if !self.end_if_created() {
            self.refuse_unless_created()?;
        }
        Err(if py.version_info() >= (3, 12) {
            exception
        } else {
            no_stop_iteration(py, exception)
        })
    }

    /// Ends the coroutine: raises `GeneratorExit` where it stands, unless it has not begun or is
    /// over. Returns None or, from 3.13, what it returns.
    ///
    /// Raises what it raises instead; `RuntimeError` if it yields, `ValueError` if it is running.
    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.end_if_created() || matches!(*self.lock(), State::Closed) {
            return Ok(py.None());
        }
        match self.resume(py, Input::Close) {
            Ok(_) => Err(PyRuntimeError::new_err("coroutine ignored GeneratorExit")),
            Err(error) if error.is_instance_of::<PyGeneratorExit>(py) => Ok(py.None()),
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                if py.version_info() >= (3, 13) {
                    Ok(error.value(py).getattr("value")?.unbind())
                } else {
                    Ok(py.None())
                }
            }
            Err(error) => Err(error),
        }
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
            Ok(State::Created(body) | State::Suspended(body)) => body.traverse(&visit),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        Python::attach(|py| self.finalize(py));
    }
}

impl MyCoroutine {
    fn refuse_unless_created(&self) -> PyResult<()> {
        match *self.lock() {
            State::Created(_) => Ok(()),
            State::Closed => Err(PyRuntimeError::new_err(
                "cannot reuse already awaited coroutine",
            )),
            State::Running | State::Suspended(_) => {
                Err(PyValueError::new_err("coroutine already executing"))
            }
        }
    }

    fn frame<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrame>> {
        let Source { name, file, line } = self.source;
        PyFrame::new(py, file, name, i32::try_from(*line)?)
    }
}

/// PyO3 has no `__del__`; dropping the class comes closest. Python is attached then.
impl Drop for MyCoroutine {
    fn drop(&mut self) {
        if !matches!(self.state.get_mut(), Ok(State::Closed)) {
            Python::attach(|py| self.finalize(py));
        }
    }
}

/// Returns a coroutine that awaits to `"Ended"`.
#[pyfunction]
pub fn my_coroutine() -> MyCoroutine {
    MyCoroutine::ended()
}
