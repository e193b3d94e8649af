//! What a coroutine of the bridge does when it is resumed: spawn its future, park until that has
//! come in, bring what it has brought.

use std::{panic::Location, sync::Arc, task::Poll};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyGeneratorExit},
    prelude::*,
};

use super::{
    coroutine::{
        made_now::generator_exit,
        steps::{Input, Step},
    },
    event_loop::EventLoop,
    in_flight::{InFlight, RustFuture, drop_quietly},
    panic,
    process::OfThisProcess,
    runtime,
};

/// Where it was made, for `cr_code` and `cr_frame`.
pub struct Source {
    pub name: &'static std::ffi::CStr,
    pub place: &'static Location<'static>,
}

/// Where it stands: before its future runs, or in the `await` of it.
pub enum Body {
    Start(OfThisProcess<RustFuture>, Runs),
    Awaiting(OfThisProcess<Awaiting>),
}

/// Where a future runs.
#[derive(Clone, Copy)]
pub enum Runs {
    OnTheRuntime,
    InPlace,
}

impl Body {
    pub fn new(future: RustFuture, runs: Runs) -> Self {
        Self::Start(OfThisProcess::new(future), runs)
    }

    /// Runs to the next suspension or to the end. An error is an exception that leaves the body.
    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match self {
            Self::Start(future, runs) => {
                let mut awaiting = Awaiting::new(py, future.take()?, *runs)?;
                let step = awaiting.first_step(py);
                *self = Self::Awaiting(OfThisProcess::new(awaiting));
                step
            }
            Self::Awaiting(awaiting) => match awaiting.get_mut() {
                Ok(awaiting) => awaiting.resume(py, input),
                Err(not_here) => Ok(Step::Refuse(not_here)),
            },
        }
    }

    /// What it waits for, for `cr_await`.
    pub fn awaits(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Start(..) => None,
            Self::Awaiting(awaiting) => awaiting.get()?.waits_for.as_ref(),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Start(..) => Ok(()),
            Self::Awaiting(awaiting) => awaiting.get().map_or(Ok(()), |it| it.traverse(visit)),
        }
    }
}

/// One that was never begun is dropped as any other: detached, where futures expect to be.
impl Drop for Body {
    fn drop(&mut self) {
        if let Self::Start(unused, _) = self {
            if unused.get().is_some() {
                let mut future = unused.take().ok();
                Python::attach(|py| match runtime::handle(py) {
                    Ok(runtime) => py.detach(|| drop_quietly(&mut future, &runtime)),
                    Err(_) => drop(panic::catch(|| drop(future))), // it cannot be started
                });
            }
        }
    }
}

/// A future in flight, from the coroutine's side.
pub struct Awaiting {
    future: Arc<InFlight>,
    key: usize,
    waits_for: Option<Py<PyAny>>,
    /// What to raise when the future has been dropped.
    thrown: Option<Py<PyBaseException>>,
}

impl Awaiting {
    fn new(py: Python<'_>, future: RustFuture, runs: Runs) -> PyResult<Self> {
        let event_loop = EventLoop::running(py)?;
        let future = match runs {
            Runs::OnTheRuntime => InFlight::spawned(future, event_loop),
            Runs::InPlace => InFlight::in_place(future, event_loop),
        };
        let key = future.event_loop().enter(&future);
        Ok(Self {
            future,
            key,
            waits_for: None,
            thrown: None,
        })
    }

    /// A future on the runtime suspends, if only for a turn: a Task that awaits one after the other
    /// must not keep the others from running. Among others a bare yield is cheaper than to park: the
    /// loop has turns to take anyway, and the future may be finished after one.
    fn first_step<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        if !self.future.is_spawned() {
            return self.finish_or_park(py);
        }
        let event_loop = Arc::clone(self.event_loop());
        let finished = self.future.is_finished();
        if event_loop.has_turns() && (finished || event_loop.in_flight() > 1) {
            return Ok(Step::Yield(py.None().into_bound(py)));
        }
        if finished {
            event_loop.post(Arc::clone(&self.future));
            return self.park(py);
        }
        self.finish_or_park(py)
    }

    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let raised = match input {
            Input::Send(value) => self.sent(&value).err(),
            Input::Throw(thrown) => return Ok(Step::RaiseHere(thrown)),
            Input::Raise(exception) => {
                let exits = exception.is_instance_of::<PyGeneratorExit>();
                let error = PyErr::from_value(exception.into_any());
                if exits {
                    self.cancel(py);
                    return Err(error); // a request to exit takes no "not yet"
                }
                Some(error)
            }
            Input::Close => {
                self.cancel(py);
                return Err(generator_exit(py));
            }
        };
        self.future.unpark();
        self.waits_for = None;
        if let Some(error) = raised {
            self.raise(py, error)?;
        }
        self.finish_or_park(py)
    }

    fn sent(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match &self.waits_for {
            Some(waits_for) => self.event_loop().resumed(waits_for, value),
            None => Ok(()),
        }
    }

    /// Drops the future, and raises `error` when it has been dropped, at once if that can be.
    fn raise(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        if let Some(earlier) = self.thrown.take() {
            if error.context(py).is_none() && !earlier.is(error.value(py)) {
                error.set_context(py, Some(raised(py, earlier)));
            }
        }
        if self.cancel(py) {
            return Err(error);
        }
        self.thrown = Some(error.into_value(py));
        Ok(())
    }

    /// Detached, as dropping the future runs code that is not ours, and might wait for Python.
    fn cancel(&self, py: Python<'_>) -> bool {
        py.detach(|| self.future.cancel())
    }

    fn finish_or_park<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        match (self.future.poll_outcome(py), self.thrown.take()) {
            (Ok(Poll::Pending), thrown) => {
                self.thrown = thrown;
                self.park(py)
            }
            (_, Some(thrown)) => Err(raised(py, thrown)),
            (Ok(Poll::Ready(outcome)), None) => {
                let result = panic::catch(|| outcome(py))??;
                Ok(Step::Return(result.into_bound(py)))
            }
            (Err(dropped), None) => Err(dropped),
        }
    }

    fn park<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let cancellable = self.thrown.is_none();
        let parked = self.event_loop().park(py, cancellable)?;
        self.waits_for = Some(parked.waits_for.unbind());
        self.future.park(parked.resumed_by.unbind());
        Ok(Step::Yield(parked.yields))
    }

    fn event_loop(&self) -> &Arc<EventLoop> {
        self.future.event_loop()
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.waits_for)?;
        visit.call(&self.thrown)?;
        self.future.traverse(visit)
    }
}

/// However it ends, nothing is left behind: neither with the loop nor on the runtime.
impl Drop for Awaiting {
    fn drop(&mut self) {
        self.event_loop().leave(self.key);
        self.future.end();
    }
}

fn raised(py: Python<'_>, exception: Py<PyBaseException>) -> PyErr {
    PyErr::from_value(exception.into_bound(py).into_any())
}
