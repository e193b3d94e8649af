//! The futures of a loop that has a runtime of its own: the loop's thread polls them while it waits.
//!
//! A future that is woken goes onto a queue, whoever wakes it. What is on the queue is polled round by
//! round, as a loop of asyncio calls what is ready turn by turn.

use std::{cell::Cell, collections::VecDeque, mem, sync::Arc, task::Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::task::{JoinHandle, coop::has_budget_remaining};

use super::ready_queue::ReadyQueue;
use crate::in_flight::InFlight;

pub struct Executor {
    woken: ReadyQueue<Arc<InFlight>>,
    /// That of the runtime, while the loop waits in there. At other times the loop looks by itself,
    /// before it waits again.
    waker: AtomicWaker,
    /// What goes on when its coroutine has gone, and must be finished even when the loop is closed.
    outliving: Mutex<Vec<JoinHandle<()>>>,
}

impl Executor {
    pub fn new() -> Self {
        Self {
            woken: ReadyQueue::new(),
            waker: AtomicWaker::new(),
            outliving: Mutex::default(),
        }
    }

    /// Has the future polled in the next round.
    pub fn push(&self, future: Arc<InFlight>) {
        if self.woken.push(future) {
            self.wake();
        }
    }

    /// Wakes the runtime, if the loop waits there: at no cost on its own thread, and on others as
    /// tokio does it.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Wakes this task from now on. Look for what is there only after it: forget that, and what comes
    /// between is waited for.
    pub fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Nobody waits in the runtime any more.
    pub fn unregister(&self) {
        drop(self.waker.take());
    }

    /// Has one been woken, and not been polled since?
    pub fn has_woken(&self) -> bool {
        !self.woken.is_empty()
    }

    /// Polls those that have been woken, once each: what is woken meanwhile has its turn in the next
    /// round. `round` keeps what is left of one.
    pub fn poll_round(&self, round: &mut VecDeque<Arc<InFlight>>) -> Round {
        if round.is_empty() {
            round.extend(self.woken.take_all());
        }
        let mut all_over = true;
        while let Some(future) = round.pop_front() {
            all_over &= future.take_turn();
            if !has_budget_remaining() && !round.is_empty() {
                return Round::Unfinished;
            }
        }
        if all_over {
            Round::AllOver
        } else {
            Round::SomePending
        }
    }

    /// Keeps a task of the runtime that must be finished.
    pub fn outlive(&self, task: JoinHandle<()>) {
        let mut outliving = self.outliving.lock();
        outliving.retain(|task| !task.is_finished());
        outliving.push(task);
    }

    /// The loop is closed. Returns the tasks that must be finished.
    pub fn close(&self) -> Vec<JoinHandle<()>> {
        self.woken.close();
        let mut outliving = mem::take(&mut *self.outliving.lock());
        outliving.retain(|task| !task.is_finished());
        outliving
    }
}

/// How a round ended.
#[derive(Clone, Copy)]
pub enum Round {
    /// All that were polled are over, if there were any.
    AllOver,
    SomePending,
    /// Tokio's budget for one poll is used up, and others must have their turn before the rest has.
    Unfinished,
}

thread_local! {
    static HAS_RUN: Cell<bool> = const { Cell::new(false) };
}

/// A loop with a runtime of its own runs on this thread.
#[cfg_attr(not(unix), expect(dead_code))] // `one_thread` alone needs it
pub fn runs_here() {
    HAS_RUN.set(true);
}

/// Has such a loop ever run on this thread? Most threads need not look for one.
pub fn has_run_here() -> bool {
    HAS_RUN.get()
}
