//! What a coroutine of the bridge does when it is resumed: spawn its future, park until that has
//! come in, bring what it has brought.

use std::{
    panic::Location,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use pyo3::{PyTraverseError, PyVisit, exceptions::PyBaseException, prelude::*};

use super::{
    event_loop::{EventLoop, is_closed},
    in_flight::{InFlight, Outcome, RustFuture},
    panic,
    process::OfThisProcess,
    runtime,
    throw::{Thrown, generator_exit},
};

/// What comes in at a suspension point.
pub enum Input<'py> {
    Send(Bound<'py, PyAny>),
    Throw(Thrown<'py>),
    Close,
}

/// What comes out: the coroutine suspends, or returns, or (`Refuse`) has not been resumed at all.
pub enum Step<'py> {
    Yield(Bound<'py, PyAny>),
    Return(Bound<'py, PyAny>),
    Refuse(PyErr),
}

/// Where it was made, for `cr_code` and `cr_frame`.
pub struct Source {
    pub name: &'static std::ffi::CStr,
    pub place: &'static Location<'static>,
}

/// Where it stands: before its future runs, or in the `await` of it.
pub enum Body {
    Start(OfThisProcess<RustFuture>),
    EagerStart(OfThisProcess<RustFuture>),
    Awaiting(OfThisProcess<Spawned>),
}

impl Body {
    pub fn new(future: RustFuture) -> Self {
        Self::Start(OfThisProcess::new(future))
    }

    pub fn eager(future: RustFuture) -> Self {
        Self::EagerStart(OfThisProcess::new(future))
    }

    /// Runs to the next suspension or to the end. An error is an exception that leaves the body.
    pub fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match self {
            Self::Start(future) => {
                let future = future.take()?;
                self.spawn(py, future)
            }
            Self::EagerStart(future) => {
                let mut future = future.take()?;
                match poll_in_place(py, &mut future)? {
                    Poll::Ready(outcome) => Ok(Step::Return(outcome(py)?.into_bound(py))),
                    Poll::Pending => self.spawn(py, future),
                }
            }
            Self::Awaiting(spawned) => spawned.get_mut()?.resume(py, input),
        }
    }

    fn spawn<'py>(&mut self, py: Python<'py>, future: RustFuture) -> PyResult<Step<'py>> {
        let mut spawned = Spawned::new(py, future)?;
        let step = spawned.first_step(py);
        *self = Self::Awaiting(OfThisProcess::new(spawned));
        step
    }

    /// What it waits for, for `cr_await`.
    pub fn awaits(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Start(_) | Self::EagerStart(_) => None,
            Self::Awaiting(spawned) => spawned.get()?.waits_for.as_ref(),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Start(_) | Self::EagerStart(_) => Ok(()),
            Self::Awaiting(spawned) => spawned.get().map_or(Ok(()), |it| it.traverse(visit)),
        }
    }
}

/// Polls once, on the loop's thread, with Python let go meanwhile. Nobody is to be woken: if the
/// future is not ready it is spawned, and polled again.
fn poll_in_place(py: Python<'_>, future: &mut RustFuture) -> PyResult<Poll<Outcome>> {
    let mut poll = || {
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    };
    let polled = py.detach(|| runtime::enter(|| panic::catch(&mut poll)));
    Ok(polled??)
}

/// A future in flight, from the coroutine's side.
pub struct Spawned {
    future: Arc<InFlight>,
    key: usize,
    waits_for: Option<Py<PyAny>>,
    /// What to raise when the future has been dropped.
    thrown: Option<Py<PyBaseException>>,
}

impl Spawned {
    fn new(py: Python<'_>, future: RustFuture) -> PyResult<Self> {
        let event_loop = EventLoop::running(py)?;
        let future = InFlight::spawn(future, event_loop)?;
        let key = future.event_loop().enter(&future);
        Ok(Self {
            future,
            key,
            waits_for: None,
            thrown: None,
        })
    }

    /// Suspends, if only for a turn: a Task that awaits one future after the other must not keep the
    /// others from running. Among others a bare yield is cheaper than to park: the loop has turns to
    /// take anyway, and the future may be finished after one.
    fn first_step<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
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
        let thrown = match input {
            Input::Send(value) => self.sent(&value).err(),
            Input::Throw(thrown) => match thrown.exception() {
                Ok(exception) => Some(exception),
                Err(refusal) => return Ok(Step::Refuse(refusal)), // and it stays parked
            },
            Input::Close => {
                self.cancel(py);
                return Err(generator_exit(py));
            }
        };
        self.future.unpark();
        self.waits_for = None;
        if let Some(thrown) = thrown {
            self.throw(py, thrown)?;
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
    fn throw(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        if let Some(earlier) = self.thrown.take() {
            error.set_context(py, Some(raised(py, earlier)));
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
        match self.future.poll_outcome() {
            Poll::Pending => self.park(py),
            Poll::Ready(finished) => {
                if let Some(thrown) = self.thrown.take() {
                    return Err(raised(py, thrown));
                }
                let outcome = finished.map_err(|_| is_closed())?;
                Ok(Step::Return(outcome(py)?.into_bound(py)))
            }
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
impl Drop for Spawned {
    fn drop(&mut self) {
        self.event_loop().leave(self.key);
        self.future.end();
    }
}

fn raised(py: Python<'_>, exception: Py<PyBaseException>) -> PyErr {
    PyErr::from_value(exception.into_bound(py).into_any())
}
