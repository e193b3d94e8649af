//! A class you can await: Rust classes that are awaitable, and one that only looks so.
//!
//! Build it and see: `pip install . && python demo.py`. Then read, in this order, `no_iterator.rs`
//! (what `__await__` alone does not do), `first_try.rs` and `ready.rs` (a value that can be
//! awaited, wrong and right), `handoff.rs` and `backoff.rs` (Rust prepares, then hands over). Of the
//! other files `handoff.rs` alone needs `get_awaitable.rs`, which needs `call_await.rs` and
//! `await_errors.rs`: they do to any awaitable what `await` does. `exercises.rs` is yours.
#![forbid(unsafe_code)]

mod await_errors;
mod backoff;
mod call_await;
mod exercises;
mod first_try;
mod get_awaitable;
mod handoff;
mod no_iterator;
mod ready;
mod solutions;

use pyo3::prelude::*;

/// Rust classes that Python can await.
#[pymodule]
mod awaitable {
    #[pymodule_export]
    use super::{
        backoff::Backoff,
        exercises::MyOnce,
        first_try::FirstTry,
        handoff::Handoff,
        no_iterator::NoIterator,
        ready::Ready,
        solutions::{Once, WithoutIter},
    };
}
