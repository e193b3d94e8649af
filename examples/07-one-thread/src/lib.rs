//! An event loop of asyncio that is a tokio runtime: one thread runs Python's tasks and Rust's futures.
//!
//! Build it and see: `pip install . && python demo.py`. Then read `functions.rs` (futures, as in chapter
//! 04), and in the crate `../04-rust-futures/bridge` the folder `src/one_thread`, from its `mod.rs`.
#![forbid(unsafe_code)]

mod auth;
mod connection;
mod errors;
mod exercises;
mod functions;
mod http;
mod redis;
mod solutions;
mod stream;

use pyo3::prelude::*;

/// An event loop of asyncio that is a tokio runtime.
#[pymodule]
mod one_thread {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::connection::{Connection, open_connection};
    #[pymodule_export]
    use crate::functions::{
        count_in_turns, hog, live_futures, local_pending, pending, polled_on, polls, read_blocking,
        read_file, sleep, spin, steps, this_thread, write_both, yield_now,
    };
    #[pymodule_export]
    use crate::{
        exercises::my_ping_pong,
        http::{Answer, get},
        redis::{Redis, RedisReplyError, connect},
        solutions::ping_pong,
    };
    #[pymodule_export]
    use pyo3_await::{
        AsyncIterator, Coroutine, RustPanic,
        one_thread::{event_loop, run},
    };

    /// Frameworks ask whether to await what a function returns.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let names = [
            "open_connection",
            "Connection.read",
            "Connection.readexactly",
            "Connection.readline",
            "Connection.write",
        ];
        pyo3_await::mark_coroutine_functions(module, &names)
    }
}
