//! A class whose methods return coroutines: `"Launch.countdown"` is their whole name.

use std::panic::Location;

use pyo3::{prelude::*, types::PyType};

use crate::{
    coroutine::Coroutine,
    countdown::{Countdown, countdown},
};

/// A launch, `n` turns from now.
#[pyclass(frozen, module = "coroutine_class")]
pub struct Launch {
    n: u64,
}

#[pymethods]
impl Launch {
    #[new]
    fn new(n: u64) -> Self {
        Self { n }
    }

    /// Returns a coroutine that suspends `n` times, and then returns `"liftoff"`.
    fn countdown(&self) -> Coroutine {
        let body = Countdown::from(self.n);
        Coroutine::new("Launch.countdown", Location::caller(), body)
    }

    /// Returns a coroutine that does the same for any `n`.
    #[staticmethod]
    fn of(n: u64) -> Coroutine {
        countdown(n)
    }

    /// Returns a coroutine that does the same, and is told of the class.
    #[classmethod]
    fn of_class(_class: &Bound<'_, PyType>, n: u64) -> Coroutine {
        countdown(n)
    }
}
