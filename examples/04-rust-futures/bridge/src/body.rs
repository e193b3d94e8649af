//! What a coroutine of a Rust future does when it is resumed.

use std::sync::Arc;

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyGeneratorExit, PyRuntimeError},
    prelude::*,
};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    coroutine::{Body, Input, Step, normalized::generator_exit},
    event_loop::{self, EventLoop, closed, deliver_after},
    fork::{self, Guarded, not_here},
    in_flight::{First, InFlight},
    panic,
    python::calls::{Calls, Served},
    runtime,
    rust_future::BoxedFuture,
};

/// Where a future is polled, and what a cancellation does to it.
#[derive(Clone, Copy)]
pub struct Manner {
    pub spawned: bool,
    pub uncancellable: bool,
}

pub struct RustBody(Guarded<Stage>);

/// Where the coroutine stands.
enum Stage {
    /// Its future has not been polled.
    Created(Unpolled, Manner),
    /// Its future is in flight.
    Awaiting(Awaiting),
}

impl RustBody {
    pub fn new(future: BoxedFuture, manner: Manner) -> Self {
        Self(Guarded::new(Stage::Created(Unpolled(Some(future)), manner)))
    }
}

impl Body for RustBody {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match (self.0.get_mut(), input) {
            (Some(Stage::Awaiting(awaiting)), input) => awaiting.resume(py, input),
            (Some(stage), _) => stage.begin(py),
            // A child lets go of its copy in silence.
            (None, Input::Close) => Err(generator_exit(py)),
            (None, _) => Ok(Step::Refuse(not_here("a Rust future"))),
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        match self.0.get()? {
            Stage::Awaiting(awaiting) => awaiting.awaits(),
            Stage::Created(..) => None,
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.get() {
            Some(Stage::Awaiting(awaiting)) => awaiting.traverse(visit),
            _ => Ok(()),
        }
    }
}

impl Stage {
    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let Self::Created(future, manner) = self else {
            return Err(closed());
        };
        let manner = *manner;
        if manner.spawned {
            let mut awaiting = future.spawn(py, manner)?;
            let step = awaiting.begin(py);
            *self = Self::Awaiting(awaiting);
            return step;
        }
        let mut calls = None;
        let (in_flight, served) = match future.run(py, &mut calls)? {
            Run::Ready => return result_of(py, future.take()?),
            Run::Pending(in_flight, served) => (in_flight, served),
        };
        let mut awaiting = future.take_in(py, in_flight, manner)?;
        awaiting.calls = calls.map(Box::new);
        let step = awaiting.follow(py, served, true);
        *self = Self::Awaiting(awaiting);
        step
    }
}

/// A future that has not been polled, or was ready when it was.
struct Unpolled(Option<BoxedFuture>);

impl Unpolled {
    /// The loop first: without one the future stays here, and is dropped as any other.
    fn spawn(&mut self, py: Python<'_>, manner: Manner) -> PyResult<Awaiting> {
        let event_loop = event_loop::running(py)?;
        let (future, task) =
            InFlight::spawn(self.take()?, event_loop.place(), manner.uncancellable);
        Ok(Awaiting::new(event_loop, future, Some(task)))
    }

    /// Polls it before a loop is looked for: one that is ready at once needs none, nor does one that has
    /// called what is.
    fn run<'py>(&mut self, py: Python<'py>, calls: &mut Option<Calls>) -> PyResult<Run<'py>> {
        let future = self.0.as_mut().ok_or_else(closed)?;
        let runtime = runtime::handle(py)?;
        let mut first = deliver_after(py, || InFlight::poll_first(py, future, runtime))?;
        loop {
            let (in_flight, waker) = match first {
                First::Ready => return Ok(Run::Ready),
                First::Panicked(panicked) => return Err(panicked.into()),
                First::Pending(pending) => pending,
            };
            if !in_flight.asks_in_task() {
                return Ok(Run::Pending(in_flight, Ok(Served::Nothing)));
            }
            let calls = calls.get_or_insert_with(Calls::default);
            let served = calls.await_in_task(py, &in_flight);
            if !matches!(served, Ok(Served::Nothing)) || !in_flight.is_woken() {
                return Ok(Run::Pending(in_flight, served));
            }
            let again = (in_flight, waker);
            let poll = || InFlight::poll_once_more(py, future, runtime, again);
            first = deliver_after(py, poll)?;
        }
    }

    fn take_in(
        &mut self,
        py: Python<'_>,
        in_flight: Arc<InFlight>,
        manner: Manner,
    ) -> PyResult<Awaiting> {
        let event_loop = event_loop::running(py)?;
        in_flight.take_in(self.take()?, event_loop.place(), manner.uncancellable);
        Ok(Awaiting::new(event_loop, in_flight, None))
    }

    fn take(&mut self) -> PyResult<BoxedFuture> {
        self.0.take().ok_or_else(closed)
    }
}

