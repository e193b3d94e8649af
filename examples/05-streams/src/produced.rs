//! An iterator with something of its own beside the stream: how to put one into a class of yours.

use std::{
    convert::Infallible,
    future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use futures_util::{Stream, StreamExt};
use pyo3::{PyTraverseError, PyVisit, intern, prelude::*, types::PyTuple};
use pyo3_await::{AsyncIterator, Coroutine};

/// How many items a stream has made.
#[derive(Clone, Default)]
pub struct Made(Arc<AtomicU64>);

impl Made {
    /// Counts the items of a stream.
    pub fn counting<S: Stream>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S> {
        let made = self.clone();
        stream.inspect(move |_| {
            made.0.fetch_add(1, Relaxed);
        })
    }
}

/// Iterates over the numbers that `produce` makes, and tells how many it has made.
#[pyclass(frozen, generic, weakref, module = "rust_streams")]
pub struct Produced {
    iterator: Py<AsyncIterator>,
    made: Made,
}

impl Produced {
    pub fn new(py: Python<'_>, iterator: AsyncIterator, made: Made) -> PyResult<Self> {
        let iterator = Py::new(py, iterator)?;
        Ok(Self { iterator, made })
    }
}

#[pymethods]
impl Produced {
    /// How many items have been made, taken or not.
    #[getter]
    fn made(&self) -> u64 {
        self.made.0.load(Relaxed)
    }

    fn __aiter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// Resolves to the next item.
    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.iterator
            .bind(py)
            .call_method0(intern!(py, "__anext__"))
    }

    /// Ends the iterator. Resolves to None when the stream has been dropped.
    fn aclose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.iterator.bind(py).call_method0(intern!(py, "aclose"))
    }

    /// Resolves to the iterator itself.
    fn __aenter__(this: Py<Self>) -> Coroutine {
        let entered = future::ready(Ok::<_, Infallible>(this));
        pyo3_await::inline("Produced.__aenter__", entered)
    }

    /// As `aclose`.
    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(
        &self,
        py: Python<'py>,
        _exception: Bound<'_, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.aclose(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)
    }
}
