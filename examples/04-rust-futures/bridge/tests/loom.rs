//! The hand-over, in every order that threads can come in: `cargo test --release --test loom`.
//!
//! The model checker runs each test once for each order. A letter that is lost, or a bell that is
//! not rung, fails or deadlocks in one of them.

#[path = "../src/event_loop/ready_queue.rs"]
mod ready_queue;

/// Loom's locks, in the place of those of the standard library.
mod sync {
    pub use loom::sync::Mutex;
    pub use std::sync::PoisonError;
}

use loom::{
    sync::{Arc, Notify},
    thread,
};
use ready_queue::ReadyQueue;

/// A mailbox with a bell, as the bridge and an event loop use them.
struct Loop {
    mailbox: ReadyQueue<usize>,
    bell: Bell,
}

/// A wire: rung any number of times, it is heard once.
struct Bell(Notify);

impl Loop {
    fn new() -> Arc<Self> {
        let (mailbox, bell) = (ReadyQueue::new(), Bell(Notify::new()));
        Arc::new(Self { mailbox, bell })
    }

    fn post(&self, letter: usize) {
        if self.mailbox.push(letter) {
            self.bell.0.notify();
        }
    }

    /// Takes letters out, whenever the bell is heard, until there have been `count`.
    fn collect(&self, count: usize) -> Vec<usize> {
        let mut letters = Vec::new();
        while letters.len() < count {
            self.bell.0.wait(); // hears the bell, and silences it
            letters.extend(self.mailbox.take_all());
        }
        letters.sort_unstable();
        letters
    }
}

/// Every letter arrives, once: `collect` would wait for ever for one whose bell was not rung.
#[test]
fn what_two_workers_post_arrives() {
    loom::model(|| {
        let event_loop = Loop::new();
        for letter in 0..2 {
            let event_loop = Arc::clone(&event_loop);
            thread::spawn(move || event_loop.post(letter));
        }
        assert_eq!(event_loop.collect(2), [0, 1]);
    });
}

/// One worker posts while the loop is taking out what came before.
#[test]
fn what_is_posted_meanwhile_rings_again() {
    loom::model(|| {
        let event_loop = Loop::new();
        let worker = Arc::clone(&event_loop);
        thread::spawn(move || (0..3).for_each(|letter| worker.post(letter)));
        assert_eq!(event_loop.collect(3), [0, 1, 2]);
    });
}

/// Two workers with two letters each.
#[test]
fn what_two_workers_post_twice_arrives() {
    loom::model(|| {
        let event_loop = Loop::new();
        for first in [0, 2] {
            let worker = Arc::clone(&event_loop);
            thread::spawn(move || {
                worker.post(first);
                worker.post(first + 1);
            });
        }
        assert_eq!(event_loop.collect(4), [0, 1, 2, 3]);
    });
}

/// A loop is closed while a worker posts: the letter is taken out or dropped, and not kept.
#[test]
fn nothing_is_kept_in_a_mailbox_that_is_closed() {
    loom::model(|| {
        let mailbox = Arc::new(ReadyQueue::new());
        let letter = Arc::new(());
        let (worker, posted) = (Arc::clone(&mailbox), Arc::clone(&letter));
        let thread = thread::spawn(move || worker.push(posted));
        drop(mailbox.close());
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&letter), 1);
    });
}
