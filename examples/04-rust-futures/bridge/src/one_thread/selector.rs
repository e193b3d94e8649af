//! The selector of a loop: asyncio asks it for events, and so it is where the loop waits.

use std::{
    mem,
    os::fd::RawFd,
    sync::{Arc, OnceLock},
    time::Duration,
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    call::PyCallArgs,
    exceptions::{PyNotImplementedError, PyRuntimeError},
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple},
};
use tokio::runtime::Handle;

use super::{future::OwnFutures, reactor::Reactor};
use crate::{
    coroutine::pending::keep_pending,
    event_loop::{self, EventLoop, asyncio::Asyncio, executor::Executor},
    exit::{self, StepGuard},
    fork::{Guarded, not_here},
    runtime::{self, os_error},
};

static LIBRARY: Asyncio<OwnFutures> = Asyncio(OwnFutures);

/// A selector of the standard library, whose events are waited for in a tokio runtime.
#[pyclass(frozen)]
pub struct Selector {
    /// Keeps what Python registers.
    inner: Py<PyAny>,
    rust: Guarded<Rust>,
}

/// What a child process must not touch.
struct Rust {
    reactor: Mutex<Place>,
    runtime: Handle,
    executor: Arc<Executor>,
    /// Known once the loop has been made, which is given this selector.
    event_loop: OnceLock<Arc<EventLoop>>,
}

/// Where the reactor is. Whoever visits it has taken it out, so that nobody else can.
enum Place {
    Here(Box<Reactor>),
    Visited,
    Closed,
}

impl Selector {
    /// # Errors
    ///
    /// `OSError` if the process has no file descriptors left, `NotImplementedError` if this system has
    /// no selector that can be waited for.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        runtime::prepare(py)?;
        let inner = py.import("selectors")?.call_method0("DefaultSelector")?;
        match Rust::new(&inner) {
            Ok(rust) => Ok(Self {
                inner: inner.unbind(),
                rust: Guarded::new(rust),
            }),
            Err(error) => {
                inner.call_method0("close")?; // it holds itself, and so would stay open
                Err(error)
            }
        }
    }

    /// Makes the loop known that has been given this selector.
    pub fn serve(&self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let rust = self.rust()?;
        let (runtime, executor) = (rust.runtime.clone(), Arc::clone(&rust.executor));
        let event_loop = event_loop::with_own_runtime(&LIBRARY, object, runtime, executor)?;
        let _ = rust.event_loop.set(event_loop);
        Ok(())
    }

    fn rust(&self) -> PyResult<&Rust> {
        self.rust.get().ok_or_else(|| not_here("an event loop"))
    }
}

#[pymethods]
impl Selector {
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    /// Waits for something to do: up to `timeout` seconds, or without an end if that is None. Returns
    /// the events of what Python has registered.
    ///
    /// Futures that have come in are delivered before it returns, so that the loop resumes their tasks
    /// in the same turn. Raises what handlers of signals raise.
    #[pyo3(signature = (timeout=None))]
    fn select<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let _step = StepGuard::new(py);
        let rust = self.rust()?;
        let (Some(mut reactor), Some(event_loop)) = (rust.take()?, rust.event_loop.get()) else {
            return self.call(py, intern!(py, "select"), (timeout,), None); // closed: that raises
        };
        event_loop.runs_here();
        let events = self.visit(py, &mut reactor, event_loop, timeout);
        *rust.reactor.lock() = Place::Here(reactor); // before handlers of signals run, which may do anything
        let events = events?.unwrap_or_else(|| PyList::empty(py).into_any());
        py.check_signals()?;
        event_loop.deliver(py)?;
        Ok(events)
    }

    /// Ends what is in flight on the loop, and closes the selector. Raises `RuntimeError` if a thread
    /// waits in it.
    pub fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.close_rust(py)?;
        self.call(py, intern!(py, "close"), (), None).map(drop)
    }

    #[pyo3(signature = (*arguments, **keywords))]
    fn register<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        self.call(py, intern!(py, "register"), arguments, keywords)
    }

    fn unregister<'py>(&self, fileobj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = fileobj.py();
        self.call(py, intern!(py, "unregister"), (fileobj,), None)
    }

    #[pyo3(signature = (*arguments, **keywords))]
    fn modify<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        self.call(py, intern!(py, "modify"), arguments, keywords)
    }

    fn get_key<'py>(&self, fileobj: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = fileobj.py();
        self.call(py, intern!(py, "get_key"), (fileobj,), None)
    }

    fn get_map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.call(py, intern!(py, "get_map"), (), None)
    }

    fn fileno<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.call(py, intern!(py, "fileno"), (), None)
    }

    /// A loop that nobody holds is garbage, and so are those that wait for it, and for nothing else.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)?;
        match self.rust.get().and_then(|rust| rust.event_loop.get()) {
            Some(event_loop) => event_loop.traverse(&visit),
            None => Ok(()),
        }
    }

    fn __clear__(&self) {
        let _ = Python::try_attach(|py| keep_pending(py, || self.close_rust(py)));
    }
}

