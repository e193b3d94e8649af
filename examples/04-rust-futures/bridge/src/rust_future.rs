//! A future of any type, and what it brings, as one type.

use std::{
    any::TypeId,
    future::{Future, Ready},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{FutureExt, future::MaybeDone};
use pyo3::{IntoPyObjectExt, prelude::*};

use crate::alive::{Alive, FUTURE};

/// A future, or what it has brought, in the same place of memory.
pub type BoxedFuture = Pin<Box<dyn RustFuture>>;

pub trait RustFuture: Send {
    /// Polls the future. Not to be called again once it is ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()>;

    /// Makes a Python object of what a finished future has brought. None if somebody has taken it.
    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>>;

    /// Can it be polled on one thread only?
    fn is_local(&self) -> bool {
        false
    }
}

/// A result that can be made a Python object where a thread is attached.
pub trait Outcome: Send {
    fn convert(self, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

impl<F> RustFuture for MaybeDone<F>
where
    F: Future + Send,
    F::Output: Outcome,
{
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Future::poll(self, context)
    }

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        Some(self.take_output()?.convert(py))
    }
}

/// Counts the future until it is finished, and keeps what converts its result.
pub fn boxed<F, T, E, C>(future: F, convert: C) -> BoxedFuture
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<PyErr> + Send + 'static,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let alive = Alive::<FUTURE>::new();
    // `map` and not an `async` block, which would keep room for the future twice.
    Box::pin(MaybeDone::Future(future.map(move |result| {
        drop(alive);
        Brought { result, convert }
    })))
}

/// A future that has come to its end, with this error.
pub fn failed(error: impl Into<PyErr> + Send + 'static) -> BoxedFuture {
    let brought = Brought {
        result: Err(error),
        convert: to_python::<()>,
    };
    Box::pin(MaybeDone::<Ready<_>>::Done(brought))
}

struct Brought<T, E, C> {
    result: Result<T, E>,
    convert: C,
}

impl<T, E, C> Outcome for Brought<T, E, C>
where
    T: Send,
    E: Into<PyErr> + Send,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send,
{
    fn convert(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.convert)(py, self.result.map_err(Into::into)?)
    }
}

/// What `#[pyfunction]` does with a result. `()` is None here, as it is there.
pub fn to_python<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + 'static,
{
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return Ok(py.None());
    }
    value.into_py_any(py)
}
