//! The hand-over of futures: many threads push those that are woken, one loop polls them, and parks when
//! there are no more.
//!
//! It knows neither Python nor tokio, so that `tests/loom.rs` can run it in every order that threads
//! can come in.

use std::{collections::VecDeque, task::Waker};

use super::{ready_queue::ReadyQueue, sync::AtomicWaker};

pub struct Rounds<T> {
    woken: ReadyQueue<T>,
    /// That of the runtime, while the loop waits in there. At other times the loop looks by itself,
    /// before it waits again.
    waker: AtomicWaker,
}

/// How a round ended.
#[derive(Clone, Copy)]
pub enum Round {
    /// All that were polled are over, if there were any.
    AllOver,
    SomePending,
    /// The budget for one poll is used up, and others must have their turn before the rest has.
    Unfinished,
}

impl<T> Rounds<T> {
    pub fn new() -> Self {
        Self {
            woken: ReadyQueue::new(),
            waker: AtomicWaker::new(),
        }
    }

    /// Has the future polled in the next round.
    pub fn push(&self, future: T) {
        if self.woken.push(future) {
            self.wake();
        }
    }

    /// Wakes the runtime, if the loop waits there: at no cost on its own thread, and on others as
    /// tokio does it.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Has `waker` woken from now on, and polls those that have been woken, once each: what is woken
    /// meanwhile has its turn in the next round. `round` keeps what is left of one.
    ///
    /// `poll` says whether the future is over.
    pub fn poll_round(
        &self,
        waker: &Waker,
        round: &mut VecDeque<T>,
        poll: impl Fn(T) -> bool,
        has_budget: impl Fn() -> bool,
    ) -> Round {
        self.waker.register(waker); // before anybody looks: who comes after the look wakes the loop
        if round.is_empty() {
            round.extend(self.woken.take_all());
        }
        let mut all_over = true;
        while let Some(future) = round.pop_front() {
            all_over &= poll(future);
            if !has_budget() && !round.is_empty() {
                return Round::Unfinished;
            }
        }
        if all_over {
            Round::AllOver
        } else {
            Round::SomePending
        }
    }

    /// Has one been woken that is in no round yet? Ask after a round, before the loop parks: one that was
    /// woken while the round was unfinished has woken the runtime then, and does not wake it again.
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Nobody waits in the runtime any more.
    pub fn unregister(&self) {
        drop(self.waker.take());
    }

    /// Drops those that are woken, and keeps none that is pushed later.
    pub fn close(&self) {
        self.woken.close();
    }
}
