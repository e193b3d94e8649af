//! A Rust class that is a coroutine, to asyncio, to trio and to `inspect`.
//!
//! Build it and see: `pip install . && python demo.py`. Then read, in this order, `first_try.rs`
//! (as far as an awaitable iterator goes), `countdown.rs` and `ended.rs` (state machines), the folder
//! `coroutine/` (what goes for every coroutine, around any such machine; its `mod.rs` says in which
//! order), `delegate.rs` (`await`, from the inside) with `depth.rs`, and `launch.rs`
//! (methods). `get_awaitable.rs`, `call_await.rs` and `await_errors.rs` are chapter 02's. `exercises.rs`
//! is yours.
#![forbid(unsafe_code)]

mod await_errors;
mod call_await;
mod coroutine;
mod countdown;
mod delegate;
mod depth;
mod ended;
mod exercises;
mod first_try;
mod get_awaitable;
mod launch;
mod solutions;

use pyo3::prelude::*;

/// A Rust class that is a coroutine.
#[pymodule]
mod coroutine_class {
    use pyo3::prelude::*;

    use super::coroutine::mark_coroutine_functions;
    #[pymodule_export]
    use super::{
        coroutine::Coroutine, countdown::countdown, delegate::delegate, ended::my_coroutine,
        exercises::my_both, first_try::FirstTry, launch::Launch, solutions::both,
    };

    #[pymodule_init]
    fn mark(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let functions = ["my_coroutine", "countdown", "delegate", "both", "my_both"];
        mark_coroutine_functions(module, &functions)?;
        let methods = ["Launch.countdown", "Launch.of", "Launch.of_class"];
        mark_coroutine_functions(module, &methods)
    }
}
