//! The bridge: any Rust future as a Python coroutine. Lift this folder into your own crate.
//!
//! A `#[pyfunction]` returns [`coroutine`] of an `async move` block, and that is all there is to
//! using it. Underneath, from the future to the event loop:
//!
//! - `runtime.rs` runs futures, on threads that never attach to Python;
//! - `in_flight.rs` is one future there: polled, finished, or dropped half-way, and then it says so;
//! - `mailbox.rs` is where it says so, once for each event loop, and `doorbell.rs` is how the loop
//!   gets to know, by a `socket_pair.rs`;
//! - `event_loop.rs` is that loop: its mailbox, its bell, and how a coroutine parks there. What it
//!   asks of asyncio is in `asyncio.rs`, of trio in `trio.rs`, and of loops that cannot watch a
//!   socket in `messenger.rs`;
//! - `body.rs` is what the coroutine does: spawn, park, and bring the result, or the exception;
//! - the folder `coroutine` makes it a coroutine to Python, and is explained in chapter 03;
//! - `panic.rs`, `process.rs` and `live.rs` see to panics, to forks, and to the count of futures.

mod asyncio;
mod body;
mod coroutine;
mod doorbell;
mod event_loop;
mod in_flight;
mod live;
mod mailbox;
mod messenger;
mod panic;
mod process;
mod runtime;
mod socket_pair;
mod trio;

/// The locks of the hand-over: the model checker puts its own in their place.
mod sync {
    pub use std::sync::{Mutex, PoisonError};
}

use std::{
    any::TypeId,
    ffi::CStr,
    future::Future,
    panic::Location,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use futures_util::FutureExt;
use pyo3::{IntoPyObjectExt, prelude::*};

pub use coroutine::Coroutine;
pub use live::Live;
pub use panic::RustPanic;
pub use process::OfThisProcess;
pub use runtime::set_worker_threads;

use body::{Body, Runs, Source};
use in_flight::{Outcome, RustFuture};

static SET_UP: AtomicBool = AtomicBool::new(false);

/// Prepares the bridge. Call it once, when the module is imported.
pub fn set_up(module: &Bound<'_, PyModule>) -> PyResult<()> {
    SET_UP.store(true, Relaxed);
    panic::remember_places();
    module.add("RustPanic", module.py().get_type::<RustPanic>())?;
    process::watch_for_forks(module)
}

/// Makes a Python coroutine of a Rust future.
///
/// `name` is what tracebacks and warnings call it. Nothing runs before it is awaited. Then the
/// future runs on the bridge's runtime, and the result becomes a Python object on the thread of the
/// event loop. An `Err` is raised there, and a panic raises [`RustPanic`]. When the await is
/// cancelled, the future is dropped first.
#[track_caller]
pub fn coroutine<F, T, E>(name: &'static CStr, future: F) -> Coroutine
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    let place = Location::caller();
    Coroutine::new(
        Source { name, place },
        Body::new(for_python(future), Runs::OnTheRuntime),
    )
}

/// As [`coroutine`], but polls the future in place, on the thread of the event loop: when the
/// coroutine is begun, and each time that the future is woken.
///
/// That saves the way to another thread and back. It is for futures that mostly wait, such as those
/// of sockets and timers, and are quick when they do not: while one computes, the loop stands still.
/// Python is let go meanwhile. A future that is ready at once does not suspend.
#[track_caller]
pub fn polled_coroutine<F, T, E>(name: &'static CStr, future: F) -> Coroutine
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    let place = Location::caller();
    Coroutine::new(
        Source { name, place },
        Body::new(for_python(future), Runs::InPlace),
    )
}

/// Counts the future, and has its result made a Python object when there is a Python to do it.
fn for_python<F, T, E>(future: F) -> RustFuture
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    // Without it, forks and panics would go wrong, and nothing else: say so before.
    assert!(
        SET_UP.load(Relaxed),
        "call `bridge::set_up` when the module is made"
    );
    let live = Live::new();
    // `map` and not an `async` block, which would keep room for the future twice.
    Box::pin(future.map(move |result| {
        drop(live);
        Box::new(move |py: Python<'_>| to_python(py, result.map_err(Into::into)?)) as Outcome
    }))
}

/// `()` is None here, as it is where a `#[pyfunction]` returns it.
fn to_python<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + 'static,
{
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return Ok(py.None());
    }
    value.into_py_any(py)
}
