//! What a coroutine of a Rust future does when it is resumed.

use std::{pin::Pin, sync::Arc};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyGeneratorExit, PyRuntimeError},
    prelude::*,
};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    coroutine::{Body, Input, Step, normalized::generator_exit},
    event_loop::{self, EventLoop, closed, deliver_after, started_here, with_runtime_here},
    exit::StepGuard,
    fork::{self, Guarded, not_here},
    in_flight::{self, InFlight, Schedule},
    panic,
    python::calls::{Calls, Served},
    runtime,
    rust_future::{BoxedFuture, RustFuture},
};

/// Where a future is polled, and what a cancellation does to it.
#[derive(Clone, Copy)]
pub struct Manner {
    pub spawned: bool,
    pub uncancellable: bool,
}

impl Manner {
    pub const INLINE: Self = Self {
        spawned: false,
        uncancellable: false,
    };

    pub fn uncancellable(self) -> Self {
        let uncancellable = true;
        Self {
            uncancellable,
            ..self
        }
    }
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

    /// Of a future that the loop's thread has polled with `poll_first`, and is not ready. Returns the
    /// first step, too.
    pub fn pending<'py>(
        py: Python<'py>,
        future: BoxedFuture,
        pending: Pending<'py>,
    ) -> PyResult<(Self, PyResult<Step<'py>>)> {
        let event_loop = pending.event_loop(py)?;
        let (awaiting, step) = Awaiting::inline(py, event_loop, future, pending, Manner::INLINE);
        Ok((Self(Guarded::new(Stage::Awaiting(awaiting))), step))
    }
}

impl Body for RustBody {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let _step = StepGuard::new(py);
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

    /// What it has called may not.
    fn tells_awaiters_apart(&self) -> bool {
        match self.0.get() {
            Some(Stage::Awaiting(awaiting)) => !awaiting.awaits_a_call(),
            _ => true,
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
        let pending = match future.poll(py)? {
            First::Ready => return result_of(py, future.take()?),
            First::Pending(pending) => pending,
        };
        let event_loop = pending.event_loop(py)?; // first, as in `spawn`
        let (awaiting, step) = Awaiting::inline(py, event_loop, future.take()?, pending, manner);
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
        if self.is_local() && !event_loop.has_own_runtime() {
            return Err(needs_one_thread());
        }
        let (future, task) =
            InFlight::spawn(self.take()?, event_loop.place(), manner.uncancellable);
        Ok(Awaiting::new(event_loop, future, task))
    }

    fn poll<'py>(&mut self, py: Python<'py>) -> PyResult<First<'py>> {
        poll_first(py, self.0.as_mut().ok_or_else(closed)?.as_mut())
    }

    fn is_local(&self) -> bool {
        self.0.as_ref().is_some_and(|future| future.is_local())
    }

    fn take(&mut self) -> PyResult<BoxedFuture> {
        self.0.take().ok_or_else(closed)
    }
}

/// How far a future has come without a loop.
pub enum First<'py> {
    Ready,
    Pending(Pending<'py>),
}

/// A future that is in flight, or that has called Python and is ready.
pub struct Pending<'py> {
    /// Known already if it has a runtime of its own.
    event_loop: Option<Arc<EventLoop>>,
    in_flight: Arc<InFlight>,
    calls: Option<Calls>,
    served: PyResult<Served<'py>>,
}

impl Pending<'_> {
    fn event_loop(&self, py: Python<'_>) -> PyResult<Arc<EventLoop>> {
        match &self.event_loop {
            Some(event_loop) => Ok(Arc::clone(event_loop)),
            None => event_loop::running(py),
        }
    }
}

