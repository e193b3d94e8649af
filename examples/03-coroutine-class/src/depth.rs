//! A limit to coroutines inside coroutines: each step of one runs the next on the same stack.
//!
//! CPython counts its frames, and raises `RecursionError` before the stack is full. A chain of ours
//! has no frames to count.

use std::cell::Cell;

use pyo3::{exceptions::PyRecursionError, prelude::*};

use crate::made_now::made_now;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Up to here nobody asks what the limit is: it cannot be as low, and to ask costs a call.
const SURELY_ALLOWED: usize = 50;

/// One coroutine more that runs on this thread, for as long as this value lives.
pub struct Level;

impl Level {
    /// Raises `RecursionError` where `sys.getrecursionlimit()` is reached.
    pub fn enter(py: Python<'_>) -> PyResult<Self> {
        let level = DEPTH.replace(DEPTH.get() + 1);
        let this = Self;
        if level > SURELY_ALLOWED && level >= recursion_limit(py) {
            let message = "maximum recursion depth exceeded";
            return Err(made_now::<PyRecursionError>(py, message));
        }
        Ok(this)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Returns CPython's limit, or its usual one while the interpreter exits and cannot be asked.
fn recursion_limit(py: Python<'_>) -> usize {
    let asked = py
        .import("sys")
        .and_then(|sys| sys.call_method0("getrecursionlimit"));
    asked.and_then(|limit| limit.extract()).unwrap_or(1000)
}
