//! A solution to the README's second exercise: two streams as one.

use std::path::PathBuf;

use futures_util::stream;
use pyo3::prelude::*;
use pyo3_await::{AsyncIterator, StreamBuilder};

use crate::lines::{decoded, lines_of};

/// Iterates over the lines of two files, which are read at the same time: each line as it comes.
///
/// Raises as `lines`, as soon as one of them cannot be read.
#[pyfunction]
pub fn merged_lines(first: PathBuf, second: PathBuf) -> AsyncIterator {
    let merged = stream::select(lines_of(first), lines_of(second));
    StreamBuilder::new("merged_lines")
        .ahead(16)
        .spawn_with(merged, decoded)
}
