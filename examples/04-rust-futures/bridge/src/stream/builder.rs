//! Makes an iterator of a stream, with all that there is to say of it.

use std::panic::Location;

use futures_util::Stream;
use pyo3::prelude::*;

use super::{
    iterator::{AsyncIterator, Options},
    rust_stream::{Batch, shared},
};
use crate::{Name, rust_future::to_python};

/// Makes an async iterator of a stream that works: a task on the runtime polls it, and is at most
/// `ahead` items in front of whoever takes them (at least one).
///
/// `name` is what tracebacks, warnings and the repr of a Task call a step. Nothing is made before the
/// first step is awaited. Each item becomes a Python object as the result of a `#[pyfunction]` does,
/// on the thread of the event loop.
///
/// A step that is cancelled loses nothing: the next one takes the item. After the end, an error or
/// `aclose()`, steps raise `StopAsyncIteration`. A step raises what `E` converts to, and then the
/// stream has been dropped; [`RustPanic`](crate::RustPanic) if the stream panics; `RuntimeError` if
/// another step is under way, or no event loop is running; `OSError` if the runtime's threads cannot be
/// started.
///
/// An iterator belongs to no event loop: begun on one, it can go on on another. But sockets and timers
/// that a stream has opened on a loop of [`one_thread`](crate::one_thread) fail when that is closed.
///
/// **How far ahead?** As far as what waits may take memory. With few items the loop is woken for nearly
/// each of them, with a thousand once for many: an item then costs a tenth.
#[track_caller]
pub fn spawn_stream<S, T, E>(name: impl Into<Name>, stream: S, ahead: usize) -> AsyncIterator
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    StreamBuilder::new(name).ahead(ahead).spawn(stream)
}

/// Makes an async iterator of a stream that is cheap, and seldom waits: the thread of the event loop
/// polls it, when a step is awaited and nothing is there.
///
/// Such an item costs a fraction of one that comes from another thread, but the loop stands still
/// during a poll. All else is as for [`spawn_stream`].
#[track_caller]
pub fn inline_stream<S, T, E>(name: impl Into<Name>, stream: S) -> AsyncIterator
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    StreamBuilder::new(name).inline(stream)
}

/// Makes an async iterator with more to say about it than its name and stream.
#[must_use = "call `spawn` or `inline`"]
pub struct StreamBuilder {
    name: Name,
    location: &'static Location<'static>,
    ahead: usize,
    batch: Batch,
    ends_when_cancelled: bool,
}

impl StreamBuilder {
    /// Begins with the name, and the caller's place in the sources.
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            location: Location::caller(),
            ahead: 1,
            batch: Batch::One,
            ends_when_cancelled: false,
        }
    }

    /// Says another place in the sources, for helpers that `#[track_caller]` does not see through.
    pub fn location(self, location: &'static Location<'static>) -> Self {
        Self { location, ..self }
    }

    /// Lets the stream be this many items in front of whoever takes them: one, if nobody says
    /// otherwise. One that is polled inline makes so many at a time if they are ready.
    pub fn ahead(self, ahead: usize) -> Self {
        Self { ahead, ..self }
    }

    /// Has each step bring a list, of the items that are there, one to `count` of them. For those who
    /// count items in millions: what a step costs is shared by all in the list. Let the stream run
    /// `ahead` as far, or no more than that can be there.
    pub fn batches(self, count: usize) -> Self {
        let batch = Batch::UpTo(count);
        Self { batch, ..self }
    }

    /// Ends the stream when a step of it is cancelled, as an async generator ends: the step raises when
    /// the stream has been dropped. For a web framework that cancels whoever reads when its client has
    /// gone away, and knows nothing of `aclose`: the stream would stay open until the iterator is
    /// collected.
    pub fn ends_when_cancelled(self) -> Self {
        let ends_when_cancelled = true;
        Self {
            ends_when_cancelled,
            ..self
        }
    }

    /// As [`spawn_stream`].
    pub fn spawn<S, T, E>(self, stream: S) -> AsyncIterator
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        E: Into<PyErr> + Send + 'static,
    {
        self.spawn_with(stream, to_python)
    }

    /// As [`inline_stream`].
    pub fn inline<S, T, E>(self, stream: S) -> AsyncIterator
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        E: Into<PyErr> + Send + 'static,
    {
        self.inline_with(stream, to_python)
    }

    /// As [`spawn_stream`], and makes the Python object of each item by `convert`: called attached, on
    /// the thread of the event loop, when the item is taken. What it raises, the step raises, and the
    /// stream is closed.
    pub fn spawn_with<S, T, E, C>(self, stream: S, convert: C) -> AsyncIterator
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<PyErr> + Send + 'static,
        C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    {
        self.build(stream, convert, true)
    }

    /// As [`inline_stream`], and makes the Python object of each item by `convert`, as
    /// [`spawn_with`](Self::spawn_with) does.
    pub fn inline_with<S, T, E, C>(self, stream: S, convert: C) -> AsyncIterator
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<PyErr> + Send + 'static,
        C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    {
        self.build(stream, convert, false)
    }

    fn build<S, T, E, C>(self, stream: S, convert: C, spawned: bool) -> AsyncIterator
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<PyErr> + Send + 'static,
        C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    {
        let stream = shared(stream, self.ahead, self.batch, convert);
        let options = Options {
            name: self.name.0,
            place: self.location,
            spawned,
            ends_when_cancelled: self.ends_when_cancelled,
        };
        AsyncIterator::new(stream, options)
    }
}
