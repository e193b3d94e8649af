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
    Coroutine,
    body::Body,
    last_words::drop_in_turn,
    made_now::made_now,
    steps::{Input, Step},
};

/// The body is here between two steps. While it runs it is in a `Turn`, on the stack of the thread
/// that runs it, so that nobody else can: neither another thread nor, through what it calls, the
/// body itself.
pub enum State {
    Created(Body),
    Suspended(Body),
    Running,
    Closed,
}

/// The body, taken out by whoever may run it. Whoever has it resumes it, ends it or puts it back.
pub struct Turn<'a> {
    pub coroutine: &'a Coroutine,
    pub is_new: bool,
    body: Body,
}

impl Coroutine {
    /// Never hold this lock while Python code may run: that might come back here, and wait for
    /// ever.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes the body out, or raises what one that is running, or over, is refused with.
    #[inline(always)]
    pub fn take_turn(&self) -> PyResult<Turn<'_>> {
        self.take_out(self.lock())
    }

    /// Takes the body out if the state is such a one: whoever looks first and takes it then might
    /// find it in another.
    pub fn take_turn_if(&self, wanted: fn(&State) -> bool) -> PyResult<Option<Turn<'_>>> {
        let state = self.lock();
        if wanted(&state) {
            self.take_out(state).map(Some)
        } else {
            Ok(None)
        }
    }

    #[inline(always)]
    fn take_out(&self, mut state: MutexGuard<'_, State>) -> PyResult<Turn<'_>> {
        let (is_new, body) = match mem::replace(&mut *state, State::Running) {
            State::Created(body) => (true, body),
            State::Suspended(body) => (false, body),
            State::Running => return Err(PyValueError::new_err("coroutine already executing")),
            State::Closed => {
                *state = State::Closed;
                let message = "cannot reuse already awaited coroutine";
                return Err(PyRuntimeError::new_err(message));
            }
        };
        let coroutine = self;
        Ok(Turn {
            coroutine,
            is_new,
            body,
        })
    }
}

impl Turn<'_> {
    /// Runs the body to its next step. Returns what it yields; its return raises `StopIteration`.
    #[inline(always)]
    pub fn resume<'py>(
        mut self,
        py: Python<'py>,
        input: Input<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let step = self.body.resume(py, input);
        self.is_new = false;
        match step {
            Ok(Step::Yield(yielded)) => {
                self.put_back();
                Ok(yielded)
            }
            Ok(Step::Refuse(error)) => {
                self.put_back();
                Err(error)
            }
            Ok(Step::RaiseHere(thrown)) => self.raise_here(&thrown),
            Ok(Step::Return(result)) => {
                self.finish();
                Err(stop_iteration(&result)?)
            }
            Err(error) => {
                self.finish();
                Err(no_stop_iteration(py, error))
            }
        }
    }

    /// Lets the coroutine be as it was.
    pub fn put_back(self) {
        *self.coroutine.lock() = if self.is_new {
            State::Created(self.body)
        } else {
            State::Suspended(self.body)
        };
    }

    fn finish(self) {
        *self.coroutine.lock() = State::Closed;
    }

    /// Ends the coroutine as it is.
    pub fn end(self) {
        *self.coroutine.lock() = State::Closed;
        drop_in_turn(self.body); // the lock is open again: this may run Python code
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
pub fn no_stop_iteration(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let replacement = made_now::<PyRuntimeError>(py, "coroutine raised StopIteration");
    replacement.set_context(py, Some(error.clone_ref(py)));
    replacement.set_cause(py, Some(error));
    replacement
}
