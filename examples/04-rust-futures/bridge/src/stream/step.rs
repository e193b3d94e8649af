//! What the coroutines of an async iterator do when they are resumed: take an item, or end it.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyGeneratorExit, PyStopAsyncIteration},
    prelude::*,
};
use tokio::runtime::Handle;

use super::{iterator::AsyncIterator, producer, rust_stream::SharedStream};
use crate::{
    body::{self, First, Manner, RustBody},
    coroutine::{Body, Input, Step},
    exit::StepGuard,
    rust_future::RustFuture,
};

/// The body of `__anext__`.
pub struct Next {
    iterator: Py<AsyncIterator>,
    stage: Stage,
}

enum Stage {
    Created,
    /// It takes what is there. No other step may begin, also in those below.
    Taking,
    /// It waits for an item. Boxed, as most steps never do.
    Waiting(Box<RustBody>),
    /// It has been cancelled, and ends the stream.
    Closing(Box<Closing>),
}

impl Next {
    pub fn new(iterator: Py<AsyncIterator>) -> Self {
        let stage = Stage::Created;
        Self { iterator, stage }
    }

    /// What is there is handed over at once. If nothing is, or the other tasks of the loop are to have
    /// their turn, the step waits as the coroutine of any future does.
    fn begin<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        let iterator = self.iterator.get();
        let stream = iterator.stream()?;
        iterator.begin_step()?;
        self.stage = Stage::Taking;
        iterator.start(py)?;
        let may_go_on = iterator.may_go_on();
        if let Some(taken) = may_go_on.then(|| stream.take(py)).flatten() {
            return Ok(Step::Return(taken?.into_bound(py)));
        }
        let mut item = NextItem {
            stream: stream.clone(),
            inline: !iterator.options().spawned,
            yields_first: !may_go_on,
        };
        let unboxed: Pin<&mut NextItem> = Pin::new(&mut item); // many are ready at once
        match body::poll_first(py, unboxed)? {
            First::Ready => Ok(Step::Return(item.taken(py)?.into_bound(py))),
            First::Pending(pending) => {
                let (body, step) = RustBody::pending(py, Box::pin(item), pending)?;
                self.stage = Stage::Waiting(Box::new(body));
                step
            }
        }
    }

    fn go_on<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let step = match &mut self.stage {
            Stage::Waiting(body) => body.resume(py, input),
            Stage::Closing(closing) => closing.resume(py, input),
            Stage::Created | Stage::Taking => self.begin(py),
        };
        if let Ok(Step::Yield(_)) = step {
            self.iterator.get().has_suspended();
        }
        step
    }

    /// An error of the stream's own comes when that is over. Any other is a cancellation, which asyncio
    /// throws, and trio has raised inside the wait.
    fn ends_with_a_step(&self) -> bool {
        let iterator = self.iterator.get();
        iterator.options().ends_when_cancelled
            && iterator.stream().is_ok_and(|stream| !stream.is_over())
    }

    /// Ends the stream, and raises `error` when it has been dropped. A request to exit takes no "not
    /// yet": it is raised at once.
    fn end<'py>(&mut self, py: Python<'py>, error: PyErr) -> PyResult<Step<'py>> {
        let iterator = self.iterator.get();
        if error.is_instance_of::<PyGeneratorExit>(py) {
            iterator.close(py);
            return Err(error);
        }
        let closing = Closing::begin(py, iterator, Some(error.into_value(py)));
        self.stage = Stage::Closing(Box::new(closing));
        self.go_on(py, none(py))
    }
}

impl Body for Next {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let _step = StepGuard::new(py);
        let waited = matches!(self.stage, Stage::Waiting(_));
        match self.go_on(py, input) {
            Err(error) if waited && self.ends_with_a_step() => self.end(py, error),
            step => step,
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        match &self.stage {
            Stage::Waiting(body) => body.awaits(),
            Stage::Closing(closing) => closing.awaits(),
            Stage::Created | Stage::Taking => None,
        }
    }

