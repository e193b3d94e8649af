//! The tokio runtime that runs the futures: made on first use, or handed in before it.
//!
//! It is never dropped: that would wait for its threads, and the process shall end at once. Its
//! threads never attach to Python, so the kernel can end them without harm.

use std::{
    cell::Cell,
    io, mem,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use pyo3::{
    exceptions::{PyOSError, PyRuntimeError, PyValueError},
    prelude::*,
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    exit,
    fork::{self, PerProcess},
    panic,
};

/// The runtime that has started in this process: its handle stays for ever, as the runtime does.
static STARTED: PerProcess<Option<&Handle>> = PerProcess::new(None, || None);

thread_local! {
    /// The same without a lock, and the epoch of the process that it is of.
    static KNOWN: Cell<Option<(usize, &'static Handle)>> = const { Cell::new(None) };
}

/// How to start it. A child process starts its own in the same way. Locked while attached only.
static START: Mutex<Start> = Mutex::new(Start::Workers(None));

enum Start {
    Workers(Option<usize>),
    Builder(Box<Builder>),
    /// Somebody else has, in the process of this epoch.
    HandedIn(Handle, usize),
}

/// Sets how many worker threads the runtime will have: one for each core, if nobody does.
///
/// # Errors
///
/// `ValueError` if there would be none, and `RuntimeError` once the runtime has started.
pub fn set_worker_threads(py: Python<'_>, count: usize) -> PyResult<()> {
    if count == 0 {
        return Err(PyValueError::new_err(
            "there must be at least one worker thread",
        ));
    }
    configure(py, Start::Workers(Some(count)))
}

/// Has the runtime built by `builder`, whose drivers must be enabled. After a fork a child builds its
/// own by the same builder.
///
/// A builder of a current-thread runtime builds one that nobody runs: futures that are spawned on it
/// wait for ever. Hand in its handle instead, and run it.
///
/// # Errors
///
/// `RuntimeError` once the runtime has started.
pub fn set_builder(py: Python<'_>, builder: Builder) -> PyResult<()> {
    configure(py, Start::Builder(Box::new(builder)))
}

/// Uses a runtime that runs already. It must be run until the process ends: a future that is spawned
/// on a runtime that has been shut down is never finished. A child process has no runtime then.
///
/// # Errors
///
/// `RuntimeError` once the runtime has started.
pub fn set_handle(py: Python<'_>, handle: Handle) -> PyResult<()> {
    configure(py, Start::HandedIn(handle, fork::epoch()))
}

fn configure(py: Python<'_>, start: Start) -> PyResult<()> {
    if started(py).is_some() {
        return Err(PyRuntimeError::new_err("the runtime has started already"));
    }
    let before = mem::replace(&mut *lock_start(), start);
    drop(before); // unlocked: a builder holds hooks that are not ours
    Ok(())
}

/// Returns the runtime's handle, if it has started.
pub fn started(py: Python<'_>) -> Option<&'static Handle> {
    let epoch = fork::epoch();
    if let Some((_, handle)) = KNOWN.get().filter(|known| known.0 == epoch) {
        return Some(handle);
    }
    let handle = STARTED.with(py, |started| *started)?;
    KNOWN.set(Some((epoch, handle)));
    Some(handle)
}

/// Returns the runtime's handle, to spawn tasks of your own on it. Starts the runtime if nobody has.
///
/// Such a task must not attach to Python, or what is said about exits and forks does not hold for it.
///
/// # Errors
///
/// `OSError` if its threads cannot be started. `RuntimeError` in a child process whose parent used
/// [`set_handle`].
pub fn handle(py: Python<'_>) -> PyResult<&'static Handle> {
    if let Some(handle) = started(py) {
        return Ok(handle);
    }
    prepare(py)?;
    let runtime = with_signals_blocked(py, || start(py))?;
    STARTED.with(py, |started| {
        // Without a GIL another thread may have been quicker.
        let used = *started.get_or_insert_with(|| Box::leak(Box::new(runtime.handle().clone())));
        runtime.keep(used);
        Ok(used)
    })
}

/// What has to be done before a process has its first runtime.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    panic::location::remember();
    exit::watch(py)?;
    fork::watch(py)
}

enum Found {
    Made(Runtime),
    HandedIn(Handle),
}

impl Found {
    fn handle(&self) -> &Handle {
        match self {
            Self::Made(runtime) => runtime.handle(),
            Self::HandedIn(handle) => handle,
        }
    }

    /// Keeps the runtime for ever if it is the one that is used, and ends it if not.
    fn keep(self, used: &Handle) {
        match self {
            Self::Made(runtime) if runtime.handle().id() == used.id() => mem::forget(runtime),
            Self::Made(runtime) => runtime.shutdown_background(),
            Self::HandedIn(_) => {}
        }
    }
}

fn start(py: Python<'_>) -> PyResult<Found> {
    let mut start = lock_start();
    let built = match &mut *start {
        Start::HandedIn(handle, epoch) if *epoch == fork::epoch() => {
            return Ok(Found::HandedIn(handle.clone()));
        }
        Start::HandedIn(..) => {
            return Err(PyRuntimeError::new_err(
                "the runtime was handed in by the parent process, and is not here after a fork",
            ));
        }
        Start::Builder(builder) => build(builder),
        Start::Workers(asked) => {
            let asked = *asked;
            drop(start); // nobody is to wait for it while this thread waits
            default_workers(asked).and_then(|workers| build_elsewhere(py, workers))
        }
    };
    built.map(Found::Made).map_err(|error| os_error(&error))
}

/// As many as tokio takes by default: it must be known before, to look whether they can be had.
fn default_workers(asked: Option<usize>) -> io::Result<usize> {
    const VARIABLE: &str = "TOKIO_WORKER_THREADS";
    match (asked, std::env::var(VARIABLE)) {
        (Some(count), _) => Ok(count),
        (None, Ok(text)) => match text.parse() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(io::Error::other(format!(
                "{VARIABLE} is not a number of threads: {text:?}"
            ))),
        },
        (None, Err(_)) => Ok(thread::available_parallelism().map_or(1, Into::into)),
    }
}

/// How long a runtime may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tokio panics when a worker cannot be started, and then waits for those that could, for ever: they
/// have no reason to end. So the threads are tried out first. Even then one may be missing, as the
/// kernel counts those that were tried for a moment longer. So the runtime is built on a thread that
/// can be given up, while this one lets go of Python.
fn build_elsewhere(py: Python<'_>, workers: usize) -> io::Result<Runtime> {
    check_that_threads_start(workers)?;
    let (sender, receiver) = mpsc::channel();
    let name = "pyo3-await";
    thread::Builder::new().name(name.into()).spawn(move || {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(workers)
            .enable_all()
            .thread_name(name);
        drop(sender.send(build(&mut builder))); // or nobody waits for it any more
    })?;
    let built = py.detach(move || receiver.recv_timeout(PATIENCE));
    built.unwrap_or_else(|_| Err(io::Error::other("the runtime's threads cannot be started")))
}

fn check_that_threads_start(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let _all_at_once = gate.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..count {
            thread::Builder::new().spawn_scoped(scope, || drop(gate.lock()))?;
        }
        Ok(())
    })
}

