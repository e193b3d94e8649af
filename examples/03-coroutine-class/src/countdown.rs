//! A state machine by hand: suspends some times, then returns.

use std::panic::Location;

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use crate::coroutine::{Body, Coroutine, Input, Step, normalized::generator_exit};

/// Where it stands between two steps.
pub enum Countdown {
    Left(u64),
    Liftoff,
}

impl From<u64> for Countdown {
    fn from(n: u64) -> Self {
        if n == 0 { Self::Liftoff } else { Self::Left(n) }
    }
}

impl Body for Countdown {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match input {
            Input::Send(_) => match *self {
                Self::Left(n) => {
                    *self = Self::from(n - 1);
                    Ok(Step::Yield(py.None().into_bound(py)))
                }
                Self::Liftoff => Ok(Step::Return("liftoff".into_pyobject(py)?.into_any())),
            },
            Input::Throw(thrown) => Ok(Step::RaiseHere(thrown)),
            Input::Raise(exception) => Err(PyErr::from_value(exception.into_any())),
            Input::Close => Err(generator_exit(py)),
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        None
    }

    fn traverse(&self, _: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

/// Returns a coroutine that suspends `n` times, for a turn of the event loop each, and then returns
/// `"liftoff"`.
#[pyfunction]
pub fn countdown(n: u64) -> Coroutine {
    Coroutine::new("countdown", Location::caller(), Countdown::from(n))
}
