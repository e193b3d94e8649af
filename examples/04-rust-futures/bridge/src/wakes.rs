//! What a wake of one future does: who is told of it, and who has been told already.
//!
//! It knows neither Python nor tokio, so that `tests/loom.rs` can run it in every order that threads
//! can come in.

use std::sync::atomic::Ordering::SeqCst;

use super::sync::AtomicU8;

/// Both flags are in one byte. So a wake and `join_rounds` come one after the other, and one of them has
/// the future pushed: with a byte each it could be neither, or both.
#[derive(Default)]
pub struct Wakes(AtomicU8);

/// The future has been woken, and not been polled since.
const WOKEN: u8 = 1;
/// The loop's thread polls it in its rounds.
const IN_ROUNDS: u8 = 2;

/// Who polls a future that is woken.
pub enum Poller {
    /// The loop's thread: the future is to be pushed.
    Rounds,
    /// Its coroutine, or a task of the runtime.
    Other,
}

impl Wakes {
    /// Returns who is to be told. None if it has been woken already, and whoever polls it told.
    pub fn wake(&self) -> Option<Poller> {
        let before = self.0.fetch_or(WOKEN, SeqCst);
        if before & WOKEN != 0 {
            None
        } else if before & IN_ROUNDS != 0 {
            Some(Poller::Rounds)
        } else {
            Some(Poller::Other)
        }
    }

    pub fn is_woken(&self) -> bool {
        self.0.load(SeqCst) & WOKEN != 0
    }

    /// Forgets the wake, and says whether there was one. Call it before the future is polled, not after:
    /// a wake that came between would be lost.
    pub fn take(&self) -> bool {
        self.0.fetch_and(!WOKEN, SeqCst) & WOKEN != 0
    }

    /// From now on the loop's thread polls it. Says whether it is to be pushed: who woke it before has
    /// told somebody else.
    pub fn join_rounds(&self) -> bool {
        self.0.fetch_or(IN_ROUNDS, SeqCst) & WOKEN != 0
    }

    pub fn is_in_rounds(&self) -> bool {
        self.0.load(SeqCst) & IN_ROUNDS != 0
    }

    /// Somebody else polls it from now on. Says whether the loop's thread has done it.
    pub fn leave_rounds(&self) -> bool {
        self.0.fetch_and(!IN_ROUNDS, SeqCst) & IN_ROUNDS != 0
    }
}
