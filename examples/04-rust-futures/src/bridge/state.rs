//! The states of a coroutine, and the way from one to the next.
//!
//! Source: `gen_send_ex2` in CPython's `Objects/genobject.c`.

use std::{
    mem,
    sync::{MutexGuard, PoisonError},
};

use pyo3::{
    exceptions::{PyRuntimeError, PyStopIteration, PyTypeError, PyValueError},
    prelude::*,
};

use super::{
    body::{Body, Input, Step},
    coroutine::Coroutine,
    last_words::drop_in_turn,
};

/// The body is here between two steps. While it runs it is on the stack of the thread that runs it,
/// so that nobody else can: neither another thread nor, through what it calls, the body itself.
pub enum State {
    Created(Body),
    Suspended(Body),
    Running,
    Closed,
}

impl Coroutine {
    /// Never hold this lock while Python code may run: that might come back here, and wait for
    /// ever.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body out to be run, if what comes in is for a coroutine in this state.
    pub fn start(&self, input: &Input<'_>) -> PyResult<Body> {
        let mut state = self.lock();
        match (mem::replace(&mut *state, State::Running), input) {
            (State::Created(body), Input::Send(value)) if !value.is_none() => {
                *state = State::Created(body);
                let message = "can't send non-None value to a just-started coroutine";
                Err(PyTypeError::new_err(message))
            }
            (State::Created(body) | State::Suspended(body), _) => Ok(body),
            (State::Running, _) => Err(already_executing()),
            (State::Closed, _) => {
                *state = State::Closed;
                Err(cannot_reuse())
            }
        }
    }

    /// Runs the body to its next step. Returns what it yields; its return raises `StopIteration`.
    pub fn resume<'py>(&self, py: Python<'py>, input: Input<'py>) -> PyResult<Bound<'py, PyAny>> {
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
    pub fn end_if_created(&self) -> bool {
        let mut state = self.lock();
        let created = matches!(*state, State::Created(_));
        let unused = created.then(|| mem::replace(&mut *state, State::Closed));
        drop(state); // unlocked before what the body holds is dropped, which may run Python code
        unused.into_iter().for_each(drop_in_turn);
        created
    }

    /// Raises what one that is running, or over, is refused with.
    pub fn refuse_unless_created(&self) -> PyResult<()> {
        match *self.lock() {
            State::Created(_) => Ok(()),
            State::Closed => Err(cannot_reuse()),
            State::Running | State::Suspended(_) => Err(already_executing()),
        }
    }
}

fn already_executing() -> PyErr {
    PyValueError::new_err("coroutine already executing")
}

fn cannot_reuse() -> PyErr {
    PyRuntimeError::new_err("cannot reuse already awaited coroutine")
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
pub fn no_stop_iteration(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let replacement = PyRuntimeError::new_err("coroutine raised StopIteration");
    replacement.set_context(py, Some(error.clone_ref(py)));
    replacement.set_cause(py, Some(error));
    replacement
}
