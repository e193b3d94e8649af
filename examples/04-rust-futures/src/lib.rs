//! Rust futures as Python awaitables.
//!
//! Build it and see: `pip install . && python demo.py`. Then read `functions.rs` (what it is to use
//! the bridge), `first_try.rs` (a bridge in a page, and what is wrong with it), and the folder
//! `bridge`, from its `mod.rs`.
#![forbid(unsafe_code)]

mod bridge;
mod connection;
mod errors;
mod first_try;
mod functions;
mod solutions;
mod stream;
mod work;

use pyo3::prelude::*;

/// Rust futures as Python awaitables.
#[pymodule]
mod rust_futures {
    use pyo3::prelude::*;

    use crate::bridge;
    #[pymodule_export]
    use crate::{
        bridge::{Coroutine, set_worker_threads},
        connection::{Connection, open_connection},
        first_try::{FirstTry, first_try_compute, first_try_sleep, first_try_steps},
        functions::{
            compute, explode, fail, hash_file, live_futures, pending, polled_sleep,
            polled_yield_now, read_blocking, ready, sleep, steps, yield_now,
        },
        solutions::hash_both,
        work::beat,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        bridge::set_up(module)
    }
}
