//! Rust streams as Python's asynchronous iterators.
//!
//! Build it and see: `pip install . && python demo.py`. Then read `functions.rs` and `lines.rs` (what
//! it is to use the crate), `first_try.rs` (a stream in a page, and what is wrong with it), and the
//! crate's folder `src/stream`, from its `mod.rs`.
#![forbid(unsafe_code)]

mod channel;
mod errors;
mod exercises;
mod first_try;
mod functions;
mod lines;
mod produced;
mod solutions;

use pyo3::prelude::*;

/// Rust streams as Python's asynchronous iterators.
#[pymodule]
mod rust_streams {
    #[pymodule_export]
    use crate::{
        channel::{Sender, channel},
        exercises::my_merged_lines,
        first_try::{FirstTry, first_try_count},
        functions::{
            count, count_batches, failing, live_futures, live_streams, panicking, produce,
            produce_batches, read_blocking, ticks,
        },
        lines::lines,
        produced::Produced,
        solutions::merged_lines,
    };
    #[pymodule_export]
    use pyo3_await::{AsyncIterator, Coroutine, RustPanic, one_thread::event_loop};
}
