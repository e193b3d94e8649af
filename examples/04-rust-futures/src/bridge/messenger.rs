//! The messenger: a thread that calls loops which cannot watch a socket (Windows' default one).
//!
//! It is the one thread of the bridge that attaches to Python, and so the only one that must be gone
//! before the interpreter is. It makes one call for each batch, as the bell rings once for each.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use pyo3::{
    exceptions::PyRuntimeError, intern, prelude::*, sync::PyOnceLock, types::PyWeakrefMethods,
};

use super::{
    doorbell::{Bell, Doorbell},
    event_loop::EventLoop,
};

static MESSENGER: Mutex<Messenger> = Mutex::new(Messenger::NotNeeded);

enum Messenger {
    NotNeeded,
    Running(Sender<Errand>, JoinHandle<()>),
    Gone,
}

pub enum Errand {
    Call(Arc<EventLoop>),
    End,
}

/// Returns what to send it errands by, and starts the thread if it is not running. Raises
/// `RuntimeError` while the interpreter exits.
///
/// Each loop has a sender of its own: workers take no lock that a fork might copy, taken.
pub fn start(py: Python<'_>) -> PyResult<Sender<Errand>> {
    static STOPS_AT_EXIT: PyOnceLock<()> = PyOnceLock::new();
    STOPS_AT_EXIT.get_or_try_init(py, || {
        let stop = wrap_pyfunction!(stop, py)?;
        let atexit = py.import("atexit")?;
        atexit.call_method1("register", (stop,)).map(drop)
    })?;
    let mut messenger = lock();
    if matches!(*messenger, Messenger::NotNeeded) {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("rust-futures-messenger".into());
        *messenger = Messenger::Running(sender, thread.spawn(|| run(receiver))?);
    }
    match &*messenger {
        Messenger::Running(sender, _) => Ok(sender.clone()),
        _ => Err(PyRuntimeError::new_err(
            "this event loop cannot be woken while the interpreter exits",
        )),
    }
}

fn run(receiver: Receiver<Errand>) {
    for errand in receiver {
        let Errand::Call(event_loop) = errand else {
            return;
        };
        // A loop that is closed meanwhile takes no calls, and has nobody to be told.
        let _ = Python::attach(|py| call_soon(py, &event_loop));
    }
}

fn call_soon(py: Python<'_>, event_loop: &Arc<EventLoop>) -> PyResult<()> {
    if let Bell::Messenger(running, _) = event_loop.bell() {
        if let Some(running) = running.bind(py).upgrade() {
            let doorbell = Doorbell::once(event_loop);
            running.call_method1(intern!(py, "call_soon_threadsafe"), (doorbell,))?;
        }
    }
    Ok(())
}

/// Python calls this at exit, while threads may still attach, and it waits for ours to end.
#[pyfunction]
fn stop(py: Python<'_>) {
    let messenger = mem::replace(&mut *lock(), Messenger::Gone);
    if let Messenger::Running(sender, thread) = messenger {
        let _ = sender.send(Errand::End);
        let _ = py.detach(|| thread.join());
    }
}

/// In a child process: the thread is not here.
pub fn forget() {
    let messenger = mem::replace(&mut *lock(), Messenger::NotNeeded);
    mem::forget(messenger);
}

fn lock() -> MutexGuard<'static, Messenger> {
    MESSENGER.lock().unwrap_or_else(PoisonError::into_inner)
}
