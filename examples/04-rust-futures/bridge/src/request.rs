//! What a future asks of Python, on its way from whoever polls the future to the loop's thread.

use std::{
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pyo3::prelude::*;

/// Something to be awaited. Dropped unfinished, it tells whoever asked that nobody will do it.
pub trait Job: Send {
    /// The place in the sources that Python shows.
    fn location(&self) -> &'static Location<'static>;

    /// Has nobody given up on it?
    fn is_wanted(&self) -> bool;

    /// Tells whoever asked how to cancel it.
    fn has_begun(&self, task: Arc<dyn Cancel>);

    /// Makes the awaitable, if there is something to await.
    fn begin(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>>;

    /// Hands over what came of it. Returns the error that nobody hears of, if nobody does.
    fn finish(self: Box<Self>, py: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>)
    -> PyResult<()>;
}

/// What a dropped call cancels.
pub trait Cancel: Send + Sync {
    /// It may be called on any thread, more than once, and too late.
    fn cancel(self: Arc<Self>);

    /// Nobody needs to cancel it any more: it knows that it has to end.
    fn let_go(&self);
}

/// What wants to know where a future is awaited. Dropped, it tells that nobody awaits it.
pub trait Learn: Send {
    fn learn(self: Box<Self>, event_loop: Arc<dyn Submit>, context: Py<PyAny>);
}

/// A loop that runs commands.
pub trait Submit: Send + Sync {
    /// Runs the command soon, on the loop's thread, or drops it if the loop is closed. It may be
    /// called on any thread.
    fn submit(self: Arc<Self>, command: Command);
}

pub type Command = Box<dyn FnOnce(Python<'_>) + Send>;

pub enum Request {
    /// To be awaited by a Task of its own.
    OwnTask(Box<dyn Job>),
    /// To be awaited by the coroutine that awaits the future.
    InTask(Box<dyn Job>),
    Context(Box<dyn Learn>),
}

/// The requests of one future that nobody has seen to yet. None when nobody will.
pub struct Requests(Mutex<Option<Vec<Request>>>);

impl Default for Requests {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Requests {
    /// Drops the request if nobody will see to it.
    pub fn push(&self, request: Request) {
        let mut requests = self.lock();
        match &mut *requests {
            Some(open) => open.push(request),
            None => {
                drop(requests); // the lock first: the request may hold anything
                drop(request);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().as_ref().is_none_or(Vec::is_empty)
    }

    pub fn take_all(&self) -> Vec<Request> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub fn close(&self) {
        let requests = self.lock().take();
        drop(requests); // unlocked: they may hold anything
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Request>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
