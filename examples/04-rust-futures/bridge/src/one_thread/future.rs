//! What a Task of this loop waits for: a future of asyncio, as far as a Task asks for one.
//!
//! A future of asyncio has the loop make a handle for each of its callbacks, in Python. This one is the handle
//! of the Task's callback itself: when it is done, the loop finds it among what is to be run in this turn.
//! Callbacks of others go the usual way.
//!
//! Sources: `task_step_impl` and `task_wakeup` in CPython's `Modules/_asynciomodule.c`, `Handle` in
//! `Lib/asyncio/events.py`, `_run_once` in `Lib/asyncio/base_events.py`.

use std::{
    mem,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyAttributeError, asyncio},
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{IntoPyDict, PyCFunction, PyType},
};

use crate::event_loop::asyncio::Wait;

/// Only Rust completes it, with None.
#[pyclass(frozen, weakref)]
pub struct Future {
    event_loop: Py<PyAny>,
    /// `await` has yielded it, and no Task has taken it.
    blocking: AtomicBool,
    /// Never hold this lock while Python code may run.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Outcome,
    callbacks: Vec<Callback>,
    /// That of the Task, once it is among the loop's handles.
    wakeup: Option<Callback>,
}

#[derive(Default)]
enum Outcome {
    #[default]
    Pending,
    Finished,
    /// With the message, if there is one.
    Cancelled(Option<Py<PyAny>>),
}

struct Callback {
    function: Py<PyAny>,
    context: Py<PyAny>,
}

/// The futures of a loop that has a runtime of its own.
pub struct OwnFutures;

impl Wait for OwnFutures {
    fn wait<'py>(&self, running: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let future = Future {
            event_loop: running.clone().unbind(),
            blocking: true.into(),
            state: Mutex::default(),
        };
        Bound::new(running.py(), future).map(Bound::into_any)
    }

    fn wake(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        Future::complete(waiter.cast()?, Outcome::Finished).map(drop)
    }
}

impl Callback {
    /// Such a one raises nothing that a handle would have to tell of.
    fn resumes_a_task(&self, py: Python<'_>) -> PyResult<bool> {
        let Ok(function) = self.function.bind(py).cast_exact::<PyCFunction>() else {
            return Ok(false);
        };
        let name = intern!(py, "__name__");
        function.getattr(name)?.eq(intern!(py, "task_wakeup"))
    }
}

impl Future {
    /// Says whether it was pending. Has its callbacks run in this turn of the loop, or the next.
    fn complete(this: &Bound<'_, Self>, outcome: Outcome) -> PyResult<bool> {
        let callbacks = {
            let mut state = this.get().state.lock();
            if !matches!(state.outcome, Outcome::Pending) {
                return Ok(false);
            }
            state.outcome = outcome;
            mem::take(&mut state.callbacks)
        };
        for callback in callbacks {
            Self::run_soon(this, callback)?;
        }
        Ok(true)
    }

    fn run_soon(this: &Bound<'_, Self>, callback: Callback) -> PyResult<()> {
        let py = this.py();
        let event_loop = this.get().event_loop.bind(py);
        if this.get().is_handle() || !callback.resumes_a_task(py)? {
            let keywords = [("context", &callback.context)].into_py_dict(py)?;
            let call = (&callback.function, this);
            return event_loop
                .call_method("call_soon", call, Some(&keywords))
                .map(drop);
        }
        this.get().state.lock().wakeup = Some(callback);
        let ready = event_loop.getattr(intern!(py, "_ready"))?;
        ready.call_method1(intern!(py, "append"), (this,))?;
        Ok(())
    }

    fn take_out(&self, is_meant: impl Fn(&Callback) -> bool) -> Vec<Callback> {
        let mut state = self.state.lock();
        let all = mem::take(&mut state.callbacks).into_iter();
        let (taken, kept) = all.partition(is_meant);
        state.callbacks = kept;
        taken
    }

    fn is_handle(&self) -> bool {
        self.state.lock().wakeup.is_some()
    }

    fn end(&self, py: Python<'_>, not_yet: &'static str) -> PyResult<()> {
        let message = match &self.state.lock().outcome {
            Outcome::Finished => return Ok(()),
            Outcome::Pending => return Err(asyncio::InvalidStateError::new_err(not_yet)),
            Outcome::Cancelled(message) => message.as_ref().map(|it| it.clone_ref(py)),
        };
        Err(match message {
            Some(message) => asyncio::CancelledError::new_err((message,)),
            None => asyncio::CancelledError::new_err(()),
        })
    }

