//! A call: the future that Rust awaits, and what it shares with the thread of the event loop.

use std::{
    future::Future,
    mem,
    panic::Location,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

use super::caller::Caller;
use crate::{
    in_flight::InFlight,
    panic,
    request::{Job, Request, Task},
};

/// Awaits in Python what `begin` returns, in a Task of its own, and extracts the result.
///
/// For the inside of a future that a coroutine of this crate awaits, wherever it is polled. (For others
/// there is [`Caller`].) It can be joined with others, and put under a timeout. When it is dropped the
/// Task is cancelled; and the coroutine that awaits the future neither returns nor raises before all
/// such Tasks have ended, so also their `finally` blocks.
///
/// `begin` is called attached, on the thread of the event loop, in the Task: in a copy of the context
/// of the coroutine, as `asyncio.create_task` makes it. What it returns may be anything that `await`
/// takes. An exception, also of `begin` or of the extraction, is the error: the same object, with its
/// traceback. Nothing is called before the first poll.
///
/// # Errors
///
/// What Python raises; `TypeError` for what cannot be awaited; `RuntimeError` outside such a future, or
/// if the loop is closed before the end; [`RustPanic`](crate::RustPanic) if `begin` panics.
#[track_caller]
pub fn call<T, B>(begin: B) -> Call<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
{
    call_with(begin, extract)
}

/// As [`call`], and makes the result by `take`, attached, of what was returned or raised. There an
/// error can be looked at.
#[track_caller]
pub fn call_with<T, B, C>(begin: B, take: C) -> Call<T>
where
    T: Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    C: for<'py> FnOnce(Python<'py>, PyResult<Bound<'py, PyAny>>) -> PyResult<T> + Send + 'static,
{
    Call::new(begin, take, Request::OwnTask, Through::Current)
}

/// Awaits in Python what `begin` returns, in the Task that awaits the Rust future, and extracts the
/// result. For a hook that is awaited, and nothing else meanwhile.
///
/// It is as if the coroutine said `await`: `begin` and what it returns run in its Task, see and change
/// its context variables, and a cancellation is thrown into them, also where the future is
/// uncancellable. What they raise of it, or return in spite of it, is the result. It costs a tenth of a
/// Task.
///
/// But a Task awaits one thing at a time. Until this one has ended, other calls of the same future wait
/// for their turn, and a future that is polled inline stands still. When it is dropped it goes on to its
/// end all the same: a timeout in Rust cannot interrupt it. What it raises then, the coroutine raises.
///
/// # Errors
///
/// As [`call`].
#[track_caller]
pub fn call_in_task<T, B>(begin: B) -> Call<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
{
    call_in_task_with(begin, extract)
}

/// As [`call_in_task`], and makes the result as [`call_with`] does.
#[track_caller]
pub fn call_in_task_with<T, B, C>(begin: B, take: C) -> Call<T>
where
    T: Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    C: for<'py> FnOnce(Python<'py>, PyResult<Bound<'py, PyAny>>) -> PyResult<T> + Send + 'static,
{
    Call::new(begin, take, Request::InTask, Through::Current)
}

pub(super) fn extract<T>(_: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>) -> PyResult<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py>,
{
    outcome?.extract().map_err(Into::into)
}

/// Something that Python awaits for Rust. Made by [`call`] and the others.
#[must_use = "nothing is called before it is awaited"]
pub struct Call<T> {
    slot: Arc<Slot<T>>,
    unasked: Option<(Request, Through)>,
}

/// By whom the loop is asked.
pub(super) enum Through {
    /// The future that is polled.
    Current,
    Caller(Caller),
}

impl<T: Send + 'static> Call<T> {
    #[track_caller]
    pub(super) fn new<B, C>(
        begin: B,
        take: C,
        request: fn(Box<dyn Job>) -> Request,
        through: Through,
    ) -> Self
    where
        B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
        C: for<'py> FnOnce(Python<'py>, PyResult<Bound<'py, PyAny>>) -> PyResult<T>
            + Send
            + 'static,
    {
        let slot = Arc::new(Slot::default());
        let job = Asked {
            slot: Arc::clone(&slot),
            location: Location::caller(),
            begin: Some(begin),
            take: Some(take),
        };
        let unasked = Some((request(Box::new(job)), through));
        Self { slot, unasked }
    }
}

impl<T> Call<T> {
    /// Cancels the Task, as `Task.cancel()` does, once. Await the call then, and it ends when the Task has
    /// ended, with what comes of that: most often `asyncio.CancelledError`. A call that has not been
    /// polled is not cancelled, nor one that is awaited in the Task of a coroutine.
    pub fn cancel(&self) {
        self.slot.cancelled.store(true, SeqCst);
        if let Some(task) = self.slot.task.get() {
            Arc::clone(task).cancel();
        }
    }

    /// Drops the call without cancelling what it has begun, which is to end by itself.
    pub(super) fn let_go(self) {
        self.slot.give_up(|_| {});
    }
}

