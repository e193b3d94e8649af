//! The hand-over: many threads put letters in, one event loop takes them all out at once.
//!
//! It knows neither Python nor tokio, so that `tests/loom.rs` can run it in every order that threads
//! can come in.

use super::sync::{Mutex, PoisonError};

/// Letters that nobody has taken out yet. None when the mailbox is closed.
pub struct Mailbox<T> {
    letters: Mutex<Option<Vec<T>>>,
}

impl<T> Mailbox<T> {
    pub fn new() -> Self {
        let letters = Mutex::new(Some(Vec::new()));
        Self { letters }
    }

    /// Puts a letter in, and says whether it is the first. Whoever puts in the first must ring the
    /// bell: forget it, and the letter lies there for ever. For those after it the bell has been
    /// rung: the loop is on its way. A mailbox that is closed drops the letter.
    #[must_use = "the first letter must ring the bell"]
    pub fn push(&self, letter: T) -> bool {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = letters.as_mut() else {
            drop(letters); // the lock first: the letter may hold anything
            return false;
        };
        open.push(letter);
        open.len() == 1
    }

    /// Takes all letters out. Silence the bell before, not after: a letter that came between would
    /// be the first of the next batch, and its ring be lost.
    pub fn take_all(&self) -> Vec<T> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes all letters out, for the last time. What is pushed later is not kept: it would keep
    /// whoever owns the mailbox, if it holds that.
    pub fn close(&self) -> Vec<T> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.take().unwrap_or_default()
    }
}
