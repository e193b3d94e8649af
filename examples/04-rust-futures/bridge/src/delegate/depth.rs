//! A limit to calls inside calls: each step of one runs the next on the same stack.
//!
//! CPython counts its frames, and raises `RecursionError` before the stack is full. Where Rust awaits
//! what Rust returns, there are none to count.

use std::cell::Cell;

use pyo3::{exceptions::PyRecursionError, prelude::*};

use crate::coroutine::normalized::normalized;

/// As many as CPython takes by default. A level has about 2 KiB of stack.
const LIMIT: usize = 1_000;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// One level more, for as long as this value lives.
pub struct Level(());

impl Level {
    /// # Errors
    ///
    /// `RecursionError` if there are too many.
    pub fn enter(py: Python<'_>) -> PyResult<Self> {
        let depth = DEPTH.get();
        if depth >= LIMIT {
            let message = "maximum recursion depth exceeded";
            return Err(normalized::<PyRecursionError>(py, message));
        }
        DEPTH.set(depth + 1);
        Ok(Self(()))
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
