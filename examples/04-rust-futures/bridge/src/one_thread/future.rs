//! What a Task of this loop waits for: a future of asyncio, as far as a Task asks for one.
//!
//! A future of asyncio has the loop make a handle for each of its callbacks, in Python. Those of this one
//! that resume Tasks are handed over together, all that one look at Rust has completed: the loop has one
//! handle for them (`Wakeups` in `python_side.py`). Callbacks of others go the usual way.
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
    exceptions::asyncio,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{IntoPyDict, PyCFunction, PyList, PyType},
};

use crate::event_loop::{asyncio::Wait, library::wake_each};

/// Only Rust completes it, with None.
#[pyclass(frozen, weakref)]
pub struct Future {
    event_loop: Py<PyAny>,
    /// `await` has yielded it, and no Task has taken it.
    blocking: AtomicBool,
    /// A Task has, and the callback that it adds next is what resumes it.
    taken: AtomicBool,
    /// Never hold this lock while Python code may run.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Outcome,
    callbacks: Vec<Callback>,
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
    /// It is that of a Task in C, which asks its future for nothing but the result.
    resumes_a_task: bool,
}

/// The futures of a loop that has a runtime of its own.
pub struct OwnFutures;

impl Wait for OwnFutures {
    /// By asyncio's own function, which is looked up once: loops of this kind run nowhere but in asyncio.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let get = GET.import(py, "asyncio", "_get_running_loop")?;
        Ok(Some(get.call0()?).filter(|running| !running.is_none()))
    }

    fn wait<'py>(&self, running: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let future = Future {
            event_loop: running.clone().unbind(),
            blocking: true.into(),
            taken: false.into(),
            state: Mutex::default(),
        };
        Bound::new(running.py(), future).map(Bound::into_any)
    }

    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()> {
        let Some(first) = waiters.first() else {
            return Ok(());
        };
        let event_loop = first.cast::<Future>()?.get().event_loop.bind(first.py());
        let mut wakeups = Wakeups::of(event_loop)?;
        let urgent = wake_each(waiters, |waiter| {
            Future::finish(waiter.cast()?, &mut wakeups)
        });
        wakeups.hand_over()?;
        urgent
    }
}

/// Those of Tasks, on their way to the loop's handle for them. What it does for that calls no code in
/// Python, so that no handler of a signal can interrupt it.
struct Wakeups<'py> {
    event_loop: &'py Bound<'py, PyAny>,
    list: Bound<'py, PyList>,
    /// In debug mode the loop tells of each callback that takes long: so each has a handle of its own.
    one_by_one: bool,
}

impl<'py> Wakeups<'py> {
    fn of(event_loop: &'py Bound<'py, PyAny>) -> PyResult<Self> {
        let debug = event_loop.getattr(intern!(event_loop.py(), "_debug"))?;
        Ok(Self {
            event_loop,
            list: PyList::empty(event_loop.py()),
            one_by_one: debug.is_truthy()?,
        })
    }

    /// Has them called in this turn of the loop, or the next, before all that it is asked for later.
    fn hand_over(&mut self) -> PyResult<()> {
        if self.list.is_empty() {
            return Ok(());
        }
        let py = self.event_loop.py();
        self.list.append(py.None())?; // ends what came in together
        let handle = self.event_loop.getattr(intern!(py, "wakeups"))?;
        let coming = handle.getattr(intern!(py, "coming"))?;
        coming.call_method1(intern!(py, "extend"), (&self.list,))?;
        self.list = PyList::empty(py);
        let ready = self.event_loop.getattr(intern!(py, "_ready"))?;
        ready
            .call_method1(intern!(py, "append"), (handle,))
            .map(drop)
    }
}

impl Future {
    /// Has the callbacks run in this turn of the loop, or the next.
    fn finish<'py>(this: &Bound<'py, Self>, wakeups: &mut Wakeups<'py>) -> PyResult<()> {
        for callback in this.get().complete(Outcome::Finished).unwrap_or_default() {
            if callback.resumes_a_task && !wakeups.one_by_one {
                wakeups.list.append((callback.context, callback.function))?;
            } else {
                wakeups.hand_over()?; // first, as these come first
                Self::call_soon(this, &callback)?;
            }
        }
        Ok(())
    }

    /// Returns the callbacks. None if it was done already.
    fn complete(&self, outcome: Outcome) -> Option<Vec<Callback>> {
        let mut state = self.state.lock();
        if !matches!(state.outcome, Outcome::Pending) {
            return None;
        }
        state.outcome = outcome;
        Some(mem::take(&mut state.callbacks))
    }

    fn call_soon(this: &Bound<'_, Self>, callback: &Callback) -> PyResult<()> {
        let py = this.py();
        let keywords = [("context", &callback.context)].into_py_dict(py)?;
        let call = (&callback.function, this);
        let event_loop = this.get().event_loop.bind(py);
        event_loop
            .call_method("call_soon", call, Some(&keywords))
            .map(drop)
    }

    fn take_out(&self, is_meant: impl Fn(&Callback) -> bool) -> Vec<Callback> {
        let mut state = self.state.lock();
        let all = mem::take(&mut state.callbacks).into_iter();
        let (taken, kept) = all.partition(is_meant);
        state.callbacks = kept;
        taken
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

/// Is it a method in C, of a Task?
fn is_of_a_task(function: &Bound<'_, PyAny>) -> PyResult<bool> {
    static TASK: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = function.py();
    if !function.is_exact_instance_of::<PyCFunction>() {
        return Ok(false);
    }
    let task = TASK.import(py, "asyncio", "Task")?;
    function.getattr(intern!(py, "__self__"))?.is_instance(task)
}

/// What a Task asks of a future, and others.
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
        self.taken.store(!blocking, SeqCst);
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
        let taken = this.get().taken.swap(false, SeqCst);
        let callback = Callback {
            resumes_a_task: taken && is_of_a_task(function.bind(py))?,
            function,
            context,
        };
        {
            let mut state = this.get().state.lock();
            if matches!(state.outcome, Outcome::Pending) {
                state.callbacks.push(callback);
                return Ok(());
            }
        }
        Self::call_soon(this, &callback)
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
        let Some(callbacks) = this.get().complete(Outcome::Cancelled(msg)) else {
            return Ok(false);
        };
        for callback in callbacks {
            Self::call_soon(this, &callback)?;
        }
        Ok(true)
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        let Some(state) = self.state.try_lock() else {
            return Ok(()); // somebody has it in hand
        };
        if let Outcome::Cancelled(message) = &state.outcome {
            visit.call(message)?;
        }
        for callback in &state.callbacks {
            visit.call(&callback.function)?;
            visit.call(&callback.context)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let callbacks = mem::take(&mut self.state.lock().callbacks);
        drop(callbacks); // unlocked: Python code may run
    }
}
