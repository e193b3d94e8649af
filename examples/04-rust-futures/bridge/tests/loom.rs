//! The hand-over, in every order that threads can come in: `cargo test --release --test loom`.
//!
<<<<<<< HEAD
//! The model checker runs each test once for each order. An item that is lost, or a wake-up that does
//! not come, makes it fail or deadlock in one of them.
=======
//! The model checker runs each test once for each order. An item that is lost, or a wake-up that is
//! not given, fails or deadlocks in one of them.
>>>>>>> main

#[path = "../src/event_loop/ready_queue.rs"]
mod ready_queue;

/// Loom's locks, in the place of those of the standard library.
mod sync {
    pub use loom::sync::Mutex;
    pub use std::sync::PoisonError;
}

use loom::{
<<<<<<< HEAD
    sync::{Arc, Condvar, Mutex},
=======
    sync::{
        Arc, Notify,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
>>>>>>> main
    thread,
};
use ready_queue::ReadyQueue;

<<<<<<< HEAD
/// A queue with a wake-up, as the crate and an event loop use them.
=======
/// A ready queue with a wake-up, as an event loop has them.
>>>>>>> main
struct Loop {
    ready: ReadyQueue<usize>,
    wakeup: Wakeup,
}

<<<<<<< HEAD
/// A socket: readable after any number of wake-ups, until it is drained.
struct Wakeup {
    readable: Mutex<bool>,
    changed: Condvar,
=======
/// A socket: written to any number of times, it is readable until it is drained.
struct Wakeup {
    readable: AtomicBool,
    arrived: Notify,
>>>>>>> main
}

impl Wakeup {
    fn wake(&self) {
<<<<<<< HEAD
        *self.readable.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait_readable(&self) {
        let mut readable = self.readable.lock().unwrap();
        while !*readable {
            readable = self.changed.wait(readable).unwrap();
=======
        if !self.readable.swap(true, SeqCst) {
            self.arrived.notify();
        }
    }

    /// Waits until it is readable. It stays so: to read from it is another step.
    fn wait(&self) {
        while !self.readable.load(SeqCst) {
            self.arrived.wait();
>>>>>>> main
        }
    }

    fn drain(&self) {
<<<<<<< HEAD
        *self.readable.lock().unwrap() = false;
=======
        self.readable.store(false, SeqCst);
>>>>>>> main
    }
}

impl Loop {
    fn new() -> Arc<Self> {
<<<<<<< HEAD
        let (readable, changed) = (Mutex::new(false), Condvar::new());
        Arc::new(Self {
            ready: ReadyQueue::new(),
            wakeup: Wakeup { readable, changed },
=======
        Arc::new(Self {
            ready: ReadyQueue::new(),
            wakeup: Wakeup {
                readable: AtomicBool::new(false),
                arrived: Notify::new(),
            },
>>>>>>> main
        })
    }

    fn schedule(&self, item: usize) {
        if self.ready.push(item) {
            self.wakeup.wake();
        }
    }

<<<<<<< HEAD
    /// One turn, as `EventLoop::deliver` does it.
    fn drain_then_take(&self) -> Vec<usize> {
        self.wakeup.drain();
        self.ready.take_all()
    }

    /// The same two steps in the wrong order.
    fn take_then_drain(&self) -> Vec<usize> {
        let items = self.ready.take_all();
        self.wakeup.drain();
        items
    }

    /// Takes turns, each when the loop has been woken, until there have been `count` items.
    fn run(&self, count: usize, turn: fn(&Self) -> Vec<usize>) -> Vec<usize> {
        let mut items = Vec::new();
        while items.len() < count {
            self.wakeup.wait_readable();
            items.extend(turn(self));
=======
    /// Takes what is ready, whenever the loop is woken, until there have been `count`.
    fn collect(&self, count: usize, woken: fn(&Self) -> Vec<usize>) -> Vec<usize> {
        let mut items = Vec::new();
        while items.len() < count {
            self.wakeup.wait();
            items.extend(woken(self));
>>>>>>> main
        }
        items.sort_unstable();
        items
    }
}

<<<<<<< HEAD
/// Every item arrives, once: `run` would wait for ever for one that woke nobody.
#[test]
fn what_two_workers_push_arrives() {
=======
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
>>>>>>> main
    loom::model(|| {
        let event_loop = Loop::new();
        for item in 0..2 {
            let event_loop = Arc::clone(&event_loop);
            thread::spawn(move || event_loop.schedule(item));
        }
<<<<<<< HEAD
        assert_eq!(event_loop.run(2, Loop::drain_then_take), [0, 1]);
    });
}

/// One worker pushes while the loop takes what came before. What is left must be announced.
fn one_worker_pushes_twice(turn: fn(&Loop) -> Vec<usize>) {
    loom::model(move || {
        let event_loop = Loop::new();
        let worker = Arc::clone(&event_loop);
        let worker = thread::spawn(move || (0..2).for_each(|item| worker.schedule(item)));
        event_loop.wakeup.wait_readable();
        let taken = turn(&event_loop).len();
        worker.join().unwrap();
        let is_woken = *event_loop.wakeup.readable.lock().unwrap();
        let left = event_loop.ready.take_all().len();
        assert_eq!(taken + left, 2);
        assert!(left == 0 || is_woken, "nobody is woken for what is left");
    });
}

#[test]
fn what_is_pushed_meanwhile_wakes_the_loop_again() {
    one_worker_pushes_twice(Loop::drain_then_take);
}

/// What is pushed between the two steps is not taken, and its wake-up is drained.
#[test]
#[should_panic(expected = "nobody is woken for what is left")]
fn to_take_before_draining_loses_a_wakeup() {
    one_worker_pushes_twice(Loop::take_then_drain);
}

/// Two workers with two items each.
#[test]
fn what_two_workers_push_twice_arrives() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3); // all orders are too many
    model.check(|| {
        let event_loop = Loop::new();
        for first in [0, 2] {
            let worker = Arc::clone(&event_loop);
            thread::spawn(move || {
                worker.schedule(first);
                worker.schedule(first + 1);
            });
        }
        assert_eq!(event_loop.run(4, Loop::drain_then_take), [0, 1, 2, 3]);
    });
}

/// A loop is closed while a worker pushes: the item is taken or dropped, and not kept.
#[test]
=======
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
        assert!(is_woken || event_loop.ready.take_all().is_empty(), "lost");
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
>>>>>>> main
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