impl Selector {
    /// Gives Rust its turn, or waits if there is nothing to do for Python. Returns the events of the
    /// inner selector, if it has any.
    fn visit<'py>(
        &self,
        py: Python<'py>,
        reactor: &mut Reactor,
        event_loop: &EventLoop,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let events = self.events(py, reactor)?;
        let waits = events.is_none() && timeout.is_none_or(|timeout| timeout > 0.0);
        let limit = timeout.and_then(|timeout| Duration::try_from_secs_f64(timeout).ok());
        py.detach(|| {
            exit::waits(|| {
                if waits {
                    reactor.wait(event_loop, limit)
                } else {
                    reactor.take_turn()
                }
            })
        })?;
        match events {
            Some(events) => Ok(Some(events)),
            None => self.events(py, reactor),
        }
    }

    /// Asks the inner selector, unless it is known to have nothing.
    fn events<'py>(
        &self,
        py: Python<'py>,
        reactor: &mut Reactor,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !reactor.ask_selector {
            return Ok(None);
        }
        let events = self.call(py, intern!(py, "select"), (0,), None)?;
        reactor.ask_selector = !events.is_empty()?;
        Ok(Some(events).filter(|_| reactor.ask_selector))
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &Bound<'py, PyString>,
        arguments: impl PyCallArgs<'py>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.inner
            .bind(py)
            .getattr(method)?
            .call(arguments, keywords)
    }

    fn close_rust(&self, py: Python<'_>) -> PyResult<()> {
        match self.rust.get() {
            Some(rust) => rust.close(py),
            None => Ok(()), // a child's copy of its parent's loop
        }
    }
}

impl Drop for Selector {
    fn drop(&mut self) {
        let _ = Python::try_attach(|py| keep_pending(py, || self.close_rust(py)));
    }
}

impl Rust {
    fn new(selector: &Bound<'_, PyAny>) -> PyResult<Self> {
        let executor = Arc::new(Executor::new());
        let reactor = Reactor::new(descriptor_of(selector)?, Arc::clone(&executor));
        let (reactor, runtime) = reactor.map_err(|error| os_error(&error))?;
        Ok(Self {
            reactor: Mutex::new(Place::Here(Box::new(reactor))),
            runtime,
            executor,
            event_loop: OnceLock::new(),
        })
    }

    /// Takes the reactor out. None if the selector is closed.
    fn take(&self) -> PyResult<Option<Box<Reactor>>> {
        let mut place = self.reactor.lock();
        match mem::replace(&mut *place, Place::Visited) {
            Place::Here(reactor) => Ok(Some(reactor)),
            Place::Visited => Err(PyRuntimeError::new_err("a thread waits in this event loop")),
            Place::Closed => {
                *place = Place::Closed;
                Ok(None)
            }
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(reactor) = self.take()? else {
            return Ok(());
        };
        if let Some(event_loop) = self.event_loop.get() {
            event_loop.close(py);
        }
        *self.reactor.lock() = Place::Closed;
        py.detach(|| drop(reactor));
        Ok(())
    }
}

/// # Errors
///
/// `NotImplementedError` if this selector asks each of its descriptors, instead of having the kernel
/// keep a set of them.
fn descriptor_of(selector: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    match selector.getattr_opt(intern!(selector.py(), "fileno"))? {
        Some(fileno) => fileno.call0()?.extract(),
        None => Err(PyNotImplementedError::new_err(
            "this system has no selector that can itself be waited for: use asyncio.new_event_loop()",
        )),
    }
}
