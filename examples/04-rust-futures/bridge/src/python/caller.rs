//! A handle to call Python by, for those who are not inside a future of the bridge.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pyo3::{exceptions::PyRuntimeError, intern, prelude::*};

use super::{
    call::{Call, Through, extract},
    calls::copy_context,
    own_task,
};
use crate::{
    event_loop,
    fork::Guarded,
    in_flight::InFlight,
    request::{Job, Learn, Request, Submit},
};

/// A handle to call Python by: from tasks of the runtime, and from threads of your own.
///
/// It keeps an event loop, and a copy of the context in which it was made: that of the coroutine, or
/// of the Python code, that made it. What is called finds its context variables. A clone is the same.
///
/// What it calls is awaited by nobody but the holder of the [`Call`]. When that is dropped the Task is
/// cancelled, and no coroutine waits for the Task's end.
#[derive(Clone)]
pub struct Caller(Arc<Guarded<Origin>>);

impl Caller {
    /// Makes one of the loop and the context that run on this thread.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if no event loop is running.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let known = Known::new(event_loop::running(py)?, copy_context(py)?);
        Ok(Self(Origin::new(State::Known(known))))
    }

    /// Makes one of the coroutine that awaits the future that is polled here. It may outlive them.
    ///
    /// # Errors
    ///
    /// `RuntimeError` outside a future of the bridge.
    pub fn current() -> PyResult<Self> {
        let Some(future) = InFlight::current() else {
            return Err(PyRuntimeError::new_err(
                "Caller::current() is for the inside of a future that a coroutine awaits",
            ));
        };
        let origin = Origin::new(State::Wanted(Vec::new()));
        let learner = Learner(Arc::clone(&origin));
        future.ask(Request::Context(Box::new(learner)));
        Ok(Self(origin))
    }

    /// As [`call`](crate::call), from anywhere.
    ///
    /// Await it where the event loop goes on meanwhile. On a thread of your own, detach from Python
    /// first, and block on it there. On the loop's thread, that waits for ever.
    ///
    /// # Errors
    ///
    /// As [`call`](crate::call); `RuntimeError` also in a child process of the one that made the handle.
    #[track_caller]
    pub fn call<T, B>(&self, begin: B) -> Call<T>
    where
        T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
        B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.call_with(begin, extract)
    }

    /// As [`call_with`](crate::call_with), from anywhere.
    #[track_caller]
    pub fn call_with<T, B, C>(&self, begin: B, take: C) -> Call<T>
    where
        T: Send + 'static,
        B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
        C: for<'py> FnOnce(Python<'py>, PyResult<Bound<'py, PyAny>>) -> PyResult<T>
            + Send
            + 'static,
    {
        Call::new(begin, take, Request::OwnTask, Through::Caller(self.clone()))
    }

    /// In a child process the job is dropped, and so tells whoever asked.
    pub(super) fn submit(&self, job: Box<dyn Job>) {
        if let Some(origin) = self.0.get() {
            origin.submit(job);
        }
    }
}

/// Where a handle was made.
struct Origin(Mutex<State>);

enum State {
    /// Its coroutine has not been asked yet. These are to be begun then.
    Wanted(Vec<Box<dyn Job>>),
    Known(Arc<Known>),
    /// Its coroutine ended before it could be asked.
    Gone,
}

impl Origin {
    fn new(state: State) -> Arc<Guarded<Self>> {
        Arc::new(Guarded::new(Self(Mutex::new(state))))
    }

    fn submit(&self, job: Box<dyn Job>) {
        let mut state = self.lock();
        let known = match &mut *state {
            State::Wanted(jobs) => return jobs.push(job),
            State::Known(known) => Some(Arc::clone(known)),
            State::Gone => None,
        };
        drop(state); // the lock first: the job may hold anything
        if let Some(known) = known {
            known.submit(job);
        }
    }

    fn set(&self, state: State) {
        let before = mem::replace(&mut *self.lock(), state);
        if let State::Wanted(jobs) = before {
            for job in jobs {
                self.submit(job);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a coroutine for its loop and its context.
struct Learner(Arc<Guarded<Origin>>);

impl Learn for Learner {
    fn learn(self: Box<Self>, event_loop: Arc<dyn Submit>, context: Py<PyAny>) {
        if let Some(origin) = self.0.get() {
            origin.set(State::Known(Known::new(event_loop, context)));
        }
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        match self.0.get() {
            Some(origin) if matches!(*origin.lock(), State::Wanted(_)) => origin.set(State::Gone),
            _ => {}
        }
    }
}

struct Known {
    event_loop: Arc<dyn Submit>,
    context: Option<Py<PyAny>>,
}

impl Known {
    fn new(event_loop: Arc<dyn Submit>, context: Py<PyAny>) -> Arc<Self> {
        let context = Some(context);
        Arc::new(Self {
            event_loop,
            context,
        })
    }

    fn submit(self: Arc<Self>, job: Box<dyn Job>) {
        let event_loop = Arc::clone(&self.event_loop);
        event_loop.submit(Box::new(move |py| self.begin(py, job)));
    }

    fn begin(&self, py: Python<'_>, job: Box<dyn Job>) {
        match event_loop::running(py).and_then(|it| Ok((it, self.copy(py)?))) {
            Ok((event_loop, context)) => {
                own_task::begin(py, &event_loop, job, Some(&context));
            }
            Err(error) => drop(job.finish(py, Err(error))),
        }
    }

    /// A Task runs in the very context that it is given, and two must not share one.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.context {
            Some(context) => context.bind(py).call_method0(intern!(py, "copy")),
            None => Err(event_loop::closed()),
        }
    }
}

/// The context goes home to be dropped there: here may be a thread that is detached from Python, and
/// might fork meanwhile (see `fork.rs`).
impl Drop for Known {
    fn drop(&mut self) {
        let context = self.context.take();
        let event_loop = Arc::clone(&self.event_loop);
        event_loop.submit(Box::new(move |_| drop(context)));
    }
}
