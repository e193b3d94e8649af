//! The hand-over: many threads push what is ready, one event loop takes all of it at once.
//!
//! It knows neither Python nor tokio, so that `tests/loom.rs` can run it in every order that threads
//! can come in.

use super::sync::{Mutex, PoisonError};

/// What is ready and has not been taken yet. None when the queue is closed.
pub struct ReadyQueue<T> {
    ready: Mutex<Option<Vec<T>>>,
}

impl<T> ReadyQueue<T> {
    pub fn new() -> Self {
        let ready = Mutex::new(Some(Vec::new()));
        Self { ready }
    }

    /// Pushes an item, and says whether it is the first. Whoever pushes the first must wake the loop:
    /// forget it, and the item stays there for ever. For those after it somebody has: the loop is on
    /// its way. A closed queue drops the item.
    #[must_use = "the first item must wake the loop"]
    pub fn push(&self, item: T) -> bool {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = ready.as_mut() else {
            drop(ready); // the lock first: the item may hold anything
            return false;
        };
        open.push(item);
        open.len() == 1
    }

    /// Is there something to take?
    pub fn is_empty(&self) -> bool {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.as_ref().is_none_or(Vec::is_empty)
    }

    /// Takes all items. Drain the wake-up before, not after: an item that came between would be the
    /// first of the next batch, and its wake-up be lost.
    pub fn take_all(&self) -> Vec<T> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Drops all items, and keeps none that is pushed later.
    pub fn close(&self) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let items = ready.take();
        drop(ready);
        drop(items); // unlocked: they may hold anything
    }
}
