//! An async iterable of Python as a Rust stream, whose items the coroutine awaits in its own Task.

use std::{
    future::Future,
    mem,
    panic::Location,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use futures_util::Stream;
use pyo3::{exceptions::PyStopAsyncIteration, intern, prelude::*};

use super::{
    async_iter::{aiter, anext},
    call::{Call, call_in_task_with},
};
use crate::{
    in_flight::InFlight,
    request::{Job, Request, Task},
};

/// As [`async_iter`](crate::async_iter), in the Task that awaits the Rust future: as if the coroutine
/// said `async for`. For one iterable that is read to its end, and nothing else meanwhile.
///
/// It has the rules of [`call_in_task`](crate::call_in_task), and costs a fraction of the other. When it
/// is dropped before its end, the coroutine awaits `aclose()`, and raises what that raises.
///
/// # Errors
///
/// As [`async_iter`](crate::async_iter).
#[track_caller]
pub fn async_iter_in_task<T, B>(begin: B) -> InTaskIter<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
    B: FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let iterator = Arc::new(OnceLock::new());
    let known = Arc::clone(&iterator);
    let first = call_in_task_with(
        move |py| {
            let iterable = begin(py)?;
            let iterator = aiter(iterable.bind(py))?;
            let first = anext(iterator.bind(py));
            let _ = known.set(iterator);
            first.map(Bound::unbind)
        },
        item_of,
    );
    InTaskIter {
        iterator,
        next: Some(first),
        location: Location::caller(),
    }
}

/// The items of an async iterable. Made by [`async_iter_in_task`].
#[must_use = "no item is taken before the stream is polled"]
pub struct InTaskIter<T> {
    iterator: Arc<Iterator>,
    /// The next item, or the end. None after that.
    next: Option<Call<Option<T>>>,
    location: &'static Location<'static>,
}

/// Known when the first item is asked for.
type Iterator = OnceLock<Py<PyAny>>;

impl<T> Stream for InTaskIter<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
{
    type Item = PyResult<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<PyResult<T>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let item = match Pin::new(next).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(item) => item.transpose(),
        };
        self.next = match &item {
            Some(Ok(_)) => Some(self.ask_for_the_next()),
            _ => None,
        };
        Poll::Ready(item)
    }
}

impl<T> InTaskIter<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py> + Send + 'static,
{
    fn ask_for_the_next(&self) -> Call<Option<T>> {
        let iterator = Arc::clone(&self.iterator);
        call_in_task_with(
            move |py| match iterator.get() {
                Some(iterator) => anext(iterator.bind(py)).map(Bound::unbind),
                None => unreachable!("the first item came from it"),
            },
            item_of,
        )
    }
}

fn item_of<T>(py: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>) -> PyResult<Option<T>>
where
    T: for<'a, 'py> FromPyObject<'a, 'py>,
{
    match outcome {
        Err(error) if error.is_instance_of::<PyStopAsyncIteration>(py) => Ok(None),
        outcome => outcome?.extract().map(Some).map_err(Into::into),
    }
}

/// Whoever awaits the future that drops it closes the iterator.
impl<T> Drop for InTaskIter<T> {
    fn drop(&mut self) {
        if let (Some(_), Some(future)) = (self.next.take(), InFlight::current()) {
            future.ask(Request::InTask(Box::new(Close {
                iterator: mem::take(&mut self.iterator),
                location: self.location,
            })));
        }
    }
}

/// Closes the iterator, whoever is still there to hear of it.
struct Close {
    iterator: Arc<Iterator>,
    location: &'static Location<'static>,
}

impl Job for Close {
    fn location(&self) -> &'static Location<'static> {
        self.location
    }

    fn is_wanted(&self) -> bool {
        true
    }

    fn has_begun(&self, _task: Arc<dyn Task>) {}

    fn begin(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(iterator) = self.iterator.get() else {
            return Ok(None); // it has never begun
        };
        let aclose = iterator.bind(py).getattr_opt(intern!(py, "aclose"))?;
        aclose.map(|it| it.call0().map(Bound::unbind)).transpose()
    }

    fn finish(self: Box<Self>, _: Python<'_>, outcome: PyResult<Bound<'_, PyAny>>) -> PyResult<()> {
        outcome.map(drop)
    }
}
