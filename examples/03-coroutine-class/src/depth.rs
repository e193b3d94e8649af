//! A limit to coroutines inside coroutines: each step of one runs the next on the same stack.
//!
//! CPython counts its frames, and raises `RecursionError` before the stack is full. A chain of ours
//! has no frames to count; and how much stack a thread has, a count does not know.

use pyo3::{exceptions::PyRecursionError, prelude::*};

use crate::coroutine::normalized::normalized;

/// What must be left for a step: for the one that fails, and for what Python does about it.
const ENOUGH: usize = 64 * 1024; // bytes

/// Raises `RecursionError` when the stack of this thread is nearly full. Where nobody can say how
/// much is left, on a system that `stacker` does not know, nothing is raised.
pub fn check_stack(py: Python<'_>) -> PyResult<()> {
    if stacker::remaining_stack().is_some_and(|left| left < ENOUGH) {
        let message = "maximum recursion depth exceeded";
        return Err(normalized::<PyRecursionError>(py, message));
    }
    Ok(())
}
