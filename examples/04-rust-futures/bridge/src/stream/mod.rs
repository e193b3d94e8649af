//! A Rust stream as an async iterator of Python.
//!
//! - `buffer.rs`: the items between whoever makes them and whoever takes them;
//! - `rust_stream.rs`: a stream of any type, with its buffer, as one type;
//! - `producer.rs`: the task on the runtime that polls a stream which is spawned;
//! - `iterator.rs`: the Python class;
//! - `step.rs`: what its coroutines do when they are resumed: one step, or the end;
//! - `builder.rs`: makes an iterator, with all that there is to say of it.

mod buffer;
mod builder;
mod iterator;
mod producer;
mod rust_stream;
mod step;

/// The locks of the hand-over: the model checker puts its own in their place.
mod sync {
    pub use std::sync::{Mutex, MutexGuard, PoisonError};
}

pub use builder::{StreamBuilder, inline_stream, spawn_stream};
pub use iterator::AsyncIterator;
