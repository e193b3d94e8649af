//! `throw()`: who is told of the exception, and when it is made of the arguments.
//!
//! Source: `gen_throw` and `_gen_throw` in CPython's `Objects/genobject.c`. Up to 3.14 making the
//! exception comes before the look at the state, so its class may meanwhile run the coroutine; from
//! 3.15 the coroutine counts as running by then.

use pyo3::{exceptions::PyBaseException, prelude::*};

use super::{
    Coroutine,
    state::{State, Turn, no_stop_iteration},
    steps::Input,
    thrown::Thrown,
};

impl Coroutine {
    pub fn throw_in<'py>(&self, thrown: Thrown<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = thrown.py();
        let turn = if state_comes_first(py) {
            Some(self.take_turn()?)
        } else {
            self.take_turn_if(|state| matches!(state, State::Suspended(_)))?
        };
        match turn {
            Some(turn) if turn.is_new => turn.raise_here(&thrown),
            Some(turn) => turn.resume(py, Input::Throw(thrown)),
            None => self.raise(thrown.exception()?),
        }
    }

    fn raise<'py>(&self, exception: Bound<'py, PyBaseException>) -> PyResult<Bound<'py, PyAny>> {
        self.take_turn()?.raise(exception)
    }
}

impl Turn<'_> {
    /// Makes the exception, and raises it where the coroutine stands.
    pub fn raise_here<'py>(self, thrown: &Thrown<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (py, coroutine) = (thrown.py(), self.coroutine);
        if state_comes_first(py) {
            return match thrown.exception() {
                Ok(exception) => self.raise(exception),
                Err(refusal) => {
                    self.put_back();
                    Err(refusal)
                }
            };
        }
        self.put_back();
        coroutine.raise(thrown.exception()?)
    }

    /// One that has not begun has nothing that could catch it.
    fn raise(self, exception: Bound<'_, PyBaseException>) -> PyResult<Bound<'_, PyAny>> {
        let py = exception.py();
        if !self.is_new {
            return self.resume(py, Input::Raise(exception));
        }
        self.end();
        let error = PyErr::from_value(exception.into_any());
        Err(if py.version_info() >= (3, 12) {
            error
        } else {
            no_stop_iteration(py, error)
        })
    }
}

fn state_comes_first(py: Python<'_>) -> bool {
    py.version_info() >= (3, 15)
}
