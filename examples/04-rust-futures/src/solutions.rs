//! A solution to the README's second exercise: two futures as one.

use std::path::PathBuf;

use futures_util::future::try_join;
use pyo3::prelude::*;

use pyo3_await::Coroutine;

use crate::functions::digest_of;

/// Awaits to the digests of two files, which are read at the same time.
///
/// Raises `OSError` if one of them cannot be read; the other is not waited for then.
#[pyfunction]
pub fn hash_both(first: PathBuf, second: PathBuf) -> Coroutine {
    pyo3_await::spawn("hash_both", try_join(digest_of(first), digest_of(second)))
}
