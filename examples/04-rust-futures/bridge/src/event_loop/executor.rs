//! The futures of a loop that has a runtime of its own: the loop's thread polls them while it waits.
//!
//! A future that is woken goes onto a queue, whoever wakes it. What is on the queue is polled round by
//! round, as a loop of asyncio calls what is ready turn by turn.

use std::{collections::VecDeque, mem, sync::Arc, task::Waker};

use parking_lot::Mutex;
use tokio::task::{JoinHandle, coop::has_budget_remaining};

use super::rounds::Rounds;
use crate::in_flight::InFlight;

pub use super::rounds::Round;

pub struct Executor {
    pub rounds: Rounds<Arc<InFlight>>,
    /// What goes on when its coroutine has gone, and must be finished even when the loop is closed.
    outliving: Mutex<Vec<JoinHandle<()>>>,
}

impl Executor {
    pub fn new() -> Self {
        Self {
            rounds: Rounds::new(),
            outliving: Mutex::default(),
        }
    }

    /// Polls the futures that have been woken, and has `waker` woken for those to come.
    pub fn poll_round(&self, waker: &Waker, round: &mut VecDeque<Arc<InFlight>>) -> Round {
        let rounds = &self.rounds;
        rounds.poll_round(waker, round, InFlight::take_turn, has_budget_remaining)
    }

    /// Keeps a task of the runtime that must be finished.
    pub fn outlive(&self, task: JoinHandle<()>) {
        let mut outliving = self.outliving.lock();
        outliving.retain(|task| !task.is_finished());
        outliving.push(task);
    }

    /// The loop is closed. Returns the tasks that must be finished.
    pub fn close(&self) -> Vec<JoinHandle<()>> {
        self.rounds.close();
        let mut outliving = mem::take(&mut *self.outliving.lock());
        outliving.retain(|task| !task.is_finished());
        outliving
    }
}
