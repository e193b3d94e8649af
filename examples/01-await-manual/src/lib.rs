//! Await by hand: what `await` does, with no `await` in sight.
//!
//! Build it and see: `pip install . && python demo.py`. Then read, in this order, `hello.rs` (a first
//! extension), `first_try.rs` (the obvious loop, and what is wrong with it), `get_awaitable.rs` and
//! `drive.rs` (the repair), `between_steps.rs` (what a loop in Rust owes the interpreter), `trace.rs`
//! (all of it as data). `exercises.rs` is yours.
#![forbid(unsafe_code)]

mod await_errors;
mod between_steps;
mod call_await;
mod count_steps;
mod drive;
mod exercises;
mod first_try;
mod get_awaitable;
mod hello;
mod solutions;
mod trace;

use pyo3::prelude::*;

/// Calls `foo()`, drives what it returns to its end, prints the result's `repr` and returns it.
///
/// The line goes to Python's `sys.stdout`: `println!` would write past it, to file descriptor 1,
/// and whoever captures Python's output would miss it.
///
/// Raises whatever `foo` or its awaitable raises, untouched; `TypeError` and `RuntimeError` as
/// `drive`.
#[pyfunction]
fn await_foo<'py>(foo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let result = drive::drive(&foo.call0()?, None)?;
    let print = foo.py().import("builtins")?.getattr("print")?;
    print.call1(("Result of our coroutine:", result.repr()?))?;
    Ok(result)
}

/// What `await` does, with no `await` in sight.
#[pymodule]
mod await_manual {
    #[pymodule_export]
    use super::{
        await_foo,
        count_steps::{count_steps_by_interned_name, count_steps_by_name, count_steps_by_slot},
        drive::drive,
        exercises::my_drive_all,
        first_try::first_try,
        hello::hello,
        solutions::drive_all,
        trace::trace,
    };
}