/// Polls a future before a loop is looked for: one that is ready at once needs none, nor does one that has
/// called what is.
pub fn poll_first<'py>(
    py: Python<'py>,
    mut future: Pin<&mut dyn RustFuture>,
) -> PyResult<First<'py>> {
    let event_loop = with_runtime_here(py)?;
    let runtime = match &event_loop {
        Some(event_loop) => event_loop.runtime(),
        None => runtime::handle(py)?,
    };
    let mut calls = None;
    let mut first = deliver_after(py, || InFlight::poll_first(py, future.as_mut(), runtime))?;
    loop {
        let (in_flight, waker) = match first {
            in_flight::First::Ready => return Ok(First::Ready),
            in_flight::First::Panicked(panicked) => return Err(panicked.into()),
            in_flight::First::Pending(pending) => pending,
        };
        let mut served = Ok(Served::Nothing);
        if let Some(job) = in_flight.next_in_task() {
            let calls = calls.get_or_insert_with(Calls::default);
            served = calls.await_in_task(py, &in_flight, job);
            if matches!(served, Ok(Served::Nothing)) && in_flight.is_woken() {
                let again = (in_flight, waker);
                let poll = || InFlight::poll_once_more(py, future.as_mut(), runtime, again);
                first = deliver_after(py, poll)?;
                continue;
            }
        }
        return Ok(First::Pending(Pending {
            event_loop,
            in_flight,
            calls,
            served,
        }));
    }
}

/// One that was never begun is dropped as any other: detached, inside the runtime. But if no runtime
/// has started, none is started for that.
impl Drop for Unpolled {
    fn drop(&mut self) {
        if self.0.is_none() {
            return; // it is in flight, or over
        }
        Python::try_attach(|py| {
            let (runtime, future) = (started_here(py), self.0.take());
            py.detach(|| {
                let _inside = runtime.as_deref().map(Handle::enter);
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

    /// One that has been polled once, and its first step.
    fn inline<'py>(
        py: Python<'py>,
        event_loop: Arc<EventLoop>,
        future: BoxedFuture,
        pending: Pending<'py>,
        manner: Manner,
    ) -> (Self, PyResult<Step<'py>>) {
        let in_flight = pending.in_flight;
        in_flight.take_in(future, event_loop.place(), manner.uncancellable);
        if event_loop.has_own_runtime() {
            in_flight.join_rounds();
        }
        let mut awaiting = Self::new(event_loop, in_flight, None);
        awaiting.calls = pending.calls.map(Box::new);
        let step = awaiting.follow(py, pending.served, true);
        (awaiting, step)
    }

    /// A future on the runtime suspends, if only for a turn: a Task that awaits one after the other
    /// must not keep the others from running. Among others a bare yield is cheaper than a suspension:
    /// the loop has turns to take anyway, and the future may be finished after one. So it is where the
    /// loop polls the future itself, between this turn and the next.
    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let takes_bare_yields = self.event_loop.library().takes_bare_yields();
        let soon = self.event_loop.has_own_runtime() || self.event_loop.in_flight() > 1;
        let need_not_wait =
            (takes_bare_yields && soon) || !self.future.wait() || self.future.has_requests();
        self.next_turn_or_suspend(py, need_not_wait)
    }

    fn awaits_a_call(&self) -> bool {
        self.calls.as_ref().is_some_and(|it| it.awaits().is_some())
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
            Input::Send(value) if self.is_not_meant(&value)? => {
                let message = "coroutine is being awaited already";
                return Ok(Step::Refuse(PyRuntimeError::new_err(message)));
            }
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

    /// Does this come from somebody else than the loop, though there is nothing to be had yet? It would
    /// take the turn of whoever awaits already, who would never be woken. Before the loop resumes a
    /// coroutine it takes its waiter, and trio sends a word of its own when it cancels.
    fn is_not_meant(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        if self.waits_for.is_none() || !value.is_none() || self.future.has_news() {
            return Ok(false);
        }
        self.event_loop.is_waited_for(value.py(), self.future.key())
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
        let cancel = || self.future.about_to_look(|| self.future.cancel());
        if deliver_after(py, || py.detach(cancel))? {
            self.abort();
            if self.calls.is_none() && !self.future.has_requests() {
                return Err(error);
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
        let is_polled_soon = if self.future.is_spawned() {
            self.event_loop.has_own_runtime() && self.future.is_woken()
        } else {
            self.future.take_wake()
        };
        self.next_turn_or_suspend(py, is_polled_soon)
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

fn needs_one_thread() -> PyErr {
    PyRuntimeError::new_err(
        "a local future needs an event loop that polls it on its own thread, as those of `one_thread` do",
    )
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
