//! How many futures and streams are alive in this process.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::fork;

pub const FUTURE: usize = 0;
pub const STREAM: usize = 1;

static COUNTS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// The epoch that the counts are of: a child process has nothing of its parent's.
static EPOCH: AtomicUsize = AtomicUsize::new(0);

/// Returns how many futures are alive: each from the call that made its coroutine until it is
/// finished or dropped. For tests that nothing is left behind.
#[must_use]
pub fn alive() -> usize {
    counts()[FUTURE].load(SeqCst)
}

/// Returns how many streams are alive: each from the call that made its iterator until it is
/// exhausted or dropped. For tests that nothing is left behind.
#[must_use]
pub fn alive_streams() -> usize {
    counts()[STREAM].load(SeqCst)
}

/// Counts for as long as it lives.
pub struct Alive<const KIND: usize>(());

impl<const KIND: usize> Alive<KIND> {
    pub fn new() -> Self {
        counts()[KIND].fetch_add(1, SeqCst);
        Self(())
    }
}

impl<const KIND: usize> Drop for Alive<KIND> {
    fn drop(&mut self) {
        COUNTS[KIND].fetch_sub(1, SeqCst);
    }
}

fn counts() -> &'static [AtomicUsize; 2] {
    let epoch = fork::epoch();
    if EPOCH.load(SeqCst) != epoch && EPOCH.swap(epoch, SeqCst) != epoch {
        for count in &COUNTS {
            count.store(0, SeqCst);
        }
    }
    &COUNTS
}
