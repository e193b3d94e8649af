//! What a coroutine does about the calls of its future: it begins Tasks, awaits some of the calls
//! itself, and waits for the Tasks.

use std::{collections::VecDeque, sync::Arc};

use pyo3::{PyTraverseError, PyVisit, exceptions::PyGeneratorExit, prelude::*, sync::PyOnceLock};

use super::own_task::{self, Nursery};
use crate::{
    coroutine::{Input, Step},
    delegate::Delegate,
    event_loop::EventLoop,
    fork::{epoch, not_here},
    in_flight::InFlight,
    request::{Job, Request},
};

/// The calls of one future, from the side of its coroutine.
pub struct Calls {
    event_loop: Arc<EventLoop>,
    future: Arc<InFlight>,
    nursery: Arc<Nursery>,
    /// The call that the coroutine itself awaits, and what that awaits: nothing before the first step.
    job: Option<Box<dyn Job>>,
    delegate: Option<Delegate>,
    /// Those that it is to await after that.
    queue: VecDeque<Box<dyn Job>>,
    /// Python code may fork, and go on in the child.
    epoch: usize,
}

/// Where the coroutine stands after something has been done about the calls.
pub enum Served<'py> {
    /// It awaits one of them, and this is a step of that.
    Step(Step<'py>),
    /// It awaits none of them.
    Nothing,
}

impl Calls {
    pub fn new(event_loop: &Arc<EventLoop>, future: &Arc<InFlight>) -> Self {
        Self {
            event_loop: Arc::clone(event_loop),
            future: Arc::clone(future),
            nursery: Nursery::new(future),
            job: None,
            delegate: None,
            queue: VecDeque::new(),
            epoch: epoch(),
        }
    }

    /// What the coroutine awaits, if it is one of the calls.
    pub fn awaits(&self) -> Option<&Py<PyAny>> {
        self.delegate.as_ref().map(Delegate::target)
    }

    /// Begins what the future has asked for. What the coroutine is to await itself begins when it
    /// awaits nothing else.
    ///
    /// # Errors
    ///
    /// What nobody else hears of.
    pub fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Served<'py>> {
        self.begin_tasks(py);
        match self.delegate {
            Some(_) => Ok(Served::Nothing),
            None => self.await_next(py),
        }
    }

    fn begin_tasks(&mut self, py: Python<'_>) {
        for request in self.future.requests() {
            match request {
                Request::OwnTask(job) => {
                    own_task::begin(py, &self.event_loop, job, None, Some(&self.nursery));
                }
                Request::InTask(job) => self.queue.push_back(job),
                Request::Context(learn) => match copy_context(py) {
                    Ok(context) => learn.learn(Arc::clone(&self.event_loop) as _, context),
                    Err(error) => error.write_unraisable(py, None),
                },
            }
        }
    }

    /// Takes a step of the call that the coroutine awaits.
    ///
    /// # Errors
    ///
    /// What nobody else hears of.
    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Served<'py>> {
        let Some(delegate) = &self.delegate else {
            return Ok(Served::Nothing);
        };
        let step = delegate.resume(py, input);
        match self.take(py, step)? {
            Served::Nothing => self.await_next(py),
            Served::Step(step) => {
                self.begin_tasks(py);
                Ok(Served::Step(step))
            }
        }
    }

    fn await_next<'py>(&mut self, py: Python<'py>) -> PyResult<Served<'py>> {
        while let Some(job) = self.queue.pop_front() {
            if job.is_wanted() {
                self.job = Some(job);
                let step = self.first_step(py);
                if let Served::Step(step) = self.take(py, step)? {
                    return Ok(Served::Step(step));
                }
            }
        }
        Ok(Served::Nothing)
    }

    fn first_step<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let job = self.job.as_mut();
        match job.expect("it has just been put there").begin(py)? {
            Some(awaitable) => {
                let delegate = Delegate::to(awaitable.bind(py))?;
                self.delegate.insert(delegate).begin(py)
            }
            None => Ok(Step::Return(py.None().into_bound(py))),
        }
    }

    /// Hands over what came of the call, if it has ended.
    fn take<'py>(&mut self, py: Python<'py>, step: PyResult<Step<'py>>) -> PyResult<Served<'py>> {
        if self.epoch != epoch() {
            return Err(not_here("a Rust future"));
        }
        let outcome = match step {
            Ok(Step::Return(result)) => Ok(result),
            Err(error) => Err(error),
            Ok(step) => return Ok(Served::Step(step)),
        };
        self.delegate = None;
        match (self.job.take(), outcome) {
            // The coroutine is asked to exit, and so is the future.
            (_, Err(error)) if error.is_instance_of::<PyGeneratorExit>(py) => Err(error),
            (Some(job), outcome) => {
                let handed_over = self.future.about_to_look(|| job.finish(py, outcome));
                handed_over.map(|()| Served::Nothing)
            }
            (None, outcome) => outcome.map(|_| Served::Nothing),
        }
    }

    /// Has the coroutine scheduled when the last Task has ended. Returns false if there is none.
    pub fn wait_for_tasks(&self) -> bool {
        self.nursery.wait()
    }

    /// Cancels the Tasks that have not been.
    pub fn cancel_tasks(&self, py: Python<'_>) {
        self.nursery.cancel(py);
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.delegate {
            Some(delegate) => delegate.traverse(visit),
            None => Ok(()),
        }
    }
}

/// Returns a copy of the context that is current here.
pub fn copy_context(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let copy = COPY.import(py, "contextvars", "copy_context")?;
    copy.call0().map(Bound::unbind)
}
