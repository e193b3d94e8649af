//! What goes into a coroutine's body, and what comes out of it.

use pyo3::{exceptions::PyBaseException, prelude::*};

use super::thrown::Thrown;

/// What comes in at a suspension point.
pub enum Input<'py> {
    Send(Bound<'py, PyAny>),
    /// For what it awaits, if there is such a thing.
    Throw(Thrown<'py>),
    /// To be raised by the body itself.
    Raise(Bound<'py, PyBaseException>),
    Close,
}

/// What comes out: the coroutine suspends, or returns, or has not been resumed at all.
pub enum Step<'py> {
    Yield(Bound<'py, PyAny>),
    Return(Bound<'py, PyAny>),
    /// What was thrown comes back: it awaits nothing that takes it.
    RaiseHere(Thrown<'py>),
    Refuse(PyErr),
}
