//! Python awaited from Rust.
//!
//! Build it and see: `pip install . && python demo.py`. Then read `functions.rs`: each function is a
//! handful of lines over the crate in `../04-rust-futures/bridge`.
#![forbid(unsafe_code)]

mod elsewhere;
mod exercises;
mod first_try;
mod functions;
mod held;
mod in_the_task;
mod server;
mod solutions;

use pyo3::prelude::*;

/// Python awaited from Rust.
#[pymodule]
mod await_from_rust {
    #[pymodule_export]
    use crate::elsewhere::{
        LoopHandle, call_both_ways, call_from_nowhere, call_from_task, call_from_thread,
        call_from_worker, call_uncancellable,
    };
    #[pymodule_export]
    use crate::exercises::my_hedge;
    #[pymodule_export]
    use crate::first_try::first_try_call;
    #[pymodule_export]
    use crate::functions::{
        call, call_all, collect, collect_by_task, first, live_futures, map_concurrently, merge,
        retry, with_timeout,
    };
    #[pymodule_export]
    use crate::held::{call_while_held, first_try_call_while_held, hold};
    #[pymodule_export]
    use crate::in_the_task::{
        both_in_task, call_in_task, call_in_task_from_worker, take, timeout_in_task,
    };
    #[pymodule_export]
    use crate::server::{Server, serve};
    #[pymodule_export]
    use crate::solutions::hedge;
    #[pymodule_export]
    use pyo3_await::{AsyncIterator, Coroutine, RustPanic, one_thread::event_loop};
}
