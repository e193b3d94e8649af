//! One awaitable class, trick by trick: each has one more than the one before.
//!
//! All await to `"Ended"`, at once. benchmarks/instructions.py counts what each trick saves; nothing
//! else uses them.
#![forbid(unsafe_code)]

use pyo3::{exceptions::PyStopIteration, intern, prelude::*, types::PyString};

/// Defines a class with the slots that `await` needs, and support for the collector, which a class
/// needs that holds objects. `end` makes the `StopIteration`.
macro_rules! awaitable {
    ($(#[$attribute:meta])* $name:ident, $end:ident) => {
        $(#[$attribute])*
        struct $name;

        #[pymethods]
        impl $name {
            #[new]
            fn new() -> Self {
                Self
            }

            fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
                this
            }

            fn __next__(&self, py: Python<'_>) -> PyResult<()> {
                Err($end(py))
            }

            #[allow(clippy::unnecessary_wraps)] // PyO3 asks for it
            fn __traverse__(&self, _visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
                Ok(())
            }
        }
    };
}

awaitable!(
    #[pyclass(frozen)]
    NewErr,
    new_err
);
awaitable!(
    #[pyclass(frozen)]
    Called,
    called
);
awaitable!(
    #[pyclass(frozen)]
    Interned,
    interned
);
awaitable!(
    #[pyclass(frozen, freelist = 8)]
    Freelist,
    interned
);

fn new_err(_: Python<'_>) -> PyErr {
    PyStopIteration::new_err(("Ended",))
}

fn called(py: Python<'_>) -> PyErr {
    end_by_call(&PyString::new(py, "Ended"))
}

fn interned(py: Python<'_>) -> PyErr {
    end_by_call(intern!(py, "Ended"))
}

fn end_by_call(result: &Bound<'_, PyString>) -> PyErr {
    let class = result.py().get_type::<PyStopIteration>();
    let end = class.call1((result,));
    end.map_or_else(|error| error, PyErr::from_value)
}

/// One awaitable class, trick by trick.
#[pymodule]
mod variants {
    #[pymodule_export]
    use super::{Called, Freelist, Interned, NewErr};
}
