//! A Task that awaits something for Rust, and the nursery of such Tasks.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyException, PyGeneratorExit},
    prelude::*,
};
use slab::Slab;

use crate::{
    coroutine::{Body, Coroutine, Input, Step, normalized::generator_exit},
    delegate::Delegate,
    event_loop::{EventLoop, deliver_after},
    fork::{Guarded, not_here},
    in_flight::InFlight,
    request::{Cancel, Job, Submit},
};

/// Begins a Task: in `context`, or in a copy of the current one.
pub fn begin(
    py: Python<'_>,
    event_loop: &Arc<EventLoop>,
    job: Box<dyn Job>,
    context: Option<&Bound<'_, PyAny>>,
    nursery: Option<&Arc<Nursery>>,
) {
    if !job.is_wanted() {
        return;
    }
    let location = job.location();
    let task = OwnTask::new(event_loop, job);
    let body = TaskBody(Guarded::new(Running {
        place: nursery.map(|nursery| nursery.enter(&task)),
        task: Arc::clone(&task),
        job: None,
        awaits: None,
    }));
    let coroutine = Coroutine::new("call", location, body);
    if let Err(error) = task.begin(py, coroutine, context) {
        task.fail(py, error);
    }
}

/// A Task that awaits something for Rust, as long as it runs.
pub struct OwnTask {
    event_loop: Arc<EventLoop>,
    stage: Mutex<Stage>,
    /// Somebody has cancelled it, or it needs no cancellation to end.
    cancelled: AtomicBool,
}

enum Stage {
    /// The coroutine that runs it has not been resumed.
    New(Box<dyn Job>, Option<usize>),
    /// It runs, and the loop knows it by this key, soon or already.
    Running(Option<usize>),
    Ended,
}

impl OwnTask {
    fn new(event_loop: &Arc<EventLoop>, job: Box<dyn Job>) -> Arc<Self> {
        Arc::new(Self {
            event_loop: Arc::clone(event_loop),
            stage: Mutex::new(Stage::New(job, None)),
            cancelled: AtomicBool::new(false),
        })
    }

    /// A factory of eager Tasks runs it before the loop knows it, perhaps to its end.
    fn begin(
        self: &Arc<Self>,
        py: Python<'_>,
        coroutine: Coroutine,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let coroutine = Bound::new(py, coroutine)?;
        let key = match self.event_loop.create_task(&coroutine, context) {
            Ok(key) => key,
            Err(error) => {
                self.fail(py, error);
                // Closed, it does not warn that nobody awaits it.
                return coroutine.call_method0("close").map(drop);
            }
        };
        match &mut *self.lock() {
            Stage::New(_, known) | Stage::Running(known) => *known = Some(key),
            Stage::Ended => {}
        }
        if self.has_ended() {
            self.event_loop.task_ended(key);
        }
        Ok(())
    }

