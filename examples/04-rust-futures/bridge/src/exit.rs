//! The end of the process, for threads that are still at work: daemon threads with an event loop.
//!
//! Up to 3.13 such a thread is ended when it attaches to an interpreter that exits. Its stack is unwound,
//! and where there is Rust on it, that aborts the process. So the exit waits until no thread has a step
//! of ours on its stack, and none begins one any more.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use pyo3::{prelude::*, sync::PyOnceLock};

use crate::{fork, this_thread::this_thread};

/// The thread that ends the process, 0 while none does.
static EXITS: AtomicUsize = AtomicUsize::new(0);
/// How many steps are on the stacks of threads.
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// The epoch that the count is of: a child process has none of its parent's threads.
static EPOCH: AtomicUsize = AtomicUsize::new(0);

/// The exit waits this long. A step that takes longer computes, and may abort the process.
const PATIENCE: Duration = Duration::from_millis(100);
const GLANCE: Duration = Duration::from_micros(50);

/// Makes Python tell us of the exit. It does so after it has waited for all threads but daemons.
pub fn watch(py: Python<'_>) -> PyResult<()> {
    static WATCHING: PyOnceLock<()> = PyOnceLock::new();
    if py.version_info() >= (3, 14) {
        return Ok(()); // such a thread stays where it is, and nothing is unwound
    }
    let register = || {
        let exits = wrap_pyfunction!(wait_for_steps, py)?;
        py.import("atexit")?
            .call_method1("register", (exits,))
            .map(drop)
    };
    WATCHING.get_or_try_init(py, register).map(drop)
}

#[pyfunction]
fn wait_for_steps(py: Python<'_>) {
    EXITS.store(this_thread(), SeqCst);
    if EPOCH.load(SeqCst) != fork::epoch() {
        return; // a child, which has begun no step
    }
    py.detach(|| {
        let start = Instant::now();
        while STEPS.load(SeqCst) > 0 && start.elapsed() < PATIENCE {
            thread::sleep(GLANCE);
        }
    });
}

thread_local! {
    /// How many steps this thread has on its stack.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// Counts a step for as long as it lives. During the exit it does not return, but on the thread that
/// exits: that may run a last loop.
pub struct StepGuard {
    epoch: usize,
}

impl StepGuard {
    pub fn new(py: Python<'_>) -> Self {
        let epoch = fork::epoch();
        if EPOCH.load(SeqCst) != epoch && EPOCH.swap(epoch, SeqCst) != epoch {
            STEPS.store(0, SeqCst);
            HERE.set(0);
        }
        STEPS.fetch_add(1, SeqCst);
        HERE.set(HERE.get() + 1);
        if is_exit_of_another() {
            py.detach(|| waits(wait_for_ever));
        }
        Self { epoch }
    }
}

/// Calls `f`, which waits, on a detached thread. The exit need not wait for its steps meanwhile, and
/// during the exit it does not return: after it, the thread attaches.
pub fn waits<R>(f: impl FnOnce() -> R) -> R {
    let here = HERE.get();
    STEPS.fetch_sub(here, SeqCst);
    let result = f();
    STEPS.fetch_add(here, SeqCst);
    if is_exit_of_another() {
        STEPS.fetch_sub(here, SeqCst);
        wait_for_ever();
    }
    result
}

fn is_exit_of_another() -> bool {
    let exits = EXITS.load(SeqCst);
    exits != 0 && exits != this_thread()
}

fn wait_for_ever() {
    loop {
        thread::park();
    }
}

/// One that a fork has copied is not counted in the child.
impl Drop for StepGuard {
    fn drop(&mut self) {
        if self.epoch == EPOCH.load(SeqCst) {
            STEPS.fetch_sub(1, SeqCst);
            HERE.set(HERE.get() - 1);
        }
    }
}
