//! A first extension. In a project of your own this is the whole of `src/lib.rs`.

use pyo3::prelude::*;

/// A first extension.
#[pymodule]
pub mod hello {
    use pyo3::prelude::*;

    /// Calls `function` with a greeting, and returns what it returns.
    #[pyfunction]
    fn greet<'py>(function: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let greeting = format!("Hello, {name}!");
        function.call1((greeting,))
    }
}
