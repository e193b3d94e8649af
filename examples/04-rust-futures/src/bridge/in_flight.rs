//! One Rust future that is awaited: shared by the coroutine that awaits it, whoever polls it, and the
//! mailbox that tells the loop of it.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    task::{Context, Poll, Wake, Waker},
};

use pyo3::{PyTraverseError, PyVisit, prelude::*};
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    event_loop::{EventLoop, is_closed},
    panic,
};

/// A result on its way to Python: it becomes an object when the coroutine is resumed.
pub type Outcome = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

pub type RustFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub struct InFlight {
    /// Locked for as long as somebody polls it, or drops it. Gone once it is finished.
    future: Mutex<Option<RustFuture>>,
    awaited: Mutex<Awaited>,
    event_loop: Arc<EventLoop>,
}

/// What the coroutine's side has of it. Workers never touch this, and the coroutine takes it away
/// when it ends, so that none is left to drop a Python object.
#[derive(Default)]
struct Awaited {
    task: Option<JoinHandle<Outcome>>,
    resumed_by: Option<Py<PyAny>>,
}

impl InFlight {
    /// Takes `future` to be polled by the coroutine, on the thread of the loop.
    pub fn in_place(future: RustFuture, event_loop: Arc<EventLoop>) -> Arc<Self> {
        Arc::new(Self {
            future: Mutex::new(Some(future)),
            awaited: Mutex::default(),
            event_loop,
        })
    }

    /// Starts `future` on the runtime.
    pub fn spawned(future: RustFuture, event_loop: Arc<EventLoop>) -> Arc<Self> {
        let this = Self::in_place(future, event_loop);
        let task = this.runtime().spawn(OnTheRuntime(Arc::clone(&this)));
        this.awaited().task = Some(task);
        this
    }

    pub fn is_spawned(&self) -> bool {
        self.awaited().task.is_some()
    }

    pub fn is_finished(&self) -> bool {
        let awaited = self.awaited();
        awaited.task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Asks for the outcome, and to be posted when it is worth asking again. A future in place is
    /// polled, detached from Python: it runs code that is not ours.
    ///
    /// Raises `RuntimeError` if the future was dropped, as its loop was closed.
    pub fn poll_outcome(self: &Arc<Self>, py: Python<'_>) -> PyResult<Poll<Outcome>> {
        let waker = Waker::from(Arc::clone(self));
        if let Some(task) = &mut self.awaited().task {
            return poll_task(task, &waker);
        }
        Ok(py.detach(|| {
            let _here = self.runtime().enter();
            self.poll(&mut Context::from_waker(&waker))
        }))
    }

    /// Drops the future, and says whether it is gone. If not, a worker is polling it at this moment,
    /// and the runtime drops it when that poll returns: a poll cannot be interrupted.
    pub fn cancel(&self) -> bool {
        if let Some(task) = &self.awaited().task {
            task.abort();
        }
        match self.try_lock() {
            Some(mut future) => {
                drop_quietly(&mut future, self.runtime());
                true
            }
            None => false,
        }
    }

    /// Notes what the loop is to resume the coroutine by.
    pub fn park(&self, resumed_by: Py<PyAny>) {
        self.awaited().resumed_by = Some(resumed_by);
    }

    /// Takes that away.
    pub fn unpark(&self) -> Option<Py<PyAny>> {
        self.awaited().resumed_by.take()
    }

    pub fn resumed_by(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let awaited = self.awaited();
        awaited
            .resumed_by
            .as_ref()
            .map(|object| object.clone_ref(py))
    }

    /// The coroutine's last act. If the future is still there, it is dropped detached from Python:
    /// that runs code that is not ours, and might wait for Python.
    pub fn end(&self) {
        if !self.is_gone() {
            Python::attach(|py| py.detach(|| self.cancel()));
        }
        let awaited = mem::take(&mut *self.awaited());
        drop(awaited); // unlocked: Python code may run
    }

    fn is_gone(&self) -> bool {
        self.try_lock().is_some_and(|future| future.is_none())
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.awaited.try_lock() {
            Ok(awaited) => visit.call(&awaited.resumed_by),
            Err(_) => Ok(()), // somebody has it in hand
        }
    }

    fn awaited(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn event_loop(&self) -> &Arc<EventLoop> {
        &self.event_loop
    }

    fn runtime(&self) -> &Handle {
        self.event_loop.runtime()
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(mut slot) = self.try_lock() else {
            return Poll::Pending; // it is being dropped
        };
        let Some(future) = slot.as_mut() else {
            return Poll::Pending; // it has been dropped
        };
        match panic::catch(|| future.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => {
                drop_quietly(&mut slot, self.runtime());
                Poll::Ready(outcome)
            }
            Err(panicked) => {
                drop_quietly(&mut slot, self.runtime());
                Poll::Ready(Box::new(move |_| Err(panicked.into())))
            }
        }
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<RustFuture>>> {
        match self.future.try_lock() {
            Ok(future) => Some(future),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn poll_task(task: &mut JoinHandle<Outcome>, waker: &Waker) -> PyResult<Poll<Outcome>> {
    match Pin::new(task).poll(&mut Context::from_waker(waker)) {
        Poll::Pending => Ok(Poll::Pending),
        Poll::Ready(Ok(outcome)) => Ok(Poll::Ready(outcome)),
        Poll::Ready(Err(_)) => Err(is_closed()), // dropped, as its loop was closed
    }
}

/// Drops it where futures expect to be: some look for their runtime then, too. Nobody is there to be
/// told of a panic.
pub fn drop_quietly(future: &mut Option<RustFuture>, runtime: &Handle) {
    let Some(future) = future.take() else {
        return;
    };
    let _here = runtime.enter();
    let _ = panic::catch(|| drop(future));
}

/// The waker: the future is finished, or dropped. This runs on a worker, without Python.
impl Wake for InFlight {
    fn wake(self: Arc<Self>) {
        let event_loop = Arc::clone(&self.event_loop);
        event_loop.post(self);
    }
}

/// What tokio holds. When it lets go, the future goes as well.
struct OnTheRuntime(Arc<InFlight>);

impl Future for OnTheRuntime {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.0.poll(context)
    }
}

impl Drop for OnTheRuntime {
    fn drop(&mut self) {
        if let Some(mut future) = self.0.try_lock() {
            drop_quietly(&mut future, self.0.runtime());
        } // else somebody is dropping it
    }
}
