//! A stream of any type, and what it has made, as one type.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use parking_lot::Mutex;
use pyo3::{
    exceptions::{PyRuntimeError, PyStopAsyncIteration},
    prelude::*,
    types::PyList,
};
use tokio::runtime::Handle;

use super::{
    buffer::{Buffer, Taken},
    producer::Production,
};
use crate::{
    alive::{Alive, STREAM},
    event_loop, fork,
    panic::{self, Panicked},
};

/// Shared by the iterator, the step that waits for an item, and whoever polls the stream.
pub type SharedStream = Arc<dyn RustStream>;

pub trait RustStream: Send + Sync {
    fn has_room(&self) -> bool;

    /// Waits for room for one more item.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()>;

    /// Polls the stream once. Says whether it may make more; if not, it has been dropped.
    ///
    /// Call it detached, inside the runtime: it runs code that is not ours.
    fn poll_make(&self, context: &mut Context<'_>) -> Poll<bool>;

    /// Waits for an item, or the end. One that is closed is at its end when the stream has been
    /// dropped.
    fn poll_item(&self, context: &mut Context<'_>) -> Poll<()>;

    /// Makes a Python object of what is there: an item, or a list of items. None if nothing is.
    ///
    /// # Errors
    ///
    /// What the stream failed with, or the conversion; `StopAsyncIteration` at the end.
    fn take(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>>;

    /// Drops what has been made, and the stream. If somebody is polling that, it is dropped when the
    /// poll returns: a poll cannot be interrupted. Call it detached, inside the runtime.
    fn close(&self);

    /// Has the stream been dropped?
    fn is_over(&self) -> bool;

    /// Waits until it has been.
    fn poll_end(&self, context: &mut Context<'_>) -> Poll<()>;

    /// What is known of the task that polls it, if none of its steps does.
    fn production(&self) -> &Production;

    /// That task has gone: whoever waits for an item starts another.
    fn let_go(&self);

    /// There is no runtime to poll it: whoever waits must hear of it.
    fn abandon(&self);
}

/// Closes a stream as it asks for: detached, and inside the runtime, if one has started.
pub fn close(py: Python<'_>, stream: &(impl RustStream + ?Sized)) {
    let runtime = event_loop::started_here(py);
    py.detach(|| {
        let _inside = runtime.as_deref().map(Handle::enter);
        stream.close();
    });
}

/// What a Python object is made of: each item, or the items that are there, up to this many.
#[derive(Clone, Copy)]
pub enum Batch {
    One,
    UpTo(usize),
}

/// `convert` makes a Python object of an item.
pub fn shared<S, T, E, C>(stream: S, ahead: usize, batch: Batch, convert: C) -> SharedStream
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<PyErr> + Send + 'static,
    C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
{
    Arc::new(Typed {
        stream: Mutex::new(Some((Box::pin(stream), Alive::new()))),
        buffer: Buffer::new(ahead),
        production: Production::default(),
        batch,
        convert,
    })
}

struct Typed<S, T, E, C> {
    /// None when it has been dropped. Locked for as long as somebody polls it, or drops it.
    stream: Mutex<Option<Counted<S>>>,
    buffer: Buffer<T, Failure<E>>,
    production: Production,
    batch: Batch,
    convert: C,
}

type Counted<S> = (Pin<Box<S>>, Alive<STREAM>);

/// What ends a stream before its time.
enum Failure<E> {
    Error(E),
    Panic(Panicked),
    RuntimeGone,
}

impl<S, T, E, C> RustStream for Typed<S, T, E, C>
where
    S: Stream<Item = Result<T, E>> + Send,
    T: Send,
    E: Into<PyErr> + Send,
    C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync,
{
    fn has_room(&self) -> bool {
        self.buffer.has_room()
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        self.buffer.poll_room(context)
    }

    fn poll_make(&self, context: &mut Context<'_>) -> Poll<bool> {
        let made = fork::section(|| self.poll_unlocked(context));
        // Who closed meanwhile found the stream locked.
        if self.buffer.is_closed() {
            self.drop_if_free(None);
            return Poll::Ready(false);
        }
        made
    }

    fn poll_item(&self, context: &mut Context<'_>) -> Poll<()> {
        self.buffer.poll_item(context)
    }

    fn take(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        match self.batch {
            Batch::One => {
                let convert = |item| (self.convert)(py, item);
                self.made(py, self.buffer.take(), convert)
            }
            Batch::UpTo(count) => {
                let list = |items| self.list(py, items);
                self.made(py, self.buffer.take_many(count), list)
            }
        }
    }

    fn close(&self) {
        fork::section(|| self.buffer.close());
        self.drop_if_free(None);
    }

    fn is_over(&self) -> bool {
        self.buffer.is_over()
    }

    fn poll_end(&self, context: &mut Context<'_>) -> Poll<()> {
        self.buffer.poll_end(context)
    }

    fn production(&self) -> &Production {
        &self.production
    }

    fn let_go(&self) {
        if !self.is_over() {
            self.production.has_left();
            self.buffer.wake_taker();
        }
    }

    fn abandon(&self) {
        self.drop_if_free(Some(Failure::RuntimeGone));
    }
}

impl<S, T, E, C> Typed<S, T, E, C>
where
    S: Stream<Item = Result<T, E>> + Send,
    T: Send,
    E: Into<PyErr> + Send,
    C: Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync,
{
    fn poll_unlocked(&self, context: &mut Context<'_>) -> Poll<bool> {
        let Some(mut slot) = self.stream.try_lock() else {
            return Poll::Ready(false); // somebody drops it
        };
        let Some((stream, _)) = slot.as_mut() else {
            return Poll::Ready(false);
        };
        let failure = match panic::catch(|| stream.as_mut().poll_next(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Ok(item)))) => {
                self.buffer.put(item);
                return Poll::Ready(true);
            }
            Ok(Poll::Ready(None)) => None,
            Ok(Poll::Ready(Some(Err(error)))) => Some(Failure::Error(error)),
            Err(panicked) => Some(Failure::Panic(panicked)),
        };
        self.drop_locked(&mut slot, failure);
        Poll::Ready(false)
    }

    fn drop_if_free(&self, failure: Option<Failure<E>>) {
        fork::section(|| {
            if let Some(mut slot) = self.stream.try_lock() {
                self.drop_locked(&mut slot, failure);
            }
        });
    }

    /// Drops the stream, and then says that it is over: who waits for the end relies on the order.
    fn drop_locked(&self, slot: &mut Option<Counted<S>>, failure: Option<Failure<E>>) {
        if let Some(stream) = slot.take() {
            let _ = panic::catch(|| drop(stream)); // the panic hook has said so
            self.buffer.end(failure);
        }
    }

    /// Makes the Python object of what has been taken.
    fn made<I>(
        &self,
        py: Python<'_>,
        taken: Taken<I, Failure<E>>,
        convert: impl FnOnce(I) -> PyResult<Py<PyAny>>,
    ) -> Option<PyResult<Py<PyAny>>> {
        Some(match taken {
            Taken::Item(item) => convert(item).inspect_err(|_| close(py, self)),
            Taken::Failure(failure) => Err(failure.into()),
            Taken::Over => Err(PyStopAsyncIteration::new_err(())),
            Taken::Nothing => return None,
        })
    }

    fn list(&self, py: Python<'_>, items: Vec<T>) -> PyResult<Py<PyAny>> {
        let list = PyList::empty(py);
        for item in items {
            list.append((self.convert)(py, item)?)?;
        }
        Ok(list.into_any().unbind())
    }
}

impl<E: Into<PyErr>> From<Failure<E>> for PyErr {
    fn from(failure: Failure<E>) -> Self {
        match failure {
            Failure::Error(error) => error.into(),
            Failure::Panic(panicked) => panicked.into(),
            Failure::RuntimeGone => PyRuntimeError::new_err("the runtime has been shut down"),
        }
    }
}
