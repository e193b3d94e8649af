//! A state machine by hand: suspends some times, then returns.

use pyo3::prelude::*;

use crate::{
    body::{Body, Source},
    made_now::generator_exit,
    my_coroutine::MyCoroutine,
    steps::{Input, Step},
};

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

impl Countdown {
    pub const SOURCE: Source = Source {
        name: c"countdown",
        file: c"src/countdown.rs",
        line: line!(),
    };

    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
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
}

/// Returns a coroutine that suspends `n` times, for a turn of the event loop each, and then awaits
/// to `"liftoff"`.
#[pyfunction]
pub fn countdown(n: u64) -> MyCoroutine {
    MyCoroutine::new(&Countdown::SOURCE, Body::Countdown(Countdown::from(n)))
}
