//! The functions of this module: each is a stream, handed to the crate.

use std::{convert::Infallible, fs, iter, path::PathBuf, time::Duration};

use futures_util::{FutureExt, Stream, StreamExt, stream};
use pyo3::{exceptions::PyValueError, prelude::*};
use pyo3_await::{AsyncIterator, StreamBuilder};
use tokio::time;

use crate::{
    errors::FileError,
    produced::{Made, Produced},
};

/// Iterates over 0 to `n` - 1, every item ready at once.
#[pyfunction]
pub fn count(n: u64) -> AsyncIterator {
    pyo3_await::inline_stream("count", numbers(n))
}

pub fn numbers(n: u64) -> impl Stream<Item = Result<u64, Infallible>> + Send + 'static {
    stream::iter((0..n).map(Ok))
}

/// As `count`, in lists of 1 to `size` items.
#[pyfunction]
pub fn count_batches(n: u64, size: usize) -> AsyncIterator {
    let builder = StreamBuilder::new("count_batches")
        .ahead(size)
        .batches(size);
    builder.inline(numbers(n))
}

/// Iterates over 0 to `n` - 1, one each `interval` seconds, on tokio's timer.
#[pyfunction]
pub fn ticks(interval: f64, n: u64) -> AsyncIterator {
    let interval = Duration::try_from_secs_f64(interval.max(0.0)).unwrap_or(Duration::MAX);
    let ticks = numbers(n).then(move |number| time::sleep(interval).map(move |()| number));
    pyo3_await::inline_stream("ticks", ticks)
}

/// Iterates over 0 to `n` - 1, made by a task on the runtime that is at most `ahead` items in front of
/// whoever takes them.
#[pyfunction]
#[pyo3(signature = (n, ahead=16))]
pub fn produce(py: Python<'_>, n: u64, ahead: usize) -> PyResult<Produced> {
    let made = Made::default();
    let iterator = pyo3_await::spawn_stream("produce", made.counting(numbers(n)), ahead);
    Produced::new(py, iterator, made)
}

/// As `produce`, in lists of 1 to `size` items: those that are there.
#[pyfunction]
#[pyo3(signature = (n, size, ahead=16))]
pub fn produce_batches(py: Python<'_>, n: u64, size: usize, ahead: usize) -> PyResult<Produced> {
    let made = Made::default();
    let builder = StreamBuilder::new("produce_batches")
        .ahead(ahead)
        .batches(size);
    Produced::new(py, builder.spawn(made.counting(numbers(n))), made)
}

/// Iterates over 0 to `n` - 1, and then raises `ValueError`: what an `Err` becomes.
#[pyfunction]
#[pyo3(signature = (n, *, inline=false))]
pub fn failing(n: u64, inline: bool) -> AsyncIterator {
    let failure = move || Err(PyValueError::new_err(format!("failed after {n} items")));
    let stream = stream::iter((0..n).map(Ok).chain(iter::once_with(failure)));
    either("failing", stream, inline)
}

/// Iterates over 0 to `n` - 1, and then raises `RustPanic`: what a panic becomes.
#[pyfunction]
#[pyo3(signature = (n, *, inline=false))]
pub fn panicking(n: u64, inline: bool) -> AsyncIterator {
    let panic = move || panic!("panicked after {n} items");
    let stream = stream::iter((0..n).map(PyResult::Ok).chain(iter::once_with(panic)));
    either("panicking", stream, inline)
}

/// A helper. Python shows the line of its caller, not one in here.
#[track_caller]
fn either<S>(name: &'static str, stream: S, inline: bool) -> AsyncIterator
where
    S: Stream<Item = PyResult<u64>> + Send + 'static,
{
    if inline {
        pyo3_await::inline_stream(name, stream)
    } else {
        pyo3_await::spawn_stream(name, stream, 16)
    }
}

/// Brings the content of the file at `path` as one item, in the way that a stream must not do it: it
/// waits for the file, and keeps a worker of the runtime waiting, which cannot be interrupted.
#[pyfunction]
pub fn read_blocking(path: PathBuf) -> AsyncIterator {
    let read = async move {
        let text = fs::read_to_string(&path);
        text.map_err(|error| FileError { error, path })
    };
    pyo3_await::spawn_stream("read_blocking", stream::once(read), 1)
}

/// Returns how many Rust streams exist: each from the call that made its iterator until it is
/// exhausted or dropped.
#[pyfunction]
pub fn live_streams() -> usize {
    pyo3_await::alive_streams()
}

/// Returns how many Rust futures exist, such as those of the first stream.
#[pyfunction]
pub fn live_futures() -> usize {
    pyo3_await::alive()
}
