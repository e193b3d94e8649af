//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then.

use std::{
    cell::RefCell,
    ffi::CString,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use pyo3::{exceptions::PyRuntimeWarning, panic::PanicException, prelude::*};

use super::{Coroutine, body::Body, state::State};

impl Coroutine {
    /// Warns of a coroutine that was never begun, and closes it in any case.
    pub fn finalize(&self, py: Python<'_>) {
        let pending = take_pending(py); // an exception on its way must get through
        let never_begun = matches!(*self.lock(), State::Created(_));
        let warned = if never_begun {
            self.warn_never_awaited(py)
        } else {
            Ok(())
        };
        for problem in [warned, self.close_now(py).map(drop)] {
            problem.unwrap_or_else(|error| error.write_unraisable(py, None));
        }
        if let Some(error) = pending {
            error.restore(py);
        }
    }

    fn warn_never_awaited(&self, py: Python<'_>) -> PyResult<()> {
        let name = self.source.name.to_string_lossy();
        let message = CString::new(format!("coroutine '{name}' was never awaited"))?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)
    }
}

/// Takes the exception that is on its way. A Rust panic that became one is let loose again by `take`,
/// and would go on into CPython, which is no place for it.
fn take_pending(py: Python<'_>) -> Option<PyErr> {
    catch_unwind(AssertUnwindSafe(|| PyErr::take(py))).unwrap_or_else(|panic| {
        let message = panic.downcast::<String>().map(|message| *message);
        let message = message.unwrap_or_else(|_| "a panic".into());
        Some(PyErr::new::<PanicException, _>((message,)))
    })
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        if !matches!(self.state.get_mut(), State::Closed) {
            Python::attach(|py| self.finalize(py));
        }
    }
}

/// What waits to be dropped on this thread, and whether somebody is at it.
#[derive(Default)]
struct Bin {
    bodies: Vec<Body>,
    being_emptied: bool,
}

thread_local! {
    static BIN: RefCell<Bin> = RefCell::default();
}

/// Drops a body. Coroutines that hold each other in a chain are dropped one after the other: each
/// inside the one before, a long chain would overflow the stack, up to Python 3.13. While the thread
/// ends there is no bin any more, and the body is dropped where it is.
pub fn drop_in_turn(body: Body) {
    let is_first = BIN.try_with(|bin| {
        let mut bin = bin.borrow_mut();
        bin.bodies.push(body);
        !mem::replace(&mut bin.being_emptied, true)
    });
    if is_first == Ok(true) {
        let _at_it = AtIt;
        while let Some(body) = BIN.with_borrow_mut(|bin| bin.bodies.pop()) {
            drop(body); // may come back here, to add to the bin
        }
    }
}

/// Somebody empties the bin, until this value is dropped: also if that is by a panic.
struct AtIt;

impl Drop for AtIt {
    fn drop(&mut self) {
        BIN.with_borrow_mut(|bin| bin.being_emptied = false);
    }
}
