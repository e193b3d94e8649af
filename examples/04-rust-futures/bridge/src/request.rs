//! What a future asks of Python, on its way from whoever polls the future to the loop's thread.

use std::{
    collections::VecDeque,
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

    /// Tells whoever asked which Task does it.
    fn has_begun(&self, task: Arc<dyn Task>);

    /// Makes the awaitable, if there is something to await.
    fn begin(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>>;

    /// Hands over what came of it. Returns the error that nobody hears of, if nobody does.
    fn finish(self: Box<Self>, py: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>)
    -> PyResult<()>;
}

/// A Task that has been begun for a call.
pub trait Task: Send + Sync {
    /// Cancels it, once. It may be called on any thread, and too late.
    fn cancel(self: Arc<Self>);

    /// Calls this when it has ended.
    fn at_end(&self, then: AtEnd);
}

pub type AtEnd = Box<dyn FnOnce() + Send>;

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
    /// The call of this Task has been dropped: the coroutine is to wait for its end.
    End(Arc<dyn Task>),
}

/// The requests of one future that nobody has seen to yet. None when nobody will.
pub struct Requests(Mutex<Option<VecDeque<Request>>>);

impl Default for Requests {
    fn default() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }
}

impl Requests {
    /// Drops the request if nobody will see to it.
    pub fn push(&self, request: Request) {
        let mut requests = self.lock();
        if let Some(open) = &mut *requests {
            open.push_back(request);
            return;
        }
        drop(requests); // the lock first: the request may hold anything
        drop(request);
    }

    pub fn is_empty(&self) -> bool {
        self.lock().as_ref().is_none_or(VecDeque::is_empty)
    }

    /// Takes the first if it is to be awaited in the Task, as all the others are.
    pub fn take_in_task(&self) -> Option<Box<dyn Job>> {
        let mut requests = self.lock();
        let open = requests.as_mut()?;
        if !open.iter().all(|it| matches!(it, Request::InTask(_))) {
            return None;
        }
        match open.pop_front() {
            Some(Request::InTask(job)) => Some(job),
            _ => None,
        }
    }

    pub fn take_first(&self) -> Option<Request> {
        self.lock().as_mut()?.pop_front()
    }

    pub fn close(&self) {
        let requests = self.lock().take();
        drop(requests); // unlocked: they may hold anything
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Request>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
