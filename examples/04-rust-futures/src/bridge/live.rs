//! How many Rust futures there are.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Counts for as long as it lives. A future that holds one counts until it is finished or dropped.
pub struct Live;

impl Live {
    pub fn new() -> Self {
        LIVE.fetch_add(1, Relaxed);
        Self
    }

    pub fn count() -> usize {
        LIVE.load(Relaxed)
    }
}

/// In a child process: those of the parent are not here.
pub fn none_left() {
    LIVE.store(0, Relaxed);
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Relaxed);
    }
}
