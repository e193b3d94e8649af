//! The bell: a worker rings it, and the loop looks into its mailbox.

use std::{
    io,
    sync::{Arc, mpsc::Sender},
};

use pyo3::{prelude::*, types::PyWeakrefReference};

use super::{
    event_loop::EventLoop,
    messenger::{self, Errand},
    process::OfThisProcess,
    socket_pair::{End, socket_pair},
};

/// How a worker makes the loop look into its mailbox.
pub enum Bell {
    /// The loop watches the second end. Both are kept until nobody rings any more: to write to a
    /// wire whose other end is closed can end a process (`SIGPIPE`).
    Wire(End, End),
    /// The loop watches nothing: somebody must go and call it.
    Messenger(Py<PyWeakrefReference>, Sender<Errand>),
}

impl Bell {
    /// Raises `OSError` if the process has no file descriptors left.
    pub fn wire() -> io::Result<Self> {
        let (ours, theirs) = socket_pair()?;
        Ok(Self::Wire(ours, theirs))
    }

    pub fn ring(&self, event_loop: &Arc<EventLoop>) {
        match self {
            Self::Wire(ours, _) => ours.signal(),
            Self::Messenger(_, sender) => {
                let _ = sender.send(Errand::Call(Arc::clone(event_loop)));
            }
        }
    }

    fn silence(&self) {
        if let Self::Wire(_, theirs) = self {
            theirs.clear();
        }
    }

    /// Raises `RuntimeError` if nobody would answer it.
    pub fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Wire(..) => Ok(()),
            Self::Messenger(..) => messenger::start(py).map(drop),
        }
    }

    /// Returns what the loop is to watch.
    pub fn fileno(&self) -> Option<i64> {
        match self {
            Self::Wire(_, theirs) => Some(theirs.fileno()),
            Self::Messenger(..) => None,
        }
    }
}

/// What the loop calls when the bell rings.
///
/// The one that a loop keeps is dropped when the loop is closed, and so tells of that.
#[pyclass(frozen, module = "rust_futures")]
pub struct Doorbell {
    event_loop: OfThisProcess<Arc<EventLoop>>,
    kept: bool,
}

impl Doorbell {
    /// The one that `event_loop` keeps for as long as it is open.
    pub fn kept(event_loop: &Arc<EventLoop>) -> Self {
        let event_loop = OfThisProcess::new(Arc::clone(event_loop));
        let kept = true;
        Self { event_loop, kept }
    }

    /// One that is called once.
    pub fn once(event_loop: &Arc<EventLoop>) -> Self {
        let event_loop = OfThisProcess::new(Arc::clone(event_loop));
        let kept = false;
        Self { event_loop, kept }
    }
}

#[pymethods]
impl Doorbell {
    /// Raises what cannot wait, such as `KeyboardInterrupt`.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        match self.event_loop.get() {
            Some(event_loop) => {
                event_loop.bell().silence(); // first: see `Mailbox::take_all`
                event_loop.deliver(py)
            }
            None => Ok(()),
        }
    }

    fn fileno(&self) -> Option<i64> {
        self.event_loop.get()?.bell().fileno()
    }

    /// Says whether somebody waits for a future, and from now on rings when one has gone.
    fn somebody_waits(&self, py: Python<'_>) -> PyResult<bool> {
        match self.event_loop.get() {
            Some(event_loop) => {
                event_loop.ring_when_one_has_gone();
                event_loop.somebody_waits(py)
            }
            None => Ok(false),
        }
    }

    /// The loop ends here.
    fn close(&self, py: Python<'_>) {
        if let Some(event_loop) = self.event_loop.get() {
            event_loop.close(py);
        }
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        if self.kept {
            Python::attach(|py| self.close(py));
        }
    }
}
