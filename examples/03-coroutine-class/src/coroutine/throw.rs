//! `throw()`: who is told of the exception, and when it is made of the arguments.
//!
//! Source: `gen_throw` and `_gen_throw` in CPython's `Objects/genobject.c`. Up to 3.14 making the
//! exception comes before the look at the state, so its class may meanwhile run the coroutine; from
//! 3.15 the coroutine counts as running by then.

use pyo3::{exceptions::PyBaseException, prelude::*};

use super::{
    body::Input,
    class::Coroutine,
    state::{Running, State, no_stop_iteration},
    thrown::Thrown,
};

impl Coroutine {
    pub(super) fn throw_in<'py>(&self, thrown: Thrown<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = thrown.py();
        let running = if state_comes_first(py) {
            Some(self.take_body(py)?)
        } else {
            self.take_body_if(py, |state| matches!(state, State::Suspended(_)))?
        };
        match running {
            Some(running) if running.is_new => running.raise_here(&thrown),
            Some(running) => running.resume(py, Input::Throw(thrown)),
            None => self.raise(thrown.exception()?),
        }
    }

    fn raise<'py>(&self, exception: Bound<'py, PyBaseException>) -> PyResult<Bound<'py, PyAny>> {
        self.take_body(exception.py())?.raise(exception)
    }
}

impl Running<'_> {
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
