//! An async iterable of Python as a Rust stream: a Task takes the items, one after the other.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyGeneratorExit, PyStopAsyncIteration},
    intern,
    prelude::*,
};

use super::call::{Call, call_with};
use crate::{
    coroutine::{Body, Coroutine, Input, Step, normalized::generator_exit},
    delegate::Delegate,
    event_loop::{self, EventLoop, deliver_after},
    in_flight::{Place, Schedule},
    panic,
};

/// Makes a stream of an async iterable, which `begin` returns: each item extracted, and at the end the
/// error that was raised, if one was.
///
/// For the inside of a future that a coroutine of this crate awaits. A Task of its own takes the items,
/// all of them, in a copy of the coroutine's context. It takes one when the stream is polled for it, and
/// so never one that is lost.
///
/// When the stream is dropped before its end, the iterator is closed: what it awaits is cancelled, and
/// its `aclose()` is awaited, if it has one. The coroutine that awaits the future neither returns nor
/// raises before that has ended. An item that cannot be extracted is an error, and ends it in the same
/// way.
///
/// # Errors
///
/// As [`call`](crate::call); `TypeError` for what is no async iterable.
#[track_caller]
pub fn async_iter<T, B>(begin: B) -> AsyncIter<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let channel = Arc::<Channel<T>>::default();
    let items = Arc::clone(&channel);
    let location = std::panic::Location::caller();
    let begin = move |py: Python<'_>| {
        let iterable = panic::catch(|| begin(py))??;
        let pump = Pump::new(py, iterable.bind(py), items)?;
        let coroutine = Coroutine::new("async_iter", location, pump);
        Ok(Bound::new(py, coroutine)?.into_any().unbind())
    };
    AsyncIter {
        call: Some(call_with(begin, |_, outcome| outcome.map(drop))),
        channel,
    }
}

/// The items of an async iterable. Made by [`async_iter`].
#[must_use = "no item is taken before the stream is polled"]
pub struct AsyncIter<T> {
    /// The Task that takes the items, until it has ended.
    call: Option<Call<()>>,
    channel: Arc<Channel<T>>,
}

impl<T> Stream for AsyncIter<T> {
    type Item = PyResult<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<PyResult<T>>> {
        if let Some(item) = self.channel.take_or_ask(context.waker()) {
            return Poll::Ready(Some(Ok(item)));
        }
        let Some(call) = &mut self.call else {
            return Poll::Ready(None);
        };
        let ended = match Pin::new(call).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(ended) => ended,
        };
        self.call = None;
        // The last item may have come since.
        Poll::Ready(match (self.channel.take(), ended) {
            (Some(item), _) => Some(Ok(item)),
            (None, ended) => ended.err().map(Err),
        })
    }
}

/// A Task that waits to be asked closes the iterator by itself, and needs no cancellation for that.
impl<T> Drop for AsyncIter<T> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            if self.channel.stop() {
                call.let_go();
            }
        }
    }
}

/// What the stream and the Task share.
struct Channel<T>(Mutex<State<T>>);

struct State<T> {
    item: Option<T>,
    /// The stream has been polled for an item that has not come.
    wanted: Option<Waker>,
    /// The stream has been dropped.
    stopped: bool,
    /// Where the Task waits to be asked, if it does.
    idle: Option<Place>,
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self(Mutex::new(State {
            item: None,
            wanted: None,
            stopped: false,
            idle: None,
        }))
    }
}

/// What is replaced is dropped unlocked: it may hold anything.
impl<T> Channel<T> {
    fn take(&self) -> Option<T> {
        self.lock().item.take()
    }

    fn take_or_ask(&self, waker: &Waker) -> Option<T> {
        let waker = waker.clone();
        let mut state = self.lock();
        if let Some(item) = state.item.take() {
            return Some(item);
        }
        let before = state.wanted.replace(waker);
        let idle = state.idle.take();
        drop(state);
        drop(before);
        if let Some(idle) = idle {
            idle.schedule();
        }
        None
    }

