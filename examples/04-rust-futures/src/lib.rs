//! Rust futures as Python awaitables.
//!
//! Build it and see: `pip install . && python demo.py`. Then read `functions.rs` (what it is to use
//! the bridge), `first_try.rs` (a bridge in a page, and what is wrong with it), and the crate in the
//! folder `bridge`, from its `src/lib.rs`.
#![forbid(unsafe_code)]

mod errors;
mod exercises;
mod first_try;
mod functions;
mod logging;
mod own_runtime;
mod solutions;
mod work;

use pyo3::prelude::*;

/// Rust futures as Python awaitables.
#[pymodule]
mod rust_futures {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::{
        exercises::my_hash_both,
        first_try::{FirstTry, first_try_compute, first_try_sleep, first_try_steps},
        functions::{
            compute, digest, explode, explode_when_dropped, fail, hash_file, inline_sleep,
            inline_yield_now, live_futures, pending, read_blocking, ready, set_worker_threads,
            sleep, steps, write_both, yield_now,
        },
        logging::{collect_logs, next_logs},
        own_runtime::{Goodbye, bring_builder, bring_runtime, goodbyes, worker_name},
        solutions::hash_both,
        work::beat,
    };
    #[pymodule_export]
    use pyo3_await::{Coroutine, RustPanic, one_thread::event_loop};

    /// Frameworks ask whether to await what a function returns.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        pyo3_await::mark_coroutine_functions(module, &["hash_file"])
    }
}
