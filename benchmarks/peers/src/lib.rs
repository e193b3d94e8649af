//! What the published ways to await a Rust future do: for `benchmarks/noxfile.py`.
//!
//! Both submodules have the functions of chapter 04, by the same names: `async_fn` as PyO3's
//! `async fn`, `into_py` by pyo3-async-runtimes, which also has chapter 05's `count` and chapter 06's
//! `call`. `wake_thread` is the bare cost of waking a loop, `serve_echo`
//! what connections talk to.
#![forbid(unsafe_code)]

mod async_fn;
mod echo;
mod into_future;
mod into_py;
mod into_py_stream;
mod wake_thread;
mod work;

use pyo3::prelude::*;

/// What the published ways to await a Rust future do.
#[pymodule]
mod published {
    #[pymodule_export]
    use super::{
        async_fn::async_fn,
        echo::{ask_echo, serve_echo},
        into_py::into_py,
        wake_thread::wake_thread,
    };
}
