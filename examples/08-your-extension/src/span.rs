//! The span of a Rust call, on its way through Python: a context variable keeps it.
//!
//! A hook runs in Python. What it calls in Rust again should be a child of the span that the hook was
//! called in. That is entered only while its future is polled, so Python has to carry it.

use pyo3::{prelude::*, sync::PyOnceLock};
use tracing::Span;

/// A span, as the value of the context variable.
#[pyclass(frozen, module = "your_extension")]
struct Carried(Span);

/// Returns the span that Python was called in, if there is one.
pub fn current(py: Python<'_>) -> PyResult<Span> {
    let value = variable(py)?.call_method1("get", (py.None(),))?;
    let carried = value.cast::<Carried>();
    Ok(carried.map_or_else(|_| Span::none(), |carried| carried.get().0.clone()))
}

/// Makes it the span that Python is called in, in this context.
pub fn set_current(py: Python<'_>, span: Span) -> PyResult<()> {
    variable(py)?
        .call_method1("set", (Carried(span),))
        .map(drop)
}

fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = || {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        class.call1(("your_extension.span",)).map(Bound::unbind)
    };
    VARIABLE.get_or_try_init(py, make).map(|it| it.bind(py))
}