/// How far a future has come without a loop.
enum Run<'py> {
    Ready,
    /// And what came of its calls.
    Pending(Arc<InFlight>, PyResult<Served<'py>>),
}

/// One that was never begun is dropped as any other: detached, inside the runtime. But if no runtime
/// has started, none is started for that.
impl Drop for Unpolled {
    fn drop(&mut self) {
        if self.0.is_none() {
            return; // it is in flight, or over
        }
        Python::try_attach(|py| {
            let (runtime, future) = (runtime::started(py), self.0.take());
            py.detach(|| {
                let _inside = runtime.map(Handle::enter);
                fork::section(|| panic::catch(|| drop(future)))
            })
        });
    }
}

/// A future in flight, from the coroutine's side.
struct Awaiting {
    future: Arc<InFlight>,
    event_loop: Arc<EventLoop>,
    /// That of the runtime, if workers poll it.
    task: Option<AbortHandle>,
    waits_for: Option<Py<PyAny>>,
    /// What to raise when the future has been dropped, or is finished, and its Tasks have ended.
    thrown: Option<Py<PyBaseException>>,
    /// What the future has called: most call nothing.
    calls: Option<Box<Calls>>,
}

impl Awaiting {
    fn new(event_loop: Arc<EventLoop>, future: Arc<InFlight>, task: Option<AbortHandle>) -> Self {
        event_loop.enter(&future);
        Self {
            future,
            event_loop,
            task,
            waits_for: None,
            thrown: None,
            calls: None,
        }
    }

    /// A future on the runtime suspends, if only for a turn: a Task that awaits one after the other
    /// must not keep the others from running. Among others a bare yield is cheaper than a suspension:
    /// the loop has turns to take anyway, and the future may be finished after one.
    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let takes_bare_yields = self.event_loop.library().takes_bare_yields();
        let among_others = takes_bare_yields && self.event_loop.in_flight() > 1;
        let need_not_wait = among_others || !self.future.wait() || self.future.has_requests();
        self.next_turn_or_suspend(py, need_not_wait)
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        let call = self.calls.as_ref().and_then(|calls| calls.awaits());
        call.or(self.waits_for.as_ref())
    }

    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match &mut self.calls {
            Some(calls) if calls.awaits().is_some() => {
                let served = calls.resume(py, &self.event_loop, &self.future, input);
                self.follow(py, served, false)
            }
            _ => self.resume_here(py, input),
        }
    }

    /// Goes on after something has been done about the calls.
    fn follow<'py>(
        &mut self,
        py: Python<'py>,
        served: PyResult<Served<'py>>,
        just_polled: bool,
    ) -> PyResult<Step<'py>> {
        match served {
            Ok(Served::Step(step)) => return Ok(step),
            Ok(Served::Nothing) => {}
            Err(unheard) => self.raise(py, unheard)?,
        }
        self.go_on(py, just_polled)
    }

    fn resume_here<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let raised = match input {
            Input::Send(value) => self.sent(&value).err(),
            Input::Throw(thrown) => return Ok(Step::RaiseHere(thrown)),
            Input::Raise(exception) => Some(PyErr::from_value(exception.into_any())),
            Input::Close => return Err(generator_exit(py)),
        };
        if self.waits_for.take().is_some() {
            self.event_loop.resumed(self.future.key());
        }
        if let Some(error) = raised {
            self.raise(py, error)?;
        }
        self.go_on(py, false)
    }

    fn sent(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match &self.waits_for {
            Some(waits_for) => {
                let library = self.event_loop.library();
                library.resumed(waits_for.bind(value.py()), value)
            }
            None => Ok(()),
        }
    }

    /// Drops the future, and raises `error` when it has been dropped and its Tasks have ended, at once if
    /// that can be. A future that is uncancellable runs to its end first.
    fn raise(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        if error.is_instance_of::<PyGeneratorExit>(py) {
            return Err(error); // a request to exit takes no "not yet"
        }
        if let Some(earlier) = self.thrown.take() {
            chain(py, &error, &earlier);
        }
        // Detached, as dropping a future runs code that is not ours, and might wait for Python.
        let is_gone = deliver_after(py, || py.detach(|| self.future.cancel()))?;
        if is_gone {
            self.abort();
            match &self.calls {
                Some(calls) => calls.cancel_tasks(py),
                None => return Err(error),
            }
        }
        self.thrown = Some(error.into_value(py));
        Ok(())
    }

    /// Has the runtime forget the task of a future that has been dropped, or will be.
    fn abort(&self) {
        match &self.task {
            Some(task) if !self.future.is_uncancellable() => task.abort(),
            _ => {}
        }
    }

    /// Goes on to the next suspension, or to the end. Polls the future first, if it `is_polled` here and
    /// not just has been.
    fn go_on<'py>(&mut self, py: Python<'py>, just_polled: bool) -> PyResult<Step<'py>> {
        let mut just_polled = just_polled;
        loop {
            if self.future.is_spawned() {
                self.future.wait(); // now: what comes after the look at it must wake
            } else if !just_polled {
                deliver_after(py, || self.future.poll_here(py))?;
            }
            let called = self.future.has_requests();
            if called {
                match self.begin_calls(py) {
                    Ok(Served::Step(step)) => return Ok(step),
                    Ok(Served::Nothing) => {}
                    Err(unheard) => self.raise(py, unheard)?,
                }
            }
            if self.future.is_over() {
                return self.end(py);
            }
            // A call that needed no suspension needs none here.
            just_polled = !(called && self.future.is_woken());
            if just_polled {
                return self.yield_or_suspend(py);
            }
        }
    }

    fn begin_calls<'py>(&mut self, py: Python<'py>) -> PyResult<Served<'py>> {
        let calls = self.calls.get_or_insert_with(Box::default);
        calls.begin(py, &self.event_loop, &self.future)
    }

    /// Waits for the Tasks that were begun for the future.
    fn end<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        match &self.calls {
            Some(calls) if calls.wait_for_tasks() => self.suspend(py),
            _ => self.result(py),
        }
    }

    fn result<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let result = match self.future.take() {
            Some(future) => result_of(py, future),
            None if self.event_loop.is_closed() => Err(closed()),
            None => Err(PyRuntimeError::new_err("the runtime has been shut down")),
        };
        match (self.thrown.take(), result) {
            (None, result) => result,
            (Some(thrown), Err(error)) if self.future.is_uncancellable() => {
                let raised = raised(py, &thrown);
                raised.set_context(py, Some(error));
                Err(raised)
            }
            (Some(thrown), _) => Err(raised(py, &thrown)),
        }
    }

    fn yield_or_suspend<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let is_woken = !self.future.is_spawned() && self.future.take_wake();
        self.next_turn_or_suspend(py, is_woken)
    }

    /// One that need not wait takes the next turn of the loop, if the loop can do that.
    fn next_turn_or_suspend<'py>(
        &mut self,
        py: Python<'py>,
        need_not_wait: bool,
    ) -> PyResult<Step<'py>> {
        if need_not_wait && self.event_loop.library().takes_bare_yields() {
            return Ok(Step::Yield(py.None().into_bound(py)));
        }
        let step = self.suspend(py)?;
        if need_not_wait {
            self.future.schedule();
        }
        Ok(step)
    }

    fn suspend<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let cancellable = self.thrown.is_none();
        let suspension = self
            .event_loop
            .suspend(py, self.future.key(), cancellable)?;
        self.waits_for = Some(suspension.waits_for.unbind());
        Ok(Step::Yield(suspension.yields))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.waits_for)?;
        visit.call(&self.thrown)?;
        self.calls.as_ref().map_or(Ok(()), |it| it.traverse(visit))
    }
}