impl<T> Future for Call<T> {
    type Output = PyResult<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<PyResult<T>> {
        let Some((request, through)) = self.unasked.take() else {
            return self.slot.poll(context.waker());
        };
        self.slot.listen(context.waker()); // before it asks: the answer may come at once
        match (request, through) {
            (request, Through::Current) => match InFlight::current() {
                Some(future) => future.ask(request),
                None => return Poll::Ready(Err(nobody_awaits())),
            },
            (Request::OwnTask(job), Through::Caller(caller)) => caller.submit(job),
            (_, Through::Caller(_)) => unreachable!("a handle has no Task to await it in"),
        }
        self.slot.poll(context.waker())
    }
}

fn nobody_awaits() -> PyErr {
    PyRuntimeError::new_err(
        "no coroutine awaits what calls Python here: outside such a future, use a Caller",
    )
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.slot.give_up(Task::cancel);
    }
}

/// What comes of a call, on its way from the thread of the loop to whoever polls.
struct Slot<T> {
    state: Mutex<State<T>>,
    task: OnceLock<Arc<dyn Task>>,
    /// The Task is to be cancelled, though the call is still awaited.
    cancelled: AtomicBool,
}

enum State<T> {
    Pending(Option<Waker>),
    Done(PyResult<T>),
    /// The result has been taken, or the call been dropped.
    Over,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State::Pending(None)),
            task: OnceLock::new(),
            cancelled: AtomicBool::new(false),
        }
    }
}

/// What is replaced is dropped unlocked: it may hold anything.
impl<T> Slot<T> {
    fn listen(&self, waker: &Waker) {
        let mut waker = Some(waker.clone());
        if let State::Pending(before) = &mut *self.lock() {
            mem::swap(before, &mut waker);
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<PyResult<T>> {
        let mut state = self.lock();
        if let State::Pending(known) = &*state {
            let is_known = known.as_ref().is_some_and(|known| known.will_wake(waker));
            drop(state);
            if is_known {
                return Poll::Pending;
            }
            self.listen(waker);
            state = self.lock(); // it may have come meanwhile
        }
        match mem::replace(&mut *state, State::Over) {
            State::Done(result) => Poll::Ready(result),
            State::Over => panic!("a call is polled that is over"),
            pending @ State::Pending(_) => {
                *state = pending;
                Poll::Pending
            }
        }
    }

    /// Returns false if nobody waits for it.
    fn set(&self, result: PyResult<T>) -> Result<(), PyResult<T>> {
        let mut state = self.lock();
        let State::Pending(waker) = &mut *state else {
            return Err(result);
        };
        let waker = waker.take();
        *state = State::Done(result);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn is_pending(&self) -> bool {
        matches!(*self.lock(), State::Pending(_))
    }

    /// Waits no more. If it is dropped by a future, whoever awaits that waits for the Task's end.
    fn give_up(&self, end: impl FnOnce(Arc<dyn Task>)) {
        let state = mem::replace(&mut *self.lock(), State::Over);
        if let (State::Pending(_), Some(task)) = (&state, self.task.get()) {
            end(Arc::clone(task));
            if let Some(future) = InFlight::current() {
                future.ask(Request::End(Arc::clone(task)));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call, from the side of the loop.
struct Asked<T, B, C> {
    slot: Arc<Slot<T>>,
    location: &'static Location<'static>,
    begin: Option<B>,
    take: Option<C>,
}

impl<T, B, C> Job for Asked<T, B, C>
where
    T: Send,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send,
    C: for<'py> FnOnce(Python<'py>, PyResult<Bound<'py, PyAny>>) -> PyResult<T> + Send,
{
    fn location(&self) -> &'static Location<'static> {
        self.location
    }

    fn is_wanted(&self) -> bool {
        self.slot.is_pending()
    }

    fn has_begun(&self, task: Arc<dyn Task>) {
        let _ = self.slot.task.set(Arc::clone(&task));
        if !self.is_wanted() || self.slot.cancelled.load(SeqCst) {
            task.cancel(); // that was said before the Task was known
        }
    }

    fn begin(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let begin = self.begin.take().ok_or_else(nobody_runs)?;
        panic::catch(|| begin(py))?.map(Some)
    }

    fn finish(
        mut self: Box<Self>,
        py: Python<'_>,
        outcome: PyResult<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let take = self.take.take().ok_or_else(nobody_runs)?;
        let result = panic::catch(|| take(py, outcome)).map_err(Into::into);
        match self.slot.set(result.and_then(|result| result)) {
            Err(Err(unheard)) => Err(unheard),
            _ => Ok(()),
        }
    }
}

/// Whoever waits is told. Forget it, and a call is awaited for ever whose loop has been closed.
impl<T, B, C> Drop for Asked<T, B, C> {
    fn drop(&mut self) {
        drop(self.slot.set(Err(nobody_runs())));
    }
}

fn nobody_runs() -> PyErr {
    PyRuntimeError::new_err("the event loop, or the coroutine, that was to await it is closed")
}
