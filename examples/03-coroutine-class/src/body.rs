//! What a coroutine does when it is resumed: the part that `async def` compiles from your lines.

use std::ffi::CStr;

use pyo3::{PyTraverseError, PyVisit, intern, prelude::*};

use crate::{
    countdown::Countdown,
    delegate::Delegate,
    solutions::Both,
    steps::{Input, Step},
};

/// Where a body stands in the sources, for `cr_code` and `cr_frame`.
pub struct Source {
    pub name: &'static CStr,
    pub file: &'static CStr,
    pub line: u32,
}

/// The bodies of this chapter, and that of its exercise.
pub enum Body {
    Ended,
    Countdown(Countdown),
    Delegate(Delegate),
    Both(Both),
}

impl Body {
    pub const ENDED: Source = Source {
        name: c"my_coroutine",
        file: c"src/body.rs",
        line: line!(),
    };

    /// Runs to the next suspension or to the end. An error is an exception that leaves the body.
    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match self {
            Self::Ended => Ok(Step::Return(intern!(py, "Ended").clone().into_any())),
            Self::Countdown(countdown) => countdown.resume(py, input),
            Self::Delegate(delegate) => delegate.resume(py, input),
            Self::Both(both) => both.resume(py, input),
        }
    }

    /// What it waits for, for `cr_await`.
    pub fn awaits(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Delegate(delegate) => delegate.awaits(),
            Self::Both(both) => both.awaits(),
            Self::Ended | Self::Countdown(_) => None,
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Delegate(delegate) => delegate.traverse(visit),
            Self::Both(both) => both.traverse(visit),
            Self::Ended | Self::Countdown(_) => Ok(()),
        }
    }
}
