//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then.

use std::{cell::RefCell, ffi::CString, mem};

use pyo3::{exceptions::PyRuntimeWarning, prelude::*};

use super::{Coroutine, body::Body, state::State};

impl Coroutine {
    /// Warns of a coroutine that was never begun, and closes one that is half-run.
    pub fn finalize(&self, py: Python<'_>) {
        let pending = PyErr::take(py); // an exception on its way must get through
        let never_begun = matches!(*self.lock(), State::Created(_));
        let problem = if never_begun {
            self.warn_never_awaited(py)
        } else {
            self.close(py).map(drop)
        };
        if let Err(error) = problem {
            error.write_unraisable(py, None);
        }
        if let Ok(Some(turn)) = self.take_turn_if(|state| matches!(state, State::Created(_))) {
            turn.end();
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
