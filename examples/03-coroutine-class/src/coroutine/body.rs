//! What a coroutine does when it is resumed: the part that `async def` compiles from your lines.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyBaseException, prelude::*};

use super::thrown::Thrown;

/// The part of a coroutine that differs from one to the next: a state machine.
///
/// The coroutine takes care of all else. It resumes a body on one thread at a time, never from
/// inside itself, and never again once the body has returned or raised. A body that panics is over.
pub trait Body: Send {
    /// Runs to the next suspension or to the end.
    ///
    /// The first input is `Send(None)`: a coroutine that has not begun has nothing that could catch
    /// an exception, and ends without its body. Keep in `self` where the body stands; forget it, and
    /// the next step does again what this one did.
    ///
    /// # Errors
    ///
    /// An error is an exception that leaves the body, and ends it. After `Input::Close` make it by
    /// the module `normalized`: the interpreter may be exiting. Forget it, and the exit panics.
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>>;

    /// What the body waits for, for `cr_await`. It is asked for under the coroutine's lock: run no
    /// Python code here, or a body that looks at its own coroutine waits for ever.
    fn awaits(&self) -> Option<&Py<PyAny>>;

    /// Visits each Python object that the body holds. Forget one, and a cycle through it is never
    /// freed: a Task holds its coroutine, and what the body waits for holds the Task.
    ///
    /// # Errors
    ///
    /// Those of `visit`, passed on.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}

/// What comes in where the body stands.
pub enum Input<'py> {
    /// The value of `send`; None from `await` and from a Task.
    Send(Bound<'py, PyAny>),
    /// The arguments of `throw`, as they came, for what the body awaits. A body that awaits nothing
    /// answers with `Step::RaiseHere`, and forgets nothing.
    Throw(Thrown<'py>),
    /// The exception made of them, for the body itself: the answer to `Step::RaiseHere`. To raise it
    /// is to return it as the error.
    Raise(Bound<'py, PyBaseException>),
    /// The coroutine is closed. Close what is awaited, and return `normalized::generator_exit` as
    /// the error. A body that yields instead is a RuntimeError, and stays suspended.
    Close,
}

/// What comes out of the body.
pub enum Step<'py> {
    /// It suspends, and hands this to whoever drives the Task.
    Yield(Bound<'py, PyAny>),
    /// It is over, with this result.
    Return(Bound<'py, PyAny>),
    /// It awaits nothing that takes what was thrown: here it is again, to be made an exception and
    /// to come back as `Input::Raise`. Making the exception runs Python code, which may not find
    /// the coroutine running.
    RaiseHere(Thrown<'py>),
    /// It was not resumed at all: the caller gets this error, and the body stays where it was.
    Refuse(PyErr),
}
