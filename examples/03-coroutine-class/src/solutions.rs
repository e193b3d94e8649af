//! A solution to the README's second exercise: a body that awaits two things, one after the other.

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use crate::{
    body::{Body, Source},
    delegate::Delegate,
    my_coroutine::MyCoroutine,
    steps::{Input, Step},
};

/// Where it stands: in the first `await`, or in the second, with the first result at hand.
pub enum Both {
    First { now: Delegate, then: Py<PyAny> },
    Second { first: Py<PyAny>, now: Delegate },
}

impl Both {
    pub const SOURCE: Source = Source {
        name: c"both",
        file: c"src/solutions.rs",
        line: line!(),
    };

    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
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

    pub fn awaits(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::First { now, .. } | Self::Second { now, .. } => now.awaits(),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
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
pub fn both(first: Py<PyAny>, second: Py<PyAny>) -> MyCoroutine {
    let now = Delegate::to(first);
    MyCoroutine::new(&Both::SOURCE, Body::Both(Both::First { now, then: second }))
}
