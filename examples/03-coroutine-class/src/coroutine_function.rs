//! Functions that say that they return coroutines, as those of `async def` do.
//!
//! A function made by PyO3 cannot be marked: it takes no attributes. So each is wrapped in an
//! object that does, which costs a call.

use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyTuple},
};

// Calls `function`, and `inspect.iscoroutinefunction` is true of it. (No docstring of its own: it
// would hide that of the function.)
#[pyclass(frozen, dict, weakref, module = "coroutine_class")]
pub struct CoroutineFunction {
    function: Py<PyAny>,
}

impl CoroutineFunction {
    /// Wraps `function` and marks it, by the public means from 3.12. In 3.11 there is only what
    /// `asyncio.iscoroutinefunction` goes by, and `inspect` cannot be told.
    pub fn marked<'py>(function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = function.py();
        let function = function.clone().unbind();
        let this = Bound::new(py, Self { function })?;
        if py.version_info() >= (3, 12) {
            py.import("inspect")?
                .call_method1("markcoroutinefunction", (&this,))?;
        } else {
            let marker = py.import("asyncio.coroutines")?.getattr("_is_coroutine")?;
            this.setattr("_is_coroutine", marker)?;
        }
        Ok(this)
    }
}

#[pymethods]
impl CoroutineFunction {
    #[pyo3(signature = (*arguments, **keywords))]
    fn __call__<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(arguments.py()).call(arguments, keywords)
    }

    /// Name, documentation and all else are those of the function.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(name)
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(intern!(py, "__doc__"))
    }

    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("inspect")?
            .call_method1("signature", (&self.function,))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self
            .function
            .bind(py)
            .getattr(intern!(py, "__qualname__"))?;
        Ok(format!("<coroutine function {name}>"))
    }
}
