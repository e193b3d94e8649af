//! The lines of a file, read by workers of the runtime.

use std::path::PathBuf;

use futures_util::{Stream, TryFutureExt, TryStreamExt};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyString},
};
use pyo3_await::{AsyncIterator, StreamBuilder};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt, BufReader},
};
use tokio_stream::wrappers::SplitStream;

use crate::errors::FileError;

/// So many lines are read before somebody takes them.
const AHEAD: usize = 256;

/// Iterates over the lines of the text file at `path`, in UTF-8, each as `str` without its end.
///
/// A step raises `OSError` if the file cannot be read, of the class that `open` raises, and
/// `UnicodeDecodeError` if a line is not UTF-8.
#[pyfunction]
pub fn lines(path: PathBuf) -> AsyncIterator {
    let builder = StreamBuilder::new("lines").ahead(AHEAD);
    builder.spawn_with(lines_of(path), decoded)
}

/// Nothing is opened before the stream is polled.
pub fn lines_of(path: PathBuf) -> impl Stream<Item = Result<Vec<u8>, FileError>> + Send + 'static {
    let opened = File::open(path.clone());
    let lines = opened.map_ok(|file| SplitStream::new(BufReader::new(file).split(b'\n')));
    let lines = lines.try_flatten_stream();
    lines.map_err(move |error| FileError {
        error,
        path: path.clone(),
    })
}

/// Attached, on the thread of the loop: so Python itself says what is wrong with the bytes.
pub fn decoded(py: Python<'_>, mut line: Vec<u8>) -> PyResult<Py<PyAny>> {
    if line.ends_with(b"\r") {
        line.pop();
    }
    let text = match std::str::from_utf8(&line) {
        Ok(text) => PyString::new(py, text).into_any(),
        Err(_) => PyBytes::new(py, &line).call_method0("decode")?, // raises
    };
    Ok(text.unbind())
}