    /// Says whether the Task waits to be asked.
    fn stop(&self) -> bool {
        let mut state = self.lock();
        state.stopped = true;
        let rest = (state.item.take(), state.wanted.take());
        let idle = state.idle.take();
        drop(state);
        drop(rest);
        idle.is_some_and(|idle| {
            idle.schedule();
            true
        })
    }

    fn put(&self, item: T) {
        let mut state = self.lock();
        let rest = if state.stopped {
            Some(item)
        } else {
            state.item.replace(item)
        };
        let waker = state.wanted.take();
        drop(state);
        drop(rest);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the Task is to do next. If that is nothing, `idle` is where it waits.
    fn ask(&self, idle: Option<Place>) -> Ask {
        let mut state = self.lock();
        if state.stopped {
            return Ask::Stop;
        }
        if state.wanted.is_some() {
            return Ask::Item;
        }
        state.idle = idle;
        Ask::Nothing
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Ask {
    Item,
    Stop,
    Nothing,
}

/// Takes the items, and puts them where the stream finds them.
struct Pump<T> {
    event_loop: Arc<EventLoop>,
    key: usize,
    iterator: Py<PyAny>,
    channel: Arc<Channel<T>>,
    at: At,
    /// Something has been thrown in: what the iterator does then is not its end.
    interrupted: bool,
}

enum At {
    /// It has given an item, and the stream may want another at once.
    Turn,
    /// It waits to be asked.
    Idle(Py<PyAny>),
    /// It awaits an item.
    Next(Delegate),
    /// It closes the iterator, and then it raises this.
    Closing(Delegate, Option<Py<PyBaseException>>),
}

impl<T> Pump<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
{
    fn new(
        py: Python<'_>,
        iterable: &Bound<'_, PyAny>,
        channel: Arc<Channel<T>>,
    ) -> PyResult<Self> {
        let iterator = aiter(iterable)?;
        let event_loop = event_loop::running(py)?;
        Ok(Self {
            key: event_loop.place().key,
            event_loop,
            iterator,
            channel,
            at: At::Turn,
            interrupted: false,
        })
    }

    fn go_on<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        loop {
            match self.channel.ask(None) {
                Ask::Stop => return self.close(py, None),
                Ask::Nothing => return self.wait(py),
                Ask::Item => {}
            }
            let awaitable = anext(self.iterator.bind(py))?;
            let delegate = Delegate::to(&awaitable)?;
            let step = delegate.begin(py);
            self.at = At::Next(delegate);
            if let Some(step) = self.take(py, step)? {
                return Ok(step);
            }
        }
    }

    /// Lets the stream take its item: it may ask for the next one on the same turn of the loop. That
    /// costs less than to suspend.
    fn wait<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        if !matches!(self.at, At::Turn) && self.event_loop.library().takes_bare_yields() {
            self.at = At::Turn;
            return Ok(Step::Yield(py.None().into_bound(py)));
        }
        let suspension = self.event_loop.suspend(py, self.key, true)?;
        self.at = At::Idle(suspension.waits_for.unbind());
        let place = Place {
            scheduler: Arc::clone(&self.event_loop) as _,
            key: self.key,
        };
        if !matches!(self.channel.ask(Some(place)), Ask::Nothing) {
            Arc::clone(&self.event_loop).schedule(self.key); // it was quicker
        }
        Ok(Step::Yield(suspension.yields))
    }

    /// Puts what has come where the stream finds it. None if that was all: there is no step then.
    fn take<'py>(
        &mut self,
        py: Python<'py>,
        step: PyResult<Step<'py>>,
    ) -> PyResult<Option<Step<'py>>> {
        match step {
            Ok(Step::Return(item)) => match item.extract() {
                Ok(item) => {
                    self.interrupted = false;
                    deliver_after(py, || self.channel.put(item))?;
                    Ok(None)
                }
                Err(error) => self.close(py, Some(error.into())).map(Some),
            },
            Err(error) if error.is_instance_of::<PyGeneratorExit>(py) => Err(error),
            Err(error) if self.interrupted => self.close(py, Some(error)).map(Some),
            Err(error) if error.is_instance_of::<PyStopAsyncIteration>(py) => {
                Ok(Some(Step::Return(py.None().into_bound(py))))
            }
            step => step.map(Some),
        }
    }

    fn close<'py>(&mut self, py: Python<'py>, error: Option<PyErr>) -> PyResult<Step<'py>> {
        let raises = error.map(|error| error.into_value(py));
        let iterator = self.iterator.bind(py);
        let Some(aclose) = iterator.getattr_opt(intern!(py, "aclose"))? else {
            return end(py, raises);
        };
        let delegate = Delegate::to(&aclose.call0()?)?;
        let step = delegate.begin(py);
        self.at = At::Closing(delegate, raises);
        self.closing(py, step)
    }

    fn closing<'py>(&mut self, py: Python<'py>, step: PyResult<Step<'py>>) -> PyResult<Step<'py>> {
        match (step, &mut self.at) {
            (Ok(Step::Return(_)), At::Closing(_, raises)) => end(py, raises.take()),
            (step, _) => step,
        }
    }

    /// What comes in while it waits to be asked: what is thrown closes the iterator.
    fn idle<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        self.event_loop.resumed(self.key);
        let waits_for = mem::replace(&mut self.at, At::Turn);
        let error = match (input, waits_for) {
            (Input::Send(value), At::Idle(waits_for)) => {
                let library = self.event_loop.library();
                library.resumed(waits_for.bind(py), &value).err()
            }
            (Input::Raise(exception), _) if exception.is_instance_of::<PyGeneratorExit>() => {
                return Err(PyErr::from_value(exception.into_any()));
            }
            (Input::Raise(exception), _) => Some(PyErr::from_value(exception.into_any())),
            _ => None,
        };
        match error {
            Some(error) => self.close(py, Some(error)),
            None => self.go_on(py),
        }
    }
}

