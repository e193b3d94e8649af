//! What a coroutine does about the calls of its future: it begins Tasks, awaits some of the calls
//! itself, and waits for the Tasks.

use std::{collections::VecDeque, sync::Arc};

use pyo3::{PyTraverseError, PyVisit, exceptions::PyGeneratorExit, prelude::*, sync::PyOnceLock};

use super::{nursery::Nursery, own_task};
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
    /// The call that the coroutine itself awaits, and what that awaits: nothing before the first step.
    job: Option<Box<dyn Job>>,
    delegate: Option<Delegate>,
    /// Those that it is to await after that.
    queue: VecDeque<Box<dyn Job>>,
    /// The Tasks that it is to wait for, if there are any.
    nursery: Option<Arc<Nursery>>,
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

impl Default for Calls {
    fn default() -> Self {
        Self {
            job: None,
            delegate: None,
            queue: VecDeque::new(),
            nursery: None,
            epoch: epoch(),
        }
    }
}

impl Calls {
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
    pub fn begin<'py>(
        &mut self,
        py: Python<'py>,
        event_loop: &Arc<EventLoop>,
        future: &Arc<InFlight>,
    ) -> PyResult<Served<'py>> {
        self.begin_tasks(py, event_loop, future);
        match self.delegate {
            Some(_) => Ok(Served::Nothing),
            None => self.await_next(py, future),
        }
    }

    fn begin_tasks(&mut self, py: Python<'_>, event_loop: &Arc<EventLoop>, future: &Arc<InFlight>) {
        while let Some(request) = future.next_request() {
            match request {
                Request::OwnTask(job) => own_task::begin(py, event_loop, job, None),
                Request::End(task) => {
                    let new = || Nursery::new(Arc::clone(future));
                    self.nursery.get_or_insert_with(new).enter(&*task);
                }
                Request::InTask(job) => self.queue.push_back(job),
                Request::Context(learn) => match copy_context(py) {
                    Ok(context) => learn.learn(Arc::clone(event_loop) as _, context),
                    Err(error) => error.write_unraisable(py, None),
                },
            }
        }
    }

    /// Awaits this, and what the future has asked for besides, where all of it is to be awaited in the
    /// Task: that needs no event loop.
    ///
    /// # Errors
    ///
    /// What nobody else hears of.
    pub fn await_in_task<'py>(
        &mut self,
        py: Python<'py>,
        future: &Arc<InFlight>,
        first: Box<dyn Job>,
    ) -> PyResult<Served<'py>> {
        let mut next = Some(first);
        while let Some(job) = next {
            if let Served::Step(step) = self.await_one(py, future, job)? {
                return Ok(Served::Step(step));
            }
            next = future.next_in_task();
        }
        Ok(Served::Nothing)
    }

    /// Takes a step of the call that the coroutine awaits.
    ///
    /// # Errors
    ///
    /// What nobody else hears of.
    pub fn resume<'py>(
        &mut self,
        py: Python<'py>,
        event_loop: &Arc<EventLoop>,
        future: &Arc<InFlight>,
        input: Input<'py>,
    ) -> PyResult<Served<'py>> {
        let Some(delegate) = &self.delegate else {
            return Ok(Served::Nothing);
        };
        let step = delegate.resume(py, input);
        match self.take(py, future, step)? {
            Served::Nothing => self.await_next(py, future),
            Served::Step(step) => {
                self.begin_tasks(py, event_loop, future);
                Ok(Served::Step(step))
            }
        }
    }

    fn await_next<'py>(
        &mut self,
        py: Python<'py>,
        future: &Arc<InFlight>,
    ) -> PyResult<Served<'py>> {
        while let Some(job) = self.queue.pop_front() {
            if let Served::Step(step) = self.await_one(py, future, job)? {
                return Ok(Served::Step(step));
            }
        }
        Ok(Served::Nothing)
    }

    fn await_one<'py>(
        &mut self,
        py: Python<'py>,
        future: &Arc<InFlight>,
        job: Box<dyn Job>,
    ) -> PyResult<Served<'py>> {
        if !job.is_wanted() {
            return Ok(Served::Nothing);
        }
        self.job = Some(job);
        let step = self.first_step(py);
        self.take(py, future, step)
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
    fn take<'py>(
        &mut self,
        py: Python<'py>,
        future: &Arc<InFlight>,
        step: PyResult<Step<'py>>,
    ) -> PyResult<Served<'py>> {
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
                let handed_over = future.about_to_look(|| job.finish(py, outcome));
                handed_over.map(|()| Served::Nothing)
            }
            (None, outcome) => outcome.map(|_| Served::Nothing),
        }
    }

    /// Has the coroutine scheduled when the last Task has ended. Returns false if there is none.
    pub fn wait_for_tasks(&self) -> bool {
        self.nursery.as_ref().is_some_and(|it| it.wait())
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
