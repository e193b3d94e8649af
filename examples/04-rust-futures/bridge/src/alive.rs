//! How many futures are alive in this process.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::fork;

static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The epoch that the count is of: a child process has none of its parent's futures.
static EPOCH: AtomicUsize = AtomicUsize::new(0);

/// Returns how many futures are alive: each from the call that made its coroutine until it is
/// finished or dropped. For tests that nothing is left behind.
#[must_use]
pub fn alive() -> usize {
    count().load(SeqCst)
}

/// Counts for as long as it lives.
pub struct Alive;

impl Alive {
    pub fn new() -> Self {
        count().fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, SeqCst);
    }
}

fn count() -> &'static AtomicUsize {
    let epoch = fork::epoch();
    if EPOCH.load(SeqCst) != epoch && EPOCH.swap(epoch, SeqCst) != epoch {
        COUNT.store(0, SeqCst);
    }
    &COUNT
}