    fn tells_awaiters_apart(&self) -> bool {
        true
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        match &self.stage {
            Stage::Waiting(body) => body.traverse(visit),
            Stage::Closing(closing) => closing.traverse(visit),
            Stage::Created | Stage::Taking => Ok(()),
        }
    }
}

/// However the step ends, the next one may begin.
impl Drop for Next {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Created) {
            self.iterator.get().end_step();
        }
    }
}

/// The body of `aclose`.
pub struct Close {
    iterator: Py<AsyncIterator>,
    closing: Option<Closing>,
}

impl Close {
    pub fn new(iterator: Py<AsyncIterator>) -> Self {
        let closing = None;
        Self { iterator, closing }
    }
}

impl Body for Close {
    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let begin = || Closing::begin(py, self.iterator.get(), None);
        self.closing.get_or_insert_with(begin).resume(py, input)
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        self.closing.as_ref()?.awaits()
    }

    fn tells_awaiters_apart(&self) -> bool {
        true
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        self.closing
            .as_ref()
            .map_or(Ok(()), |it| it.traverse(visit))
    }
}

/// The stream is closed. A worker may be polling it, and drops it when the poll returns.
struct Closing {
    /// What drops it, if that has not been done, and waits for that and for the end of what it called.
    end: Option<RustBody>,
    /// What to raise then.
    thrown: Option<Py<PyBaseException>>,
}

impl Closing {
    fn begin(
        py: Python<'_>,
        iterator: &AsyncIterator,
        thrown: Option<Py<PyBaseException>>,
    ) -> Self {
        let is_over = iterator.stream().is_ok_and(|stream| stream.is_over());
        if iterator.options().spawned || is_over {
            iterator.close(py); // also one that is over: its last items may be there
        }
        let stream = iterator.stream().ok().filter(|stream| !stream.is_over());
        let end = stream.map(|stream| Box::pin(End(stream.clone())));
        Self {
            end: end.map(|end| RustBody::new(end, Manner::INLINE.uncancellable())),
            thrown,
        }
    }

    fn resume<'py>(&mut self, py: Python<'py>, input: Input<'py>) -> PyResult<Step<'py>> {
        let step = match &mut self.end {
            Some(end) => end.resume(py, input)?,
            None => Step::Return(py.None().into_bound(py)),
        };
        match (&step, &self.thrown) {
            (Step::Return(_), Some(thrown)) => {
                Err(PyErr::from_value(thrown.bind(py).clone().into_any()))
            }
            _ => Ok(step),
        }
    }

    fn awaits(&self) -> Option<&Py<PyAny>> {
        self.end.as_ref()?.awaits()
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.thrown)?;
        self.end.as_ref().map_or(Ok(()), |end| end.traverse(visit))
    }
}

/// Resolves to the next item of a stream. It is not in here before it is taken, so to drop this loses
/// nothing.
struct NextItem {
    stream: SharedStream,
    /// Nobody else polls the stream.
    inline: bool,
    /// It is not ready when it is polled for the first time, and wakes itself.
    yields_first: bool,
}

impl RustFuture for NextItem {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if mem::take(&mut self.yields_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let stream = &self.stream;
        while self.inline && stream.has_room() && stream.poll_make(context) == Poll::Ready(true) {}
        let polled = stream.poll_item(context);
        // After that: one that goes meanwhile wakes this step.
        if polled.is_pending() && !self.inline && !stream.production().is_at_work() {
            producer::start(stream, &Handle::current());
        }
        polled
    }

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        Some(self.taken(py))
    }
}

impl NextItem {
    /// If somebody has closed the stream meanwhile, there is none.
    fn taken(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let taken = self.stream.take(py);
        taken.unwrap_or_else(|| Err(PyStopAsyncIteration::new_err(())))
    }
}

/// Drops a stream, and resolves to None when it has been dropped.
struct End(SharedStream);

impl RustFuture for End {
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.close();
        self.0.poll_end(context)
    }

    fn take(self: Pin<&mut Self>, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        Some(Ok(py.None()))
    }
}

fn none(py: Python<'_>) -> Input<'_> {
    Input::Send(py.None().into_bound(py))
}
