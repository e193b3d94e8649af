//! What a child process must not touch: after `os.fork()` it has a copy of everything the bridge
//! made, and none of the threads that ran it.
//!
//! The copies of sockets and timers share the kernel's epoll set with the parent. To drop one in the
//! child takes it out of that set, and the parent waits for it for ever. So they are forgotten.

use std::{
    mem,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use pyo3::{exceptions::PyRuntimeError, prelude::*, types::IntoPyDict};

static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Makes Python tell us of each fork. Call it once, when the module is imported.
pub fn watch_for_forks(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let hook = wrap_pyfunction!(after_fork_in_child, module)?;
    match module.py().import("os")?.getattr("register_at_fork") {
        Ok(register) => {
            let hooks = [("after_in_child", hook)].into_py_dict(module.py())?;
            register.call((), Some(&hooks)).map(drop)
        }
        Err(_) => Ok(()), // Windows does not fork
    }
}

#[pyfunction]
fn after_fork_in_child() {
    FORKS.fetch_add(1, Relaxed);
    super::runtime::forget();
    super::event_loop::forget_all();
    super::messenger::forget();
    super::live::none_left();
}

/// A value of the process that made it. In a child of that it cannot be had, and is never dropped.
pub struct OfThisProcess<T> {
    value: Option<T>,
    made_after: usize,
}

impl<T> OfThisProcess<T> {
    pub fn new(value: T) -> Self {
        let made_after = FORKS.load(Relaxed);
        Self {
            value: Some(value),
            made_after,
        }
    }

    /// Raises `RuntimeError` in a child process.
    pub fn get_mut(&mut self) -> PyResult<&mut T> {
        let ours = self.is_ours();
        self.value.as_mut().filter(|_| ours).ok_or_else(not_here)
    }

    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_ours())
    }

    /// Takes the value out. Raises `RuntimeError` in a child process.
    pub fn take(&mut self) -> PyResult<T> {
        self.get_mut()?;
        self.value.take().ok_or_else(not_here)
    }

    fn is_ours(&self) -> bool {
        self.made_after == FORKS.load(Relaxed)
    }
}

impl<T> Drop for OfThisProcess<T> {
    fn drop(&mut self) {
        if !self.is_ours() {
            mem::forget(self.value.take());
        }
    }
}

fn not_here() -> PyErr {
    PyRuntimeError::new_err("a Rust future cannot be awaited on the other side of a fork")
}
