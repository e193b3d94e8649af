//! A thread that does `call_soon_threadsafe`, for loops that cannot watch a socket (Windows' default
//! one).
//!
//! It is the one thread of the crate that attaches to Python, and so the only one that must be gone
//! before the interpreter is. It makes one call for each batch.

use std::{
    mem,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use pyo3::{
    exceptions::PyRuntimeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyWeakrefMethods, PyWeakrefReference},
};

use crate::fork::PerProcess;

static THREAD: PerProcess<Thread> = PerProcess::new(Thread::NotNeeded, || Thread::NotNeeded);

enum Thread {
    NotNeeded,
    Running(Sender<Command>, JoinHandle<()>),
    Gone,
}

enum Command {
    Call(Arc<Target>),
    End,
}

/// A loop, and what it is to call.
struct Target {
    event_loop: Py<PyWeakrefReference>,
    callback: Py<PyAny>,
}

pub struct CallSoon {
    target: Arc<Target>,
    /// Its own: who wakes takes no lock that a fork might copy.
    sender: Sender<Command>,
}

impl CallSoon {
    /// Makes the thread call `callback` soon on `event_loop`, for each `wake`.
    ///
    /// # Errors
    ///
    /// `RuntimeError` while the interpreter exits, `OSError` if there is no thread to be had.
    pub fn new(event_loop: &Bound<'_, PyAny>, callback: Py<PyAny>) -> PyResult<Self> {
        let sender = start(event_loop.py())?;
        let event_loop = PyWeakrefReference::new(event_loop)?.unbind();
        let target = Arc::new(Target {
            event_loop,
            callback,
        });
        Ok(Self { target, sender })
    }

    pub fn wake(&self) {
        let _ = self.sender.send(Command::Call(Arc::clone(&self.target)));
    }

    /// # Errors
    ///
    /// `RuntimeError` while the interpreter exits: nobody would call.
    pub fn check(py: Python<'_>) -> PyResult<()> {
        start(py).map(drop)
    }
}

fn start(py: Python<'_>) -> PyResult<Sender<Command>> {
    static STOPS_AT_EXIT: PyOnceLock<()> = PyOnceLock::new();
    STOPS_AT_EXIT.get_or_try_init(py, || {
        let stop = wrap_pyfunction!(stop, py)?;
        let atexit = py.import("atexit")?;
        atexit.call_method1("register", (stop,)).map(drop)
    })?;
    THREAD.with(py, |thread| {
        if matches!(thread, Thread::NotNeeded) {
            let (sender, receiver) = mpsc::channel();
            let builder = thread::Builder::new().name("pyo3-await-calls".into());
            *thread = Thread::Running(sender, builder.spawn(|| run(receiver))?);
        }
        match thread {
            Thread::Running(sender, _) => Ok(sender.clone()),
            _ => Err(PyRuntimeError::new_err(
                "this event loop cannot be woken while the interpreter exits",
            )),
        }
    })
}

fn run(commands: Receiver<Command>) {
    for command in commands {
        let Command::Call(target) = command else {
            return;
        };
        // A loop that is closed meanwhile takes no calls, and has nobody to be told. The target is
        // dropped attached.
        let _ = Python::try_attach(move |py| target.call(py));
    }
}

impl Target {
    fn call(&self, py: Python<'_>) -> PyResult<()> {
        let Some(event_loop) = self.event_loop.bind(py).upgrade() else {
            return Ok(());
        };
        let name = intern!(py, "call_soon_threadsafe");
        event_loop.call_method1(name, (&self.callback,)).map(drop)
    }
}

/// Python calls this at exit, while threads may still attach, and it waits for ours to end.
#[pyfunction]
fn stop(py: Python<'_>) {
    let thread = THREAD.with(py, |thread| mem::replace(thread, Thread::Gone));
    if let Thread::Running(sender, thread) = thread {
        let _ = sender.send(Command::End);
        let _ = py.detach(|| thread.join());
    }
}
