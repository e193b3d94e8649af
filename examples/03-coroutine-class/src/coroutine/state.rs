//! The states of a coroutine, and the way from one to the next.
//!
//! Source: `gen_send_ex2` in CPython's `Objects/genobject.c`.

use std::mem;

use parking_lot::MutexGuard;
use pyo3::{
    exceptions::{PyRuntimeError, PyStopIteration, PyValueError},
    prelude::*,
};

use super::{
    body::{Body, Input, Step},
    class::Coroutine,
    normalized::normalized,
    trashcan::drop_in_turn,
};

/// The body is here between two steps. While it runs it is in a `Running`, on the stack of the thread
/// that runs it, so that nobody else can: neither another thread nor, through what it calls, the
/// body itself.
pub(super) enum State {
    Created(Box<dyn Body>),
    Suspended(Box<dyn Body>),
    Running,
    Closed,
}

/// The body, taken out by whoever may run it. Whoever has it resumes it, ends it or puts it back. It
/// is a guard: a panic drops it, and then the coroutine is over. Forget that, and after a panic the
/// coroutine is running for ever.
pub(super) struct Running<'a> {
    pub coroutine: &'a Coroutine,
    pub is_new: bool,
    body: Option<Box<dyn Body>>, // until the guard itself is used up
}

/// How a step ended.
enum Resumed<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
}

impl Coroutine {
    /// Never hold this lock while Python code may run: that might come back here, and wait for
    /// ever.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes the body out, or raises what one that is running, or over, is refused with.
    #[inline(always)]
    pub(super) fn take_body(&self, py: Python<'_>) -> PyResult<Running<'_>> {
        self.take_out(py, self.lock())
    }

    /// Takes the body out if the state is such a one: whoever looks first and takes it then might
    /// find it in another.
    pub(super) fn take_body_if(
        &self,
        py: Python<'_>,
        wanted: fn(&State) -> bool,
    ) -> PyResult<Option<Running<'_>>> {
        let state = self.lock();
        if wanted(&state) {
            self.take_out(py, state).map(Some)
        } else {
            Ok(None)
        }
    }

    #[inline(always)]
    fn take_out(&self, py: Python<'_>, mut state: MutexGuard<'_, State>) -> PyResult<Running<'_>> {
        let (is_new, body) = match mem::replace(&mut *state, State::Running) {
            State::Created(body) => (true, body),
            State::Suspended(body) => (false, body),
            State::Running => {
                drop(state);
                let message = "coroutine already executing";
                return Err(normalized::<PyValueError>(py, message));
            }
            State::Closed => {
                *state = State::Closed;
                drop(state);
                let message = "cannot reuse already awaited coroutine";
                return Err(normalized::<PyRuntimeError>(py, message));
            }
        };
        Ok(Running {
            coroutine: self,
            is_new,
            body: Some(body),
        })
    }
}

impl Running<'_> {
    /// Runs the body to its next step. Returns what it yields; its return raises `StopIteration`.
    #[inline(always)]
    pub fn resume<'py>(self, py: Python<'py>, input: Input<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.step(py, input)? {
            Resumed::Yielded(yielded) => Ok(yielded),
            Resumed::Returned(result) => Err(stop_iteration(&result)?),
        }
    }

    /// The same for `__next__`, where None may stand for the end: an iterator that ends without an
    /// exception has returned None. Most coroutines do, and an exception costs more than a short step.
    #[inline(always)]
    pub fn next(self, py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
        match self.step(py, Input::Send(py.None().into_bound(py)))? {
            Resumed::Yielded(yielded) => Ok(Some(yielded)),
            Resumed::Returned(result) if result.is_none() => Ok(None),
            Resumed::Returned(result) => Err(stop_iteration(&result)?),
        }
    }

    #[inline(always)]
    fn step<'py>(mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Resumed<'py>> {
        let Some(body) = &mut self.body else {
            unreachable!("whatever takes the body uses up the guard")
        };
        let step = body.resume(py, input);
        self.is_new = false;
        match step {
            Ok(Step::Yield(yielded)) => {
                self.put_back();
                Ok(Resumed::Yielded(yielded))
            }
            Ok(Step::Refuse(error)) => {
                self.put_back();
                Err(error)
            }
            Ok(Step::RaiseHere(thrown)) => self.raise_here(&thrown).map(Resumed::Yielded),
            Ok(Step::Return(result)) => {
                self.finish();
                Ok(Resumed::Returned(result))
            }
            Err(error) => {
                self.finish();
                Err(no_stop_iteration(py, error))
            }
        }
    }

    /// Lets the coroutine be as it was.
    pub fn put_back(mut self) {
        if let Some(body) = self.body.take() {
            *self.coroutine.lock() = if self.is_new {
                State::Created(body)
            } else {
                State::Suspended(body)
            };
        }
    }

    /// Ends the coroutine of a body that has come to its end: what it awaited has, too.
    fn finish(mut self) {
        let body = self.body.take();
        *self.coroutine.lock() = State::Closed;
        drop(body); // the lock is open again: this may run Python code
    }

    /// Ends the coroutine as it is.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            *self.coroutine.lock() = State::Closed;
            drop_in_turn(body); // the lock is open again here, too
        }
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
pub(super) fn no_stop_iteration(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let replacement = normalized::<PyRuntimeError>(py, "coroutine raised StopIteration");
    replacement.set_context(py, Some(error.clone_ref(py)));
    replacement.set_cause(py, Some(error));
    replacement
}