/// Tokio panics instead of returning some of its errors.
pub(crate) fn build(builder: &mut Builder) -> io::Result<Runtime> {
    panic::catch(|| builder.build()).map_err(io::Error::other)?
}

/// Threads inherit the signals that are blocked where they are started. A signal that every other
/// thread blocks, to wait for it with `sigwait`, must not find ours open: the kernel would hand it
/// over, and its default action end the process. What is an error of the thread itself stays.
fn with_signals_blocked<R>(py: Python<'_>, f: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    const OWN_ERRORS: [&str; 6] = [
        "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGPROF",
    ];
    let signal = py.import("signal")?;
    let Some(mask) = signal.getattr_opt("pthread_sigmask")? else {
        return f(); // Windows has none
    };
    let signals = signal.call_method0("valid_signals")?;
    for name in OWN_ERRORS {
        if let Some(number) = signal.getattr_opt(name)? {
            signals.call_method1("discard", (number,))?;
        }
    }
    let before = mask.call1((signal.getattr("SIG_BLOCK")?, signals))?;
    let result = f();
    mask.call1((signal.getattr("SIG_SETMASK")?, before))?;
    result
}

/// Makes an `OSError` that has its number, and so is of the class that Python has for that.
pub(crate) fn os_error(error: &io::Error) -> PyErr {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let text = text.trim_end_matches(&format!(" (os error {number})"));
            PyOSError::new_err((number, text.to_owned()))
        }
        None => PyOSError::new_err(text),
    }
}

fn lock_start() -> MutexGuard<'static, Start> {
    START.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that is dropped inside the runtime, wherever that happens.
///
/// A Python object is dropped on the thread that lets go of it, where there is no runtime. What a
/// Rust library needs one for in its `Drop`, such as to spawn a last task, panics there with "there
/// is no reactor running". Put the value in here, and it does not.
pub struct DropInRuntime<T> {
    value: Option<T>,
    handle: Handle,
}

impl<T> DropInRuntime<T> {
    /// Starts the runtime if nobody has.
    ///
    /// # Errors
    ///
    /// As [`handle`].
    pub fn new(py: Python<'_>, value: T) -> PyResult<Self> {
        Ok(Self::with_handle(handle(py)?.clone(), value))
    }

    /// As [`new`](Self::new), also on a detached thread, such as inside a future.
    pub fn with_handle(handle: Handle, value: T) -> Self {
        let value = Some(value);
        Self { value, handle }
    }
}

impl<T> Deref for DropInRuntime<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes it away")
    }
}

impl<T> DerefMut for DropInRuntime<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("only `drop` takes it away")
    }
}

impl<T> Drop for DropInRuntime<T> {
    fn drop(&mut self) {
        let _inside = self.handle.enter();
        self.value = None;
    }
}
