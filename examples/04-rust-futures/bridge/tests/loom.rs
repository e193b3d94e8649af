//! The hand-over, in every order that threads can come in: `cargo test --release --test loom`.
//!
//! The model checker runs each test once for each order. An item that is lost, or a wake-up that is
//! not given, fails or deadlocks in one of them.

#[path = "../src/event_loop/ready_queue.rs"]
mod ready_queue;

/// Loom's locks, in the place of those of the standard library.
mod sync {
    pub use loom::sync::Mutex;
    pub use std::sync::PoisonError;
}

use loom::{
    sync::{
        Arc, Notify,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};
use ready_queue::ReadyQueue;

/// A ready queue with a wake-up, as an event loop has them.
struct Loop {
    ready: ReadyQueue<usize>,
    wakeup: Wakeup,
}

/// A socket: written to any number of times, it is readable until it is drained.
struct Wakeup {
    readable: AtomicBool,
    arrived: Notify,
}

impl Wakeup {
    fn wake(&self) {
        if !self.readable.swap(true, SeqCst) {
            self.arrived.notify();
        }
    }

    /// Waits until it is readable. It stays so: to read from it is another step.
    fn wait(&self) {
        while !self.readable.load(SeqCst) {
            self.arrived.wait();
        }
    }

    fn drain(&self) {
        self.readable.store(false, SeqCst);
    }
}

impl Loop {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            ready: ReadyQueue::new(),
            wakeup: Wakeup {
                readable: AtomicBool::new(false),
                arrived: Notify::new(),
            },
        })
    }

    fn schedule(&self, item: usize) {
        if self.ready.push(item) {
            self.wakeup.wake();
        }
    }

    /// Takes what is ready, whenever the loop is woken, until there have been `count`.
    fn collect(&self, count: usize, woken: fn(&Self) -> Vec<usize>) -> Vec<usize> {
        let mut items = Vec::new();
        while items.len() < count {
            self.wakeup.wait();
            items.extend(woken(self));
        }
        items.sort_unstable();
        items
    }
}

/// As `EventLoop::woken` does it.
fn drain_first(event_loop: &Loop) -> Vec<usize> {
    event_loop.wakeup.drain();
    event_loop.ready.take_all()
}

/// The other way round.
fn take_first(event_loop: &Loop) -> Vec<usize> {
    let items = event_loop.ready.take_all();
    event_loop.wakeup.drain();
    items
}

/// Every item arrives, once: `collect` would wait for ever for one whose loop was not woken.
#[test]
fn what_two_workers_schedule_arrives() {
    loom::model(|| {
        let event_loop = Loop::new();
        for item in 0..2 {
            let event_loop = Arc::clone(&event_loop);
            thread::spawn(move || event_loop.schedule(item));
        }
        assert_eq!(event_loop.collect(2, drain_first), [0, 1]);
    });
}

/// One worker schedules while the loop takes what came before.
#[test]
fn what_is_scheduled_meanwhile_wakes_again() {
    loom::model(|| {
        let event_loop = Loop::new();
        let worker = Arc::clone(&event_loop);
        thread::spawn(move || (0..3).for_each(|item| worker.schedule(item)));
        assert_eq!(event_loop.collect(3, drain_first), [0, 1, 2]);
    });
}

/// Looks once while a worker schedules. What it has not taken then, it must still be woken for.
fn looks_once(woken: fn(&Loop) -> Vec<usize>) {
    loom::model(move || {
        let event_loop = Loop::new();
        let worker = Arc::clone(&event_loop);
        let worker = thread::spawn(move || (0..2).for_each(|item| worker.schedule(item)));
        woken(&event_loop);
        worker.join().unwrap();
        let is_woken = event_loop.wakeup.readable.load(SeqCst);
        assert!(is_woken || event_loop.ready.is_empty(), "lost");
    });
}

#[test]
fn drained_before_the_items_are_taken_no_wakeup_is_lost() {
    looks_once(drain_first);
}

/// An item that comes between the two steps is the first of the next batch, and its wake-up is drained
/// with that of the last.
#[test]
#[should_panic(expected = "lost")]
fn drained_after_the_items_are_taken_a_wakeup_is_lost() {
    looks_once(take_first);
}

/// A loop is closed while a worker schedules: the item is taken or dropped, and not kept.
#[test]
fn nothing_is_kept_in_a_queue_that_is_closed() {
    loom::model(|| {
        let ready = Arc::new(ReadyQueue::new());
        let item = Arc::new(());
        let (worker, pushed) = (Arc::clone(&ready), Arc::clone(&item));
        let thread = thread::spawn(move || worker.push(pushed));
        ready.close();
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&item), 1);
    });
}
