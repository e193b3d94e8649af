//! A solution to the README's second exercise: a body that awaits two things, one after the other.

use std::panic::Location;

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use crate::{
    coroutine::{Body, Coroutine, Input, Step},
    delegate::Delegate,
};

/// Where it stands: in the first `await`, or in the second, with the first result at hand.
pub enum Both {
    First { now: Delegate, then: Py<PyAny> },
    Second { first: Py<PyAny>, now: Delegate },
}

impl Body for Both {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match self {
            Self::First { now, then } => match now.resume(py, input)? {
                Step::Return(first) => {
                    *self = Self::Second {
                        first: first.unbind(),
                        now: Delegate::to(then.clone_ref(py)),
                    };
                    self.resume(py, Input::Send(py.None().into_bound(py)))
                }
                step => Ok(step),
            },
            Self::Second { first, now } => Ok(match now.resume(py, input)? {
                Step::Return(second) => {
                    Step::Return((&*first, second).into_pyobject(py)?.into_any())
                }
                step => step,
            }),
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::First { now, .. } | Self::Second { now, .. } => now.awaits(),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::First { now, then: other } | Self::Second { first: other, now } => {
                visit.call(other)?;
                now.traverse(visit)
            }
        }
    }
}

/// Returns a coroutine that does `return await first, await second`.
#[pyfunction]
pub fn both(first: Py<PyAny>, second: Py<PyAny>) -> Coroutine {
    let now = Delegate::to(first);
    let body = Both::First { now, then: second };
    Coroutine::new("both", Location::caller(), body)
}
