//! A Task that awaits something for Rust.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyException, PyGeneratorExit, PyKeyboardInterrupt, PySystemExit},
    prelude::*,
};

use crate::{
    coroutine::{Body, Coroutine, Input, Step, normalized::generator_exit},
    delegate::Delegate,
    event_loop::{EventLoop, deliver_after},
    exit::StepGuard,
    fork::{Guarded, not_here},
    request::{AtEnd, Job, Submit, Task},
};

/// Begins a Task: in `context`, or in a copy of the current one.
pub fn begin(
    py: Python<'_>,
    event_loop: &Arc<EventLoop>,
    job: Box<dyn Job>,
    context: Option<&Bound<'_, PyAny>>,
) {
    if !job.is_wanted() {
        return;
    }
    let location = job.location();
    let is_handled = context.is_some();
    let task = OwnTask::new(event_loop);
    job.has_begun(Arc::clone(&task) as _);
    *task.lock() = Stage::New(job);
    let body = TaskBody(Guarded::new(Running {
        task: Arc::clone(&task),
        job: None,
        awaits: None,
        is_handled,
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
    /// The loop knows it by this key.
    key: OnceLock<usize>,
    cancelled: AtomicBool,
    at_end: Mutex<Vec<AtEnd>>,
}

enum Stage {
    /// The coroutine that it runs has not been resumed.
    New(Box<dyn Job>),
    Running,
    Ended,
}

impl OwnTask {
    fn new(event_loop: &Arc<EventLoop>) -> Arc<Self> {
        Arc::new(Self {
            event_loop: Arc::clone(event_loop),
            stage: Mutex::new(Stage::Running),
            key: OnceLock::new(),
            cancelled: AtomicBool::new(false),
            at_end: Mutex::default(),
        })
    }

    /// A factory of eager Tasks runs it before the loop knows it, perhaps to its end.
    fn begin(
        &self,
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
        let _ = self.key.set(key);
        if self.has_ended() {
            self.event_loop.task_ended(key);
        } else if self.cancelled.load(SeqCst) {
            self.cancel_now(py); // there was no key to do it by
        }
        Ok(())
    }

    fn take_job(&self) -> Option<Box<dyn Job>> {
        let mut stage = self.lock();
        match mem::replace(&mut *stage, Stage::Running) {
            Stage::New(job) => Some(job),
            other => {
                *stage = other;
                None
            }
        }
    }

    fn fail(&self, py: Python<'_>, error: PyErr) {
        if let Some(job) = self.take_job() {
            let _nobody_hears = job.finish(py, Err(error));
        }
        self.end();
    }

    fn end(&self) {
        let stage = mem::replace(&mut *self.lock(), Stage::Ended);
        if matches!(stage, Stage::Ended) {
            return;
        }
        drop(stage); // unlocked: its job may hold anything
        if let Some(key) = self.key.get() {
            self.event_loop.task_ended(*key);
        }
        for then in mem::take(&mut *self.lock_at_end()) {
            then();
        }
    }

    fn has_ended(&self) -> bool {
        matches!(*self.lock(), Stage::Ended)
    }

    fn cancel_now(&self, py: Python<'_>) {
        let Some(key) = self.key.get().filter(|_| !self.has_ended()) else {
            return;
        };
        if let Err(error) = self.event_loop.cancel_task(py, *key) {
            error.write_unraisable(py, None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_at_end(&self) -> MutexGuard<'_, Vec<AtEnd>> {
        self.at_end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task for OwnTask {
    fn cancel(self: Arc<Self>) {
        if !self.has_ended() && !self.cancelled.swap(true, SeqCst) {
            let event_loop = Arc::clone(&self.event_loop);
            event_loop.submit(Box::new(move |py| self.cancel_now(py)));
        }
    }

    /// Whoever ends it takes what is to be done after it has said that it has ended.
    fn at_end(&self, then: AtEnd) {
        self.lock_at_end().push(then);
        if self.has_ended() {
            let all = mem::take(&mut *self.lock_at_end());
            for then in all {
                then();
            }
        }
    }
}

/// What the Task runs.
struct TaskBody(Guarded<Running>);

struct Running {
    task: Arc<OwnTask>,
    job: Option<Box<dyn Job>>,
    awaits: Option<Delegate>,
    /// It was begun through a handle: no coroutine awaits it.
    is_handled: bool,
}

impl Body for TaskBody {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let _step = StepGuard::new(py);
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
        let exits = self.exits(py, &outcome);
        let unheard = deliver_after(py, || {
            let unheard = finish(py, self.job.take(), outcome);
            self.task.end();
            unheard
        })?;
        match unheard.err().or(exits) {
            Some(error) if self.is_to_be_told(py, &error) => error.write_unraisable(py, None),
            Some(error) => return Err(error),
            None => {}
        }
        Ok(Step::Return(py.None().into_bound(py)))
    }

    /// Returns what is to end the program, if no coroutine awaits the call, and would raise it.
    fn exits(&self, py: Python<'_>, outcome: &PyResult<Bound<'_, PyAny>>) -> Option<PyErr> {
        let error = outcome.as_ref().err().filter(|_| self.is_handled)?;
        let exits = error.is_instance_of::<PyKeyboardInterrupt>(py)
            || error.is_instance_of::<PySystemExit>(py);
        exits.then(|| error.clone_ref(py))
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

/// However it ends, nothing is left behind. A Task that is cancelled before it begins never resumes its
/// coroutine.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.task.event_loop.is_closed() {
            if let Some(job) = self.task.take_job() {
                Python::try_attach(|py| match cancelled_error(py) {
                    Ok(error) => drop(job.finish(py, Err(error))),
                    Err(_) => drop(job), // the interpreter exits
                });
            }
        }
        self.task.end();
    }
}

fn cancelled_error(py: Python<'_>) -> PyResult<PyErr> {
    let class = py.import("asyncio")?.getattr("CancelledError")?;
    class.call0().map(PyErr::from_value)
}
