//! The hand-overs, in every order that threads can come in: `cargo test --release --test loom`.
//!
//! The model checker runs each test once for each order. An item that is lost, or a wake-up that is
//! not given, fails or deadlocks in one of them.

#[allow(dead_code)] // the models put in and take out
#[path = "../src/stream/buffer.rs"]
mod buffer;
#[path = "../src/event_loop/ready_queue.rs"]
mod ready_queue;

/// Loom's locks, in the place of those of the standard library.
mod sync {
    pub use loom::sync::{Mutex, MutexGuard};
    pub use std::sync::PoisonError;
}

use std::future::poll_fn;

use buffer::{Buffer, Taken};
use loom::{
    future::block_on,
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

/// Makes items as a producer does: one at a time, when there is room.
fn makes(buffer: &Arc<Buffer<usize, ()>>, count: usize) -> thread::JoinHandle<()> {
    let buffer = Arc::clone(buffer);
    thread::spawn(move || {
        for item in 0..count {
            block_on(poll_fn(|context| buffer.poll_room(context)));
            buffer.put(item);
        }
        buffer.end(None);
    })
}

/// Takes items as the steps of an iterator do, to the end.
fn takes_all(buffer: &Buffer<usize, ()>) -> Vec<usize> {
    let mut items = Vec::new();
    loop {
        block_on(poll_fn(|context| buffer.poll_item(context)));
        match buffer.take() {
            Taken::Item(item) => items.push(item),
            Taken::Over => return items,
            Taken::Failure(()) | Taken::Nothing => panic!("there is an item, or the end"),
        }
    }
}

/// Neither waits for ever for the other, and nothing is lost, with room for one item and for two. All
/// orders are too many to be run: those in which a thread is interrupted three times at most.
#[test]
fn what_is_made_is_taken_in_order() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    for ahead in [1, 2] {
        model.check(move || {
            let buffer = Arc::new(Buffer::new(ahead));
            makes(&buffer, 3);
            assert_eq!(takes_all(&buffer), [0, 1, 2]);
        });
    }
}

/// It is closed while it is filled: the maker does not wait for room that nobody will make.
#[test]
fn a_buffer_that_is_closed_holds_nobody_up() {
    loom::model(|| {
        let buffer = Arc::new(Buffer::new(1));
        let maker = makes(&buffer, 2);
        buffer.close();
        block_on(poll_fn(|context| buffer.poll_end(context)));
        maker.join().unwrap();
        assert!(takes_all(&buffer).is_empty());
    });
}

/// One waits for an item and one for the end, while the buffer is closed and ended.
#[test]
fn who_waits_for_an_item_hears_of_the_end() {
    loom::model(|| {
        let buffer = Arc::new(Buffer::new(1));
        let taker = Arc::clone(&buffer);
        let taker = thread::spawn(move || takes_all(&taker));
        let closer = Arc::clone(&buffer);
        let closer = thread::spawn(move || {
            closer.close();
            block_on(poll_fn(|context| closer.poll_end(context)));
        });
        buffer.end(None);
        assert!(taker.join().unwrap().is_empty());
        closer.join().unwrap();
    });
}