/// However it ends, nothing is left behind: neither with the loop nor on the runtime.
impl Drop for Awaiting {
    fn drop(&mut self) {
        self.event_loop.leave(self.future.key());
        self.future.refuse_requests();
        if !self.future.is_gone() {
            Python::try_attach(|py| py.detach(|| self.future.abandon()));
            self.abort();
        } else if self.event_loop.is_closed() {
            self.abort(); // it was dropped then, and the runtime has not heard of it
        }
    }
}

/// Makes the Python object, outside all locks: that may run Python code.
fn result_of(py: Python<'_>, mut future: BoxedFuture) -> PyResult<Step<'_>> {
    match panic::catch(|| future.as_mut().take(py))? {
        Some(result) => Ok(Step::Return(result?.into_bound(py))),
        None => Err(closed()),
    }
}

/// Makes `earlier` the context of `error`, as if that had been raised while the other was handled. Not
/// if both are of one class: a scope that cancels on each turn would make a chain without an end.
fn chain(py: Python<'_>, error: &PyErr, earlier: &Py<PyBaseException>) {
    let earlier = raised(py, earlier);
    if error.context(py).is_some() || error.get_type(py).is(earlier.get_type(py)) {
        return;
    }
    let mut next = Some(earlier.clone_ref(py));
    while let Some(link) = next {
        if link.value(py).is(error.value(py)) {
            return; // thrown again: it would be its own context
        }
        next = link.context(py);
    }
    error.set_context(py, Some(earlier));
}

fn raised(py: Python<'_>, exception: &Py<PyBaseException>) -> PyErr {
    PyErr::from_value(exception.bind(py).clone().into_any())
}
