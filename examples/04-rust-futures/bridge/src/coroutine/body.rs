//! What a coroutine does when it is resumed: the part that `async def` compiles from your lines.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyBaseException, prelude::*};

use super::thrown::Thrown;

/// The part of a coroutine that differs from one to the next: a state machine.
///
/// The coroutine takes care of all else. It resumes a body on one thread at a time and never from
/// inside itself. Once the body has returned, raised or panicked, it is not resumed again.
pub trait Body: Send {
    /// Runs to the next suspension or to the end.
    ///
    /// The first input is `Send(None)`: before that, `throw` and `close` end the coroutine without
    /// its body. Keep in `self` where the body stands. Forget it, and the next step does again what
    /// this one did.
    ///
    /// # Errors
    ///
    /// An error is an exception that leaves the body, and ends it. After `Input::Close` make errors
    /// by the module `normalized`: the interpreter may be exiting. Forget it, and the exit panics.
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>>;

    /// What the body waits for, for `cr_await`. The coroutine asks under its lock. Run no Python
    /// code here: if that looks at the coroutine, it waits for ever.
    fn awaits(&self) -> Option<&Py<PyAny>>;

    /// Does the body refuse by itself a step that is not meant for whoever awaits it? If so, it may be
    /// asked for its iterator while it is suspended: `anext(iterator, default)` asks at each step. If
    /// not, somebody who does so wants to await it as well, and is refused.
    fn tells_awaiters_apart(&self) -> bool {
        false
    }

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
    /// answers with `Step::RaiseHere`, and stays where it is.
    Throw(Thrown<'py>),
    /// The exception made of them, for the body itself: the answer to `Step::RaiseHere`. The body
    /// raises it by returning it as the error.
    Raise(Bound<'py, PyBaseException>),
    /// The coroutine is closed. Close what is awaited, and return `normalized::generator_exit` as
    /// the error. A body that yields instead stays suspended, and `close` raises a RuntimeError.
    Close,
}

/// What comes out of the body.
pub enum Step<'py> {
    /// The body suspends, and hands this to whoever drives the coroutine.
    Yield(Bound<'py, PyAny>),
    /// The body is over, with this result.
    Return(Bound<'py, PyAny>),
    /// The body awaits nothing that takes what was thrown. Here it is again: the coroutine makes an
    /// exception of it, and comes back with `Input::Raise`.
    RaiseHere(Thrown<'py>),
    /// The body was not resumed at all, and stays where it was. The caller gets this error.
    Refuse(PyErr),
}
