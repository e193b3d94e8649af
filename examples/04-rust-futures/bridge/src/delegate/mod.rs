//! `await` for any awaitable, as a coroutine in Rust does it: the `yield from` of PEP 380.
//!
//! Chapter 03 of the book explains it. It uses nothing but `coroutine/`.
//!
//! - `get_awaitable.rs`: from the awaitable to the iterator that is stepped, by `call_await.rs`, with
//!   the errors in `errors.rs`;
//! - `depth.rs`: a limit to the stack that it takes.
//!
//! Source: `SEND` in CPython's `Python/bytecodes.c`, `_gen_throw` and `gen_close_iter` in its
//! `Objects/genobject.c`.

mod call_await;
mod depth;
mod errors;
mod get_awaitable;

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyStopIteration,
    intern,
    prelude::*,
    types::{PyIterator, iterator::PySendResult},
};

use crate::coroutine::{Coroutine, Input, Step, Thrown, normalized::generator_exit};
use depth::Level;
use get_awaitable::{get_awaitable, is_coroutine, is_generator};

/// What is awaited.
pub struct Delegate {
    /// For `throw`, `close` and `cr_await`: a coroutine itself, or the iterator of anything else.
    target: Py<PyAny>,
    /// For the steps: a coroutine has no `__next__`, what its `__await__` returns has.
    steps: Py<PyIterator>,
}

impl Delegate {
    /// # Errors
    ///
    /// What `await` itself raises, such as `TypeError` for what cannot be awaited.
    pub fn to(awaitable: &Bound<'_, PyAny>) -> PyResult<Self> {
        let steps = get_awaitable(awaitable)?;
        let target = if is_coroutine(awaitable)? {
            awaitable.clone()
        } else {
            steps.clone().into_any()
        };
        Ok(Self {
            target: target.unbind(),
            steps: steps.unbind(),
        })
    }

    /// Takes the first step.
    ///
    /// # Errors
    ///
    /// `RecursionError` for too many inside each other, and what the awaitable raises.
    pub fn begin<'py>(&self, py: Python<'py>) -> PyResult<Step<'py>> {
        match Level::enter(py) {
            Ok(_level) => self.send(&py.None().into_bound(py)),
            Err(error) => {
                self.close(py)?; // else it would warn that nobody awaits it
                Err(error)
            }
        }
    }

    /// Passes on what comes in. `Return` and errors are what the awaitable returns and raises;
    /// `RaiseHere` and `Refuse` are for whoever drives the coroutine.
    ///
    /// # Errors
    ///
    /// As `begin`.
    pub fn resume<'py>(&self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let _level = Level::enter(py)?;
        match input {
            Input::Send(value) => self.send(&value),
            Input::Throw(thrown) => self.throw(py, thrown),
            Input::Raise(exception) => {
                raise_at_the_await(py, PyErr::from_value(exception.into_any()))
            }
            Input::Close => {
                let error = self.close(py).err();
                let error = error.unwrap_or_else(|| generator_exit(py));
                raise_at_the_await(py, error)
            }
        }
    }

    /// What others are told is awaited.
    pub fn target(&self) -> &Py<PyAny> {
        &self.target
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.target)?;
        visit.call(&self.steps)
    }

    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Step<'py>> {
        Ok(match self.steps.bind(value.py()).send(value)? {
            PySendResult::Next(yielded) => Step::Yield(yielded),
            PySendResult::Return(result) => Step::Return(result),
        })
    }

    fn throw<'py>(&self, py: Python<'py>, thrown: Thrown<'py>) -> PyResult<Step<'py>> {
        if thrown.is_generator_exit()? {
            return match self.close(py) {
                Ok(()) => Ok(Step::RaiseHere(thrown)),
                Err(error) => raise_at_the_await(py, error),
            };
        }
        let target = self.target.bind(py);
        if thrown.arguments.len() > 1 && warns_of_several_arguments(target)? {
            // One exception says the same as three arguments, and is not warned of a second time.
            let exception = thrown.exception()?;
            return step_of(py, target.call_method1(intern!(py, "throw"), (exception,)));
        }
        match target.getattr_opt(intern!(py, "throw")) {
            Ok(Some(throw)) => step_of(py, throw.call1(thrown.arguments)),
            Ok(None) => Ok(Step::RaiseHere(thrown)),
            Err(error) => Ok(Step::Refuse(error)),
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.target.bind(py).getattr_opt(intern!(py, "close")) {
            Ok(Some(close)) => close.call0().map(drop),
            Ok(None) => Ok(()),
            Err(error) => {
                error.write_unraisable(py, Some(self.target.bind(py)));
                Ok(())
            }
        }
    }
}

fn warns_of_several_arguments(target: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(target.is_instance_of::<Coroutine>() || is_coroutine(target)? || is_generator(target)?)
}

/// Raises `error` where the coroutine stands. From 3.12 a `StopIteration` there is taken for the
/// end of what is awaited, wherever it comes from (`CLEANUP_THROW` in `Python/bytecodes.c`).
fn raise_at_the_await(py: Python<'_>, error: PyErr) -> PyResult<Step<'_>> {
    if py.version_info() >= (3, 12) {
        step_of(py, Err(error))
    } else {
        Err(error)
    }
}

/// What `throw()` returns was yielded; the value of its `StopIteration` is the result.
fn step_of<'py>(py: Python<'py>, thrown: PyResult<Bound<'py, PyAny>>) -> PyResult<Step<'py>> {
    match thrown {
        Ok(yielded) => Ok(Step::Yield(yielded)),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
            Ok(Step::Return(error.value(py).getattr(intern!(py, "value"))?))
        }
        Err(error) => Err(error),
    }
}
