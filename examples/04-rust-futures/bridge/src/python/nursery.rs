//! The Tasks whose calls have been dropped: the coroutine whose future did that waits for their end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use crate::{in_flight::InFlight, request::Task};

pub struct Nursery {
    future: Arc<InFlight>,
    /// How many have not ended.
    running: AtomicUsize,
    waited_for: AtomicBool,
}

impl Nursery {
    pub fn new(future: Arc<InFlight>) -> Arc<Self> {
        Arc::new(Self {
            future,
            running: AtomicUsize::new(0),
            waited_for: AtomicBool::new(false),
        })
    }

    pub fn enter(self: &Arc<Self>, task: &dyn Task) {
        self.running.fetch_add(1, SeqCst);
        let this = Arc::clone(self);
        task.at_end(Box::new(move || this.one_has_ended()));
    }

    /// Has the coroutine scheduled when the last has ended. Returns false if that has come.
    pub fn wait(&self) -> bool {
        self.waited_for.store(true, SeqCst);
        self.running.load(SeqCst) > 0
    }

    fn one_has_ended(&self) {
        if self.running.fetch_sub(1, SeqCst) == 1 && self.waited_for.load(SeqCst) {
            self.future.schedule();
        }
    }
}