    fn is_done(&self) -> bool {
        !matches!(self.state.lock().outcome, Outcome::Pending)
    }
}

/// What a Task asks of a future, and a loop of a handle.
#[pymethods]
impl Future {
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.blocking.load(SeqCst)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.blocking.store(blocking, SeqCst);
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (function, /, *, context=None))]
    fn add_done_callback(
        this: &Bound<'_, Self>,
        function: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let py = this.py();
        let context = match context {
            Some(context) => context,
            None => py
                .import("contextvars")?
                .call_method0("copy_context")?
                .unbind(),
        };
        let callback = Callback { function, context };
        {
            let mut state = this.get().state.lock();
            if matches!(state.outcome, Outcome::Pending) {
                state.callbacks.push(callback);
                return Ok(());
            }
        }
        Self::run_soon(this, callback)
    }

    /// Returns how many of these there were.
    fn remove_done_callback(&self, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = function.py();
        let known: Vec<_> = {
            let state = self.state.lock();
            let functions = state.callbacks.iter().map(|it| it.function.clone_ref(py));
            functions.collect()
        };
        let mut equal = Vec::new();
        for known in known {
            if known.bind(py).eq(function)? {
                equal.push(known);
            }
        }
        let removed = self.take_out(|callback| equal.iter().any(|it| it.is(&callback.function)));
        Ok(removed.len())
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(this: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        Self::complete(this, Outcome::Cancelled(msg))
    }

    fn cancelled(&self) -> bool {
        matches!(self.state.lock().outcome, Outcome::Cancelled(_))
    }

    fn done(&self) -> bool {
        self.is_done()
    }

    fn result(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py, "Result is not set.")
    }

    fn exception(&self, py: Python<'_>) -> PyResult<()> {
        self.end(py, "Exception is not set.") // None, too: it has no other than its cancellation
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// A step of `await`: itself, until it is done.
    fn __next__(this: Bound<'_, Self>) -> PyResult<Option<Bound<'_, Self>>> {
        if this.get().is_done() {
            return this.get().result(this.py()).map(|()| None);
        }
        this.get().blocking.store(true, SeqCst);
        Ok(Some(this))
    }

    fn __repr__(&self) -> &'static str {
        match self.state.lock().outcome {
            Outcome::Pending => "<Future pending>",
            Outcome::Finished => "<Future finished result=None>",
            Outcome::Cancelled(_) => "<Future cancelled>",
        }
    }

    // From here on, what a loop asks of a handle.

    #[classattr]
    #[pyo3(name = "_cancelled")]
    const CANCELLED: bool = false;

    #[classattr]
    #[pyo3(name = "_source_traceback")]
    const SOURCE_TRACEBACK: Option<bool> = None;

    /// The Task's, which a loop in debug mode names if it took long.
    #[getter(_callback)]
    fn callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = self.state.lock();
        state.wakeup.as_ref().map(|it| it.function.clone_ref(py))
    }

    /// Returns what the loop calls: the Task's callback, in its context. No Rust is on the stack while the
    /// Task runs: see `exit.rs`.
    #[getter(_run)]
    fn run<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static PARTIAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let py = this.py();
        let (function, context) = match &this.get().state.lock().wakeup {
            Some(wakeup) => (wakeup.function.clone_ref(py), wakeup.context.clone_ref(py)),
            None => return Err(PyAttributeError::new_err("_run")), // it is no handle
        };
        let run = context.bind(py).getattr(intern!(py, "run"))?;
        let partial = PARTIAL.import(py, "functools", "partial")?;
        partial.call1((run, function, this))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        let Some(state) = self.state.try_lock() else {
            return Ok(()); // somebody has it in hand
        };
        if let Outcome::Cancelled(message) = &state.outcome {
            visit.call(message)?;
        }
        for callback in state.callbacks.iter().chain(&state.wakeup) {
            visit.call(&callback.function)?;
            visit.call(&callback.context)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let callbacks = {
            let mut state = self.state.lock();
            (mem::take(&mut state.callbacks), state.wakeup.take())
        };
        drop(callbacks); // unlocked: Python code may run
    }
}