impl<T> Body for Pump<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
{
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match (&self.at, input) {
            (At::Turn | At::Idle(_), Input::Close) => Err(generator_exit(py)),
            (At::Next(delegate), Input::Close) => delegate.resume(py, Input::Close),
            (At::Turn | At::Idle(_), Input::Throw(thrown)) => Ok(Step::RaiseHere(thrown)),
            (At::Turn | At::Idle(_), input) => self.idle(py, input),
            (At::Next(delegate), input) => {
                self.interrupted |= !matches!(input, Input::Send(_));
                let step = delegate.resume(py, input);
                match self.take(py, step)? {
                    Some(step) => Ok(step),
                    None => self.go_on(py),
                }
            }
            (At::Closing(delegate, _), input) => {
                let step = delegate.resume(py, input);
                self.closing(py, step)
            }
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        match &self.at {
            At::Turn => None,
            At::Idle(waits_for) => Some(waits_for),
            At::Next(delegate) | At::Closing(delegate, _) => Some(delegate.target()),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        match &self.at {
            At::Turn => Ok(()),
            At::Idle(waits_for) => visit.call(waits_for),
            At::Next(delegate) => delegate.traverse(visit),
            At::Closing(delegate, raises) => {
                visit.call(raises)?;
                delegate.traverse(visit)
            }
        }
    }
}

impl<T> Drop for Pump<T> {
    fn drop(&mut self) {
        self.event_loop.leave(self.key);
    }
}

fn end(py: Python<'_>, raises: Option<Py<PyBaseException>>) -> PyResult<Step<'_>> {
    match raises {
        Some(error) => Err(PyErr::from_value(error.into_bound(py).into_any())),
        None => Ok(Step::Return(py.None().into_bound(py))),
    }
}

/// `aiter()`, in its own words.
pub(super) fn aiter(iterable: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let builtins = iterable.py().import("builtins")?;
    Ok(builtins.call_method1("aiter", (iterable,))?.unbind())
}

pub(super) fn anext<'py>(iterator: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    iterator.call_method0(intern!(iterator.py(), "__anext__"))
}
