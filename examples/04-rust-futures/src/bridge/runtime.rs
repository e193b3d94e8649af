//! The tokio runtime that runs every future of the bridge.
//!
//! It is made on first use and never dropped: dropping it would wait for its threads, and the
//! process shall end at once. The kernel ends threads that never attach to Python without harm.

use std::{
    io, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::panic;

static RUNTIME: Mutex<Start> = Mutex::new(Start::Later { workers: None });

enum Start {
    Later { workers: Option<usize> },
    Done(Runtime),
}

/// Sets how many worker threads the runtime will have: one for each core, if nobody does.
///
/// Raises `ValueError` if there would be none, and `RuntimeError` once the runtime has started.
#[pyfunction]
pub fn set_worker_threads(count: u16) -> PyResult<()> {
    if count == 0 {
        return Err(PyValueError::new_err(
            "there must be at least one worker thread",
        ));
    }
    match &mut *lock() {
        Start::Later { workers } => *workers = Some(count.into()),
        Start::Done(_) => return Err(PyRuntimeError::new_err("the runtime has started already")),
    }
    Ok(())
}

/// In a child process: the threads are not here, and what they watched belongs to the parent.
pub fn forget() {
    let mut start = lock();
    if let Start::Done(runtime) = &*start {
        let workers = Some(runtime.metrics().num_workers());
        mem::forget(mem::replace(&mut *start, Start::Later { workers }));
    }
}

/// Returns the runtime's handle, and starts it if nobody has. Raises `OSError` if its workers cannot be
/// started.
///
/// It must be called attached, as here a lock is taken: another thread might fork, whose child would
/// wait for a copy of it that nobody gives back. Nobody forks while this thread is attached.
pub fn handle(_py: Python<'_>) -> io::Result<Handle> {
    let mut start = lock();
    if let Start::Later { workers } = *start {
        *start = Start::Done(build(workers)?);
    }
    match &*start {
        Start::Done(runtime) => Ok(runtime.handle().clone()),
        Start::Later { .. } => unreachable!("it has just been started"),
    }
}

/// Tokio panics when a thread cannot be started, or its environment variables make no sense.
fn build(workers: Option<usize>) -> io::Result<Runtime> {
    let built = panic::catch(|| {
        let mut builder = Builder::new_multi_thread();
        if let Some(count) = workers {
            builder.worker_threads(count);
        }
        builder.enable_all().thread_name("rust-futures").build()
    });
    built.map_err(io::Error::other)?
}

fn lock() -> MutexGuard<'static, Start> {
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner)
}
