//! The event loop that a coroutine runs on, whichever library it is of.
//!
//! - `ready_queue.rs`: which coroutines are to be resumed, pushed by any thread;
//! - `wakeup.rs`: how the loop gets to know, by a socket, or where that cannot be by a thread that
//!   calls it (`call_soon.rs`);
//! - `rounds.rs`: which futures are to be polled by the loop's thread, pushed by any thread;
//! - `executor.rs`: what polls them, on a loop that has a runtime of its own;
//! - `library.rs`: what is asked of a library of event loops, and `asyncio.rs` and `trio.rs` do;
//! - `state.rs`: a loop, with all that waits for it;
//! - `handler.rs`: what the loop calls when it has been woken.
//!
//! Here is the way from the loop that runs on this thread to its state, which is made when the loop
//! is met first.

pub mod asyncio;
mod call_soon;
pub mod executor;
mod handler;
pub mod library;
mod ready_queue;
mod rounds;
mod state;
#[cfg(feature = "trio")]
mod trio;
mod wakeup;

/// The locks of the hand-overs: the model checker puts its own in their place.
mod sync {
    pub use futures_util::task::AtomicWaker;
    pub use std::sync::{Mutex, PoisonError};
}

use std::{borrow::Cow, sync::Arc};

use pyo3::{
    exceptions::{PyNotImplementedError, PyRuntimeError},
    prelude::*,
};

use crate::{
    in_flight::Schedule,
    runtime::{self, os_error},
};
use call_soon::CallSoon;
use executor::Executor;
use handler::{DeliverSoon, WakeupHandler};
use library::Library;
use tokio::runtime::Handle;
use wakeup::{Socketpair, Wakeup};

pub use state::{EventLoop, closed, deliver_after};

/// The libraries in the order in which they are asked.
static LIBRARIES: &[&dyn Library] = &[
    #[cfg(feature = "trio")]
    &trio::Trio,
    &asyncio::Asyncio(asyncio::Futures),
];

/// Returns the loop that runs on this thread.
///
/// # Errors
///
/// `RuntimeError` if there is none, `OSError` if the runtime cannot be started, or the process has no
/// file descriptors left.
pub fn running(py: Python<'_>) -> PyResult<Arc<EventLoop>> {
    let Some((library, object)) = running_object(py)? else {
        return Err(PyRuntimeError::new_err("no running event loop"));
    };
    match EventLoop::known(&object) {
        Some(event_loop) => Ok(event_loop),
        None => connect(library, &object),
    }
}

/// Returns what stands for the loop that runs on this thread, and its library.
fn running_object(py: Python<'_>) -> PyResult<Option<(&'static dyn Library, Bound<'_, PyAny>)>> {
    for library in LIBRARIES {
        if let Some(object) = library.running(py)? {
            return Ok(Some((*library, object)));
        }
    }
    Ok(None)
}

/// Returns the loop that runs on this thread if it has a runtime of its own. If there is none, a future is
/// polled in the runtime of the process, and it need not be known where it runs.
pub fn with_runtime_here(py: Python<'_>) -> PyResult<Option<Arc<EventLoop>>> {
    let Some(here) = state::with_runtime_last_here() else {
        return Ok(None);
    };
    #[cfg(feature = "trio")]
    if trio::Trio.running(py)?.is_some() {
        return Ok(None); // inside a Task of that loop
    }
    if here.is_running(py)? {
        return Ok(Some(here));
    }
    let known = running_object(py)?.and_then(|(_, object)| EventLoop::known(&object));
    Ok(known.filter(|event_loop| event_loop.has_own_runtime()))
}

/// Returns the runtime that a future finds itself in on this thread, if that has started.
pub fn started_here(py: Python<'_>) -> Option<Cow<'static, Handle>> {
    match with_runtime_here(py) {
        Ok(Some(event_loop)) => Some(Cow::Owned(event_loop.runtime().clone())),
        _ => runtime::started(py).map(Cow::Borrowed),
    }
}

/// Makes a loop of asyncio known that waits in a runtime of its own, and polls its futures there.
#[cfg_attr(not(unix), expect(dead_code))] // `one_thread` alone needs it
pub fn with_own_runtime(
    library: &'static dyn Library,
    object: &Bound<'_, PyAny>,
    runtime: Handle,
    executor: Arc<Executor>,
) -> PyResult<Arc<EventLoop>> {
    let wakeup = Wakeup::Runtime(executor);
    let event_loop = Arc::new(EventLoop::new(library, object, runtime, wakeup));
    event_loop.make_known(object)?;
    Ok(event_loop)
}

/// Makes the loop watch for its wake-ups, one way or the other.
fn connect(library: &'static dyn Library, object: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let event_loop = match watch(library, object) {
        Err(error) if error.is_instance_of::<PyNotImplementedError>(object.py()) => {
            call(library, object)?
        }
        watched => watched?,
    };
    event_loop.make_known(object)?;
    Ok(event_loop)
}

fn watch(library: &'static dyn Library, object: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let py = object.py();
    let pair = Socketpair::new().map_err(|error| os_error(&error))?;
    let runtime = runtime::handle(py)?.clone();
    let wakeup = Wakeup::Socketpair(pair);
    let event_loop = Arc::new(EventLoop::new(library, object, runtime, wakeup));
    let handler = Bound::new(py, WakeupHandler::new(Arc::clone(&event_loop)))?;
    library.watch(object, &handler)?;
    Ok(event_loop)
}

fn call(library: &'static dyn Library, object: &Bound<'_, PyAny>) -> PyResult<Arc<EventLoop>> {
    let py = object.py();
    let deliver = Bound::new(py, DeliverSoon::default())?;
    let wakeup = Wakeup::CallSoon(CallSoon::new(object, deliver.clone().into_any().unbind())?);
    let runtime = runtime::handle(py)?.clone();
    let event_loop = Arc::new(EventLoop::new(library, object, runtime, wakeup));
    deliver.get().set(&event_loop);
    let handler = Bound::new(py, WakeupHandler::new(Arc::clone(&event_loop)))?;
    library.keep(object, &handler)?;
    Ok(event_loop)
}
