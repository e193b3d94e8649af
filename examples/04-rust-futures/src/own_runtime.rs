//! For who has a tokio runtime already, and for values that need one when they are dropped.

use std::{
    convert::Infallible,
    mem,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use pyo3::prelude::*;
use pyo3_await::{
    Coroutine,
    runtime::{self, DropInRuntime},
};
use tokio::runtime::{Builder, Handle};

/// Has futures run on a runtime that is not the crate's, whose threads have this name.
///
/// Raises `RuntimeError` once the runtime has started.
#[pyfunction]
pub fn bring_runtime(py: Python<'_>, name: String) -> PyResult<()> {
    let runtime = builder(name).build()?;
    runtime::set_handle(py, runtime.handle().clone())?;
    mem::forget(runtime); // it must run until the process ends
    Ok(())
}

/// Has the crate build its runtime in another way: its threads have this name.
///
/// Raises `RuntimeError` once the runtime has started.
#[pyfunction]
pub fn bring_builder(py: Python<'_>, name: String) -> PyResult<()> {
    runtime::set_builder(py, builder(name))
}

fn builder(name: String) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().worker_threads(1).thread_name(name);
    builder
}

/// Awaits to the name of the thread that polls its future.
#[pyfunction]
pub fn worker_name() -> Coroutine {
    pyo3_await::spawn("worker_name", async {
        Ok::<_, Infallible>(thread::current().name().map(str::to_owned))
    })
}

static GOODBYES: AtomicUsize = AtomicUsize::new(0);

/// Returns how many tasks have been run by a `Goodbye` that was dropped.
#[pyfunction]
pub fn goodbyes() -> usize {
    GOODBYES.load(SeqCst)
}

/// An object that spawns a last task when it is dropped, as some clients do to end a session.
///
/// Raises `OSError` if the runtime cannot be started.
#[pyclass(frozen, module = "rust_futures")]
pub struct Goodbye {
    _session: DropInRuntime<Session>,
}

#[pymethods]
impl Goodbye {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let session = DropInRuntime::new(py, Session)?;
        Ok(Self { _session: session })
    }
}

struct Session;

impl Drop for Session {
    /// Where no runtime is current, `Handle::current` panics.
    fn drop(&mut self) {
        Handle::current().spawn(async { GOODBYES.fetch_add(1, SeqCst) });
    }
}
