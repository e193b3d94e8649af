//! An exception that is on its way while an object is dropped.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`, which puts it aside in the same way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::{panic::PanicException, prelude::*};

use super::normalized::normalized;

/// Runs what an object does when it is dropped, and lets the exception that is on its way get through.
///
/// A frame that an exception leaves drops what it holds before anybody has caught that. Python code
/// that runs then takes the exception for its own: it is lost, and CPython crashes where it looks for
/// it.
pub fn keep_pending<R>(py: Python<'_>, drops: impl FnOnce() -> R) -> R {
    let pending = take_pending(py);
    let result = drops();
    if let Some(error) = pending {
        error.restore(py);
    }
    result
}

/// Takes the exception that is on its way. A Rust panic that became one is let loose again by `take`,
/// and would go on into CPython, which is no place for it.
fn take_pending(py: Python<'_>) -> Option<PyErr> {
    catch_unwind(AssertUnwindSafe(|| PyErr::take(py))).unwrap_or_else(|panic| {
        let message = panic.downcast::<String>().map(|message| *message);
        let message = message.unwrap_or_else(|_| "a panic".into());
        Some(normalized::<PanicException>(py, &message))
    })
}
