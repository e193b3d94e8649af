//! What happens to a coroutine that is forgotten.
//!
//! Source: `_PyGen_Finalize` in CPython's `Objects/genobject.c`. PyO3 has no `__del__`; dropping
//! the class comes closest, and Python is attached then.

use std::{cell::RefCell, ffi::CString, mem};

use pyo3::{exceptions::PyRuntimeWarning, prelude::*};

use super::{coroutine::Coroutine, state::State};

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
        self.end_if_created();
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
        if !matches!(self.state.get_mut(), Ok(State::Closed)) {
            Python::attach(|py| self.finalize(py));
        }
    }
}

/// What waits to be dropped on this thread, and whether somebody is at it.
#[derive(Default)]
struct Bin {
    states: Vec<State>,
    being_emptied: bool,
}

thread_local! {
    static BIN: RefCell<Bin> = RefCell::default();
}

/// Drops a state with its body. Coroutines that hold each other in a chain are dropped one after the
/// other: each inside the one before, a long chain would overflow the stack, up to Python 3.13.
pub fn drop_in_turn(state: State) {
    let next = || BIN.with_borrow_mut(|bin| bin.states.pop());
    let somebody_is_at_it = BIN.with_borrow_mut(|bin| {
        bin.states.push(state);
        mem::replace(&mut bin.being_emptied, true)
    });
    if !somebody_is_at_it {
        while let Some(state) = next() {
            drop(state); // may come back here, to add to the bin
        }
        BIN.with_borrow_mut(|bin| bin.being_emptied = false);
    }
}
