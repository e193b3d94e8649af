//! Futures that are not `Send`: made, polled and dropped on one thread, that of a loop that polls its
//! futures itself.
//!
//! A coroutine may be dropped on any thread. So it holds a ticket, and the future stays in a store of its
//! thread. A ticket that is dropped on another thread is left for that thread to find.

use std::{
    cell::RefCell,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt, future::MaybeDone};
use parking_lot::Mutex;
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use slab::Slab;

use crate::{
    alive::{Alive, FUTURE},
    fork::Guarded,
    panic,
    rust_future::{BoxedFuture, RustFuture},
};

type LocalFuture = Pin<Box<dyn Pollable>>;
type Make = Box<dyn FnOnce() -> LocalFuture + Send>;

/// Makes what stands for a future that `make` makes, when it is polled first.
pub fn local<M, F, T, E, C>(make: M, convert: C) -> BoxedFuture
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: Into<PyErr> + 'static,
    C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let alive = Alive::<FUTURE>::new();
    Box::pin(Local::Unmade(Box::new(move || {
        Box::pin(MaybeDone::Future(make().map(move |result| {
            drop(alive);
            move |py: Python<'_>| convert(py, result.map_err(Into::into)?)
        })))
    })))
}

/// A `RustFuture` that is not `Send`.
trait Pollable {
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()>;

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>>;
}

impl<F> Pollable for MaybeDone<F>
where
    F: Future,
    F::Output: FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
{
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Future::poll(self, context)
    }

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        Some(self.take_output()?(py))
    }
}

enum Local {
    Unmade(Make),
    Made(Ticket),
    /// It is not to be had: it panicked while it was made, or somebody polls it elsewhere.
    Gone,
}

impl RustFuture for Local {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Unmade(_) = *self {
            if let Self::Unmade(make) = mem::replace(&mut *self, Self::Gone) {
                *self = Self::Made(Ticket::new(make()));
            }
        }
        let polled = match &*self {
            Self::Made(ticket) => ticket.visit(|future| future.as_mut().poll(context)),
            Self::Unmade(_) | Self::Gone => None,
        };
        polled.unwrap_or_else(|| {
            *self = Self::Gone;
            Poll::Ready(())
        })
    }

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        let taken = match &*self {
            Self::Made(ticket) => ticket.visit(|future| future.as_mut().take(py)),
            Self::Unmade(_) | Self::Gone => None,
        };
        taken.unwrap_or_else(|| {
            Some(Err(PyRuntimeError::new_err(
                "a local future cannot go on on another thread than the one it was begun on",
            )))
        })
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// Stands for a future in the store of its thread.
struct Ticket {
    left: Arc<Left>,
    key: usize,
}

/// Keys of futures whose tickets were dropped on other threads.
type Left = Mutex<Vec<usize>>;

impl Ticket {
    fn new(future: LocalFuture) -> Self {
        with_store(|store| Self {
            left: Arc::clone(&store.left),
            key: store.futures.insert(Some(future)),
        })
    }

    /// Calls `f` with the future, if this is its thread. It is out of the store meanwhile: `f` may get
    /// to another one.
    fn visit<R>(&self, f: impl FnOnce(&mut LocalFuture) -> R) -> Option<R> {
        let mut future = self.on_its_thread(Option::take)??;
        let result = f(&mut future);
        self.on_its_thread(|slot| *slot = Some(future));
        Some(result)
    }

    fn on_its_thread<R>(&self, f: impl FnOnce(&mut Option<LocalFuture>) -> R) -> Option<R> {
        with_store(|store| {
            let is_here = Arc::ptr_eq(&self.left, &store.left);
            is_here.then(|| store.futures.get_mut(self.key).map(f))?
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let here = STORE.try_with(|_| {
            with_store(|store| {
                let is_here = Arc::ptr_eq(&self.left, &store.left);
                is_here.then(|| store.futures.try_remove(self.key))
            })
        });
        match here {
            Ok(Some(future)) => drop(future), // the store is free again: this may run anything
            _ => self.left.lock().push(self.key),
        }
    }
}

/// The futures of one thread.
struct Store {
    /// None while somebody has it in hand.
    futures: Slab<Option<LocalFuture>>,
    left: Arc<Left>,
}

thread_local! {
    static STORE: RefCell<Option<Guarded<Store>>> = const { RefCell::new(None) };
}

/// A child process begins anew, and forgets the futures of its parent.
fn with_store<R>(f: impl FnOnce(&mut Store) -> R) -> R {
    STORE.with_borrow_mut(|store| {
        if store.as_ref().is_none_or(|store| !store.is_ours()) {
            *store = Some(Guarded::new(Store {
                futures: Slab::new(),
                left: Arc::default(),
            }));
        }
        let store = store.as_mut().and_then(Guarded::get_mut);
        f(store.expect("it is made just above if it is not ours"))
    })
}

/// Drops the futures of this thread whose tickets are gone.
#[cfg_attr(not(unix), expect(dead_code))] // `one_thread` alone needs it
pub fn drop_left() {
    if STORE.with_borrow(Option::is_none) {
        return; // most threads have none
    }
    let left = with_store(|store| {
        let keys = mem::take(&mut *store.left.lock());
        let futures = keys.into_iter().map(|key| store.futures.try_remove(key));
        futures.collect::<Vec<_>>()
    });
    for future in left {
        let _ = panic::catch(|| drop(future)); // the panic hook has said so
    }
}