    fn take_job(self: &Arc<Self>) -> Option<Box<dyn Job>> {
        let mut stage = self.lock();
        match mem::replace(&mut *stage, Stage::Ended) {
            Stage::New(job, key) => {
                *stage = Stage::Running(key);
                drop(stage);
                job.has_begun(Arc::clone(self) as Arc<dyn Cancel>);
                Some(job)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    fn fail(self: &Arc<Self>, py: Python<'_>, error: PyErr) {
        if let Some(job) = self.take_job() {
            let _nobody_hears = job.finish(py, Err(error));
        }
        self.end();
    }

    fn end(&self) {
        let stage = mem::replace(&mut *self.lock(), Stage::Ended);
        if let Stage::New(_, Some(key)) | Stage::Running(Some(key)) = stage {
            self.event_loop.task_ended(key);
        }
    }

    fn has_ended(&self) -> bool {
        matches!(*self.lock(), Stage::Ended)
    }

    fn cancel_now(&self, py: Python<'_>) {
        let key = match *self.lock() {
            Stage::New(_, key) | Stage::Running(key) => key,
            Stage::Ended => None,
        };
        if let Some(key) = key {
            if let Err(error) = self.event_loop.cancel_task(py, key) {
                error.write_unraisable(py, None);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancel for OwnTask {
    fn cancel(self: Arc<Self>) {
        if !self.has_ended() && !self.cancelled.swap(true, SeqCst) {
            let event_loop = Arc::clone(&self.event_loop);
            event_loop.submit(Box::new(move |py| self.cancel_now(py)));
        }
    }

    fn let_go(&self) {
        self.cancelled.store(true, SeqCst);
    }
}

/// What the Task runs.
struct TaskBody(Guarded<Running>);

struct Running {
    task: Arc<OwnTask>,
    place: Option<InNursery>,
    job: Option<Box<dyn Job>>,
    awaits: Option<Delegate>,
}

impl Body for TaskBody {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let step = match (self.0.get_mut(), input) {
            (Some(running), input) => running.resume(py, input),
            (None, Input::Close) => return Err(generator_exit(py)),
            (None, _) => return Ok(Step::Refuse(not_here("a call"))),
        };
        let outcome = match step {
            Ok(Step::Return(result)) => Ok(result),
            Err(error) => Err(error),
            suspended_or_refused => return suspended_or_refused,
        };
        match self.0.get_mut() {
            Some(running) => running.end(py, outcome),
            None => outcome.map(Step::Return), // a child that was forked meanwhile
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        let delegate = self.0.get()?.awaits.as_ref()?;
        Some(delegate.target())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.get().and_then(|running| running.awaits.as_ref()) {
            Some(delegate) => delegate.traverse(visit),
            None => Ok(()),
        }
    }
}

impl Running {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        match &self.awaits {
            Some(delegate) => delegate.resume(py, input),
            None => self.begin(py),
        }
    }

    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        self.job = self.task.take_job();
        let awaitable = match &mut self.job {
            Some(job) if job.is_wanted() => job.begin(py)?,
            _ => None,
        };
        match awaitable {
            Some(awaitable) => {
                let delegate = Delegate::to(awaitable.bind(py))?;
                self.awaits.insert(delegate).begin(py)
            }
            None => Ok(Step::Return(py.None().into_bound(py))),
        }
    }

    /// Hands over what came of it. What nobody hears of is left to the library, which tells of it.
    fn end<'py>(
        &mut self,
        py: Python<'py>,
        outcome: PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Step<'py>> {
        self.awaits = None;
        let unheard = deliver_after(py, || {
            let unheard = finish(py, self.job.take(), outcome);
            self.task.end();
            drop(self.place.take());
            unheard
        })?;
        match unheard {
            Err(error) if self.is_to_be_told(py, &error) => error.write_unraisable(py, None),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        Ok(Step::Return(py.None().into_bound(py)))
    }

    fn is_to_be_told(&self, py: Python<'_>, error: &PyErr) -> bool {
        let library = self.task.event_loop.library();
        !library.tells_of_errors() && error.is_instance_of::<PyException>(py)
    }
}

/// One that is closed was not awaited to its end: whoever asked gets another error than that.
fn finish(
    py: Python<'_>,
    job: Option<Box<dyn Job>>,
    outcome: PyResult<Bound<'_, PyAny>>,
) -> PyResult<()> {
    match (job, outcome) {
        (Some(_), Err(error)) if error.is_instance_of::<PyGeneratorExit>(py) => Err(error),
        (Some(job), outcome) => job.finish(py, outcome),
        (None, outcome) => outcome.map(drop),
    }
}

/// However it ends, nothing is left behind.
impl Drop for Running {
    fn drop(&mut self) {
        self.task.end();
    }
}

/// The Tasks that were begun for one Rust future. The coroutine that awaits the future stays until they
/// have ended.
pub struct Nursery {
    future: Arc<InFlight>,
    tasks: Mutex<Slab<Arc<OwnTask>>>,
    waited_for: AtomicBool,
}

impl Nursery {
    pub fn new(future: &Arc<InFlight>) -> Arc<Self> {
        Arc::new(Self {
            future: Arc::clone(future),
            tasks: Mutex::default(),
            waited_for: AtomicBool::new(false),
        })
    }

    fn enter(self: &Arc<Self>, task: &Arc<OwnTask>) -> InNursery {
        InNursery {
            nursery: Arc::clone(self),
            key: self.lock().insert(Arc::clone(task)),
        }
    }

    /// Has the coroutine scheduled when the last Task has ended. Returns false if that has come.
    pub fn wait(&self) -> bool {
        self.waited_for.store(true, SeqCst);
        !self.lock().is_empty()
    }

    /// Cancels those that have not been. Once, as a `TaskGroup` does: then a `finally` block can await.
    pub fn cancel(&self, py: Python<'_>) {
        let tasks: Vec<_> = self.lock().iter().map(|(_, it)| Arc::clone(it)).collect();
        for task in tasks {
            if !task.cancelled.swap(true, SeqCst) {
                task.cancel_now(py);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Arc<OwnTask>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A Task's place in its nursery.
struct InNursery {
    nursery: Arc<Nursery>,
    key: usize,
}

impl Drop for InNursery {
    fn drop(&mut self) {
        let mut tasks = self.nursery.lock();
        let task = tasks.remove(self.key);
        let was_last = tasks.is_empty();
        drop(tasks);
        drop(task);
        if was_last && self.nursery.waited_for.load(SeqCst) {
            self.nursery.future.schedule();
        }
    }
}
