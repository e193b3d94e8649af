//! The Python class of every Rust stream.

use std::{
    borrow::Cow,
    convert::Infallible,
    future,
    panic::Location,
    sync::atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyTuple};

use super::{
    producer,
    rust_stream::{self, SharedStream},
    step::{Close, Next},
};
use crate::{
    coroutine::{Coroutine, pending::keep_pending},
    event_loop,
    fork::ForkGuarded,
    in_flight::Schedule,
};

/// An async iterator over a Rust stream.
///
/// `async for` and `anext` take its items. `aclose`, the end of `async with` and dropping it drop the
/// stream.
#[pyclass(frozen, weakref, generic)]
pub struct AsyncIterator {
    options: Options,
    stream: ForkGuarded<SharedStream>,
    /// A step is under way.
    stepping: AtomicBool,
    /// How many steps in a row have not suspended. Only the step that is under way asks.
    in_a_row: AtomicUsize,
}

pub struct Options {
    pub name: Cow<'static, str>,
    pub place: &'static Location<'static>,
    /// A task on the runtime polls the stream, and not its steps.
    pub spawned: bool,
    /// A step that is cancelled ends the stream.
    pub ends_when_cancelled: bool,
}

/// As many steps in a row return without a suspension: then the other tasks of the loop have their
/// turn. A stream whose items are always there would keep them from running for ever.
const BUDGET: usize = 128;

impl AsyncIterator {
    pub(super) fn new(stream: SharedStream, options: Options) -> Self {
        Self {
            options,
            stream: ForkGuarded::new("a Rust stream", stream),
            stepping: AtomicBool::new(false),
            in_a_row: AtomicUsize::new(0),
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// # Errors
    ///
    /// `RuntimeError` in a child process.
    pub(super) fn stream(&self) -> PyResult<&SharedStream> {
        self.stream.get()
    }

    /// # Errors
    ///
    /// `RuntimeError` if another step is under way, in the words of an async generator.
    pub(super) fn begin_step(&self) -> PyResult<()> {
        if self.stepping.swap(true, Acquire) {
            return Err(PyRuntimeError::new_err(
                "anext(): asynchronous generator is already running",
            ));
        }
        Ok(())
    }

    pub(super) fn end_step(&self) {
        self.stepping.store(false, Release);
    }

    /// May one more step return without a suspension? If not, the count begins anew.
    pub(super) fn may_go_on(&self) -> bool {
        let in_a_row = self.in_a_row.load(Relaxed) + 1;
        let may_go_on = in_a_row <= BUDGET;
        self.in_a_row
            .store(if may_go_on { in_a_row } else { 0 }, Relaxed);
        may_go_on
    }

    pub(super) fn has_suspended(&self) {
        self.in_a_row.store(0, Relaxed);
    }

    /// Has the stream polled from now on, if steps do not do that.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if no event loop is running, `OSError` if the runtime cannot be started.
    pub(super) fn start(&self, py: Python<'_>) -> PyResult<()> {
        let stream = self.stream()?;
        if self.options.spawned && !stream.production().is_at_work() {
            let event_loop = event_loop::running(py)?;
            producer::start(stream, event_loop.runtime());
        }
        Ok(())
    }

    /// Drops the stream, or has whoever polls it at this moment drop it.
    pub(super) fn close(&self, py: Python<'_>) {
        let Ok(stream) = self.stream.get() else {
            return; // a child lets go of its copy
        };
        rust_stream::close(py, &**stream);
        stream.production().abort();
    }
}

#[pymethods]
impl AsyncIterator {
    /// The crate whose library this file is compiled into.
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    fn __aiter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    /// Resolves to the next item. A step that is cancelled takes none with it.
    ///
    /// Raises `StopAsyncIteration` at the end, after an error, and when it has been closed; what the
    /// stream failed with; `RustPanic` if it panics; `RuntimeError` if another step is under way.
    fn __anext__(this: Bound<'_, Self>) -> Coroutine {
        let Options { name, place, .. } = &this.get().options;
        let (name, place) = (name.clone(), *place);
        Coroutine::new(name, place, Next::new(this.unbind()))
    }

    /// Ends the iterator. Resolves to None when the stream has been dropped.
    ///
    /// A step that is under way raises `StopAsyncIteration`.
    fn aclose(this: Bound<'_, Self>) -> Coroutine {
        let place = this.get().options.place;
        Coroutine::new("AsyncIterator.aclose", place, Close::new(this.unbind()))
    }

    /// Resolves to the iterator itself.
    fn __aenter__(this: Py<Self>) -> Coroutine {
        let entered = future::ready(Ok::<_, Infallible>(this));
        crate::inline("AsyncIterator.__aenter__", entered)
    }

    /// As `aclose`.
    #[pyo3(signature = (*_exception))]
    fn __aexit__(this: Bound<'_, Self>, _exception: Bound<'_, PyTuple>) -> Coroutine {
        Self::aclose(this)
    }
}

impl Drop for AsyncIterator {
    fn drop(&mut self) {
        Python::try_attach(|py| keep_pending(py, || self.close(py)));
    }
}
