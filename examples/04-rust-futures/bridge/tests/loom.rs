//! The hand-overs, in every order that threads can come in: `cargo test --release --test loom`.
//!
//! The model checker runs each test once for each order. An item that is lost, or a wake-up that is
//! not given, fails or deadlocks in one of them.

#[allow(dead_code)] // the models put in and take out
#[path = "../src/stream/buffer.rs"]
mod buffer;
#[path = "../src/event_loop/ready_queue.rs"]
mod ready_queue;
#[path = "../src/event_loop/rounds.rs"]
mod rounds;
#[allow(dead_code)]
#[path = "../src/wakes.rs"]
mod wakes;

/// Loom's locks and atomics, in the place of those of the standard library and of `futures-util`.
mod sync {
    pub use loom::sync::{Mutex, MutexGuard, atomic::AtomicU8};
    pub use std::sync::PoisonError;
    use std::task::Waker;

    /// Does each in one step, as that of `futures-util` promises: `wake` takes the waker that was
    /// registered before, and nobody else gets it. Loom's own prints each step.
    pub struct AtomicWaker(Mutex<Option<Waker>>);

    impl AtomicWaker {
        pub fn new() -> Self {
            Self(Mutex::new(None))
        }

        pub fn register(&self, waker: &Waker) {
            let before = self.0.lock().unwrap().replace(waker.clone());
            drop(before);
        }

        pub fn take(&self) -> Option<Waker> {
            self.0.lock().unwrap().take()
        }

        pub fn wake(&self) {
            if let Some(waker) = self.take() {
                waker.wake();
            }
        }
    }
}

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    future::poll_fn,
    task::{Context, Poll, Wake},
};

use buffer::{Buffer, Taken};
use loom::{
    future::block_on,
    sync::{
        Arc, Notify,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};
use ready_queue::ReadyQueue;
use rounds::{Round, Rounds};
use wakes::{Poller, Wakes};

/// Where all orders are too many to be run: those in which a thread is interrupted three times at most.
fn bounded() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model
}

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

/// What the threads share of a loop that polls its futures itself.
struct Executor {
    rounds: Rounds<Arc<InFlight>>,
    /// Coroutines to be resumed: for them the loop leaves the runtime.
    ready: ReadyQueue<usize>,
}

/// A future that is over when as much has come in as it waits for.
struct InFlight {
    name: usize,
    wakes: Wakes,
    missing: AtomicUsize,
}

impl InFlight {
    /// Makes one that the loop polls in its rounds, and one that it does not poll yet.
    fn in_rounds(name: usize, missing: usize) -> Arc<Self> {
        let this = Self::outside(name, missing);
        this.wakes.join_rounds();
        this
    }

    fn outside(name: usize, missing: usize) -> Arc<Self> {
        Arc::new(Self {
            name,
            wakes: Wakes::default(),
            missing: AtomicUsize::new(missing),
        })
    }

    /// Says whether it is over. The wake is taken first, as the crate's `InFlight::poll` does it.
    fn poll(&self) -> bool {
        self.wakes.take();
        self.missing.load(SeqCst) == 0
    }
}

impl Executor {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rounds: Rounds::new(),
            ready: ReadyQueue::new(),
        })
    }
}

/// Something comes in, and whoever has it calls the future's waker. Done by another thread, `times`
/// times.
fn comes_in(
    executor: &Arc<Executor>,
    future: &Arc<InFlight>,
    times: usize,
) -> thread::JoinHandle<()> {
    let (executor, future) = (Arc::clone(executor), Arc::clone(future));
    thread::spawn(move || {
        for _ in 0..times {
            future.missing.fetch_sub(1, SeqCst);
            if let Some(Poller::Rounds) = future.wakes.wake() {
                executor.rounds.push(Arc::clone(&future));
            }
        }
    })
}

/// The loop's thread, while it waits in the runtime.
struct Reactor {
    executor: Arc<Executor>,
    round: VecDeque<Arc<InFlight>>,
    over: BTreeSet<usize>,
    /// How many futures it may poll before the runtime must have its turn.
    budget: usize,
}

impl Reactor {
    fn new(executor: &Arc<Executor>) -> Self {
        Self {
            executor: Arc::clone(executor),
            round: VecDeque::new(),
            over: BTreeSet::new(),
            budget: 8,
        }
    }

    fn poll_once(&mut self, context: &Context<'_>) -> Round {
        let (polled, over) = (Cell::new(0), RefCell::new(&mut self.over));
        let poll = |future: Arc<InFlight>| {
            polled.set(polled.get() + 1);
            future.poll() && over.borrow_mut().insert(future.name)
        };
        let has_budget = || polled.get() < self.budget;
        let rounds = &self.executor.rounds;
        rounds.poll_round(context.waker(), &mut self.round, poll, has_budget)
    }

    /// Runs `turn` until it leaves, and parks in between. As the crate's `Reactor::rounds` does it.
    fn run(&mut self, mut turn: impl FnMut(&mut Self, &Context<'_>) -> Next) {
        block_on(poll_fn(|context| {
            match turn(self, context) {
                Next::Leave => return Poll::Ready(()),
                Next::Park => {}
                Next::GoOn => context.waker().wake_by_ref(),
            }
            Poll::Pending
        }));
        self.executor.rounds.unregister();
    }

    /// Polls once, and leaves.
    fn take_turn(&mut self) {
        self.run(|this, context| {
            this.poll_once(context);
            Next::Leave
        });
    }

    /// Waits until so many futures are over.
    fn wait_for(&mut self, count: usize) {
        self.run(|this, context| {
            let polled = this.poll_once(context);
            if this.over.len() == count {
                Next::Leave
            } else {
                this.next(polled)
            }
        });
    }

    fn next(&self, polled: Round) -> Next {
        match polled {
            Round::Unfinished => Next::GoOn,
            _ if self.executor.rounds.has_woken() => Next::GoOn,
            Round::AllOver | Round::SomePending => Next::Park,
        }
    }
}

enum Next {
    GoOn,
    Park,
    Leave,
}

/// Each is polled after what it waited for has come in: `wait_for` would park for ever if not.
#[test]
fn a_future_that_is_woken_is_polled() {
    bounded().check(|| {
        let executor = Executor::new();
        for name in 0..2 {
            comes_in(&executor, &InFlight::in_rounds(name, 1), 1);
        }
        Reactor::new(&executor).wait_for(2);
    });
}

/// One is woken while the loop polls it, and after that.
#[test]
fn a_future_that_is_woken_while_it_is_polled_is_polled_again() {
    bounded().check(|| {
        let executor = Executor::new();
        comes_in(&executor, &InFlight::in_rounds(0, 2), 2);
        Reactor::new(&executor).wait_for(1);
    });
}

/// One is woken by a thread at the moment when the loop has polled it first, and takes it into its
/// rounds. Whoever comes second has it pushed.
#[test]
fn a_future_that_is_woken_while_it_joins_the_rounds_is_polled() {
    loom::model(|| {
        let executor = Executor::new();
        let future = InFlight::outside(0, 1);
        comes_in(&executor, &future, 1);
        if future.wakes.join_rounds() {
            executor.rounds.push(future);
        }
        Reactor::new(&executor).wait_for(1);
    });
}

/// Polls until the loop parks or leaves, while `worker` has something for it. What it has not found then,
/// it must still be woken for.
fn parks_once(
    reactor: &mut Reactor,
    worker: thread::JoinHandle<()>,
    mut turn: impl FnMut(&mut Reactor, &Context<'_>) -> Next,
) {
    let runtime = std::sync::Arc::new(Runtime::default());
    let waker = runtime.clone().into();
    let mut next = Next::GoOn;
    while let Next::GoOn = next {
        runtime.is_woken.store(false, SeqCst);
        next = turn(reactor, &Context::from_waker(&waker));
    }
    worker.join().unwrap();
    let executor = &reactor.executor;
    let is_left = executor.rounds.has_woken() || !executor.ready.is_empty();
    let goes_on = matches!(next, Next::Leave) || runtime.is_woken.load(SeqCst);
    assert!(goes_on || !is_left, "lost");
}

/// Stands for the runtime, where it is only asked who can wake it, and whether somebody has.
#[derive(Default)]
struct Runtime {
    is_woken: std::sync::atomic::AtomicBool,
}

impl Wake for Runtime {
    fn wake(self: std::sync::Arc<Self>) {
        self.is_woken.store(true, SeqCst);
    }
}

/// Tokio's budget lasts for one of two futures, and the first is woken again before the other has its turn,
/// or after that.
fn a_round_of_two_polls(next: fn(&Reactor, Round) -> Next) {
    loom::model(move || {
        let executor = Executor::new();
        let mut reactor = Reactor::new(&executor);
        reactor.budget = 1;
        let futures = [InFlight::in_rounds(0, 1), InFlight::in_rounds(1, 1)];
        for future in &futures {
            future.wakes.wake();
            executor.rounds.push(Arc::clone(future));
        }
        let worker = comes_in(&executor, &futures[0], 1);
        parks_once(&mut reactor, worker, |reactor, context| {
            let polled = reactor.poll_once(context);
            next(reactor, polled)
        });
    });
}

#[test]
fn looked_for_before_the_loop_parks_no_future_is_lost() {
    a_round_of_two_polls(Reactor::next);
}

/// A future that is woken between the polls has woken the runtime for the second, which only ends the
/// round.
#[test]
#[should_panic(expected = "lost")]
fn not_looked_for_before_the_loop_parks_a_future_is_lost() {
    a_round_of_two_polls(|_, polled| match polled {
        Round::Unfinished => Next::GoOn,
        Round::AllOver | Round::SomePending => Next::Park,
    });
}

/// The loop waits for a coroutine that is to be resumed. Another thread schedules it, as
/// `EventLoop::push` does it.
fn waits_for_a_coroutine(has_ready: fn(&mut Reactor, &Context<'_>) -> bool) {
    loom::model(move || {
        let executor = Executor::new();
        let worker = Arc::clone(&executor);
        let worker = thread::spawn(move || {
            if worker.ready.push(0) {
                worker.rounds.wake();
            }
        });
        let mut reactor = Reactor::new(&executor);
        parks_once(&mut reactor, worker, |reactor, context| {
            if has_ready(reactor, context) {
                Next::Leave
            } else {
                Next::Park
            }
        });
    });
}

#[test]
fn looked_for_after_the_round_no_coroutine_is_lost() {
    waits_for_a_coroutine(|reactor, context| {
        reactor.poll_once(context);
        !reactor.executor.ready.is_empty()
    });
}

/// The round registers the waker. What comes before that wakes nobody.
#[test]
#[should_panic(expected = "lost")]
fn looked_for_before_the_round_a_coroutine_is_lost() {
    waits_for_a_coroutine(|reactor, context| {
        let has_ready = !reactor.executor.ready.is_empty();
        reactor.poll_once(context);
        has_ready
    });
}

/// The loop leaves the runtime while a future is woken, and comes back.
#[test]
fn a_future_that_is_woken_while_the_loop_is_elsewhere_is_polled() {
    loom::model(|| {
        let executor = Executor::new();
        let mut reactor = Reactor::new(&executor);
        comes_in(&executor, &InFlight::in_rounds(0, 1), 1);
        reactor.take_turn();
        reactor.wait_for(1);
    });
}

/// The loop is closed while a future is woken. Neither is kept, and nor is the waker of the runtime.
#[test]
fn nothing_is_kept_by_an_executor_that_is_closed() {
    loom::model(|| {
        let executor = Executor::new();
        let future = InFlight::in_rounds(0, 1);
        let thread = comes_in(&executor, &future, 1);
        let runtime = std::sync::Arc::new(Runtime::default());
        let mut reactor = Reactor::new(&executor);
        reactor.poll_once(&Context::from_waker(&runtime.clone().into()));
        executor.rounds.unregister();
        executor.rounds.close();
        drop(reactor);
        thread.join().unwrap();
        assert_eq!(Arc::strong_count(&future), 1);
        assert_eq!(std::sync::Arc::strong_count(&runtime), 1);
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

/// Neither waits for ever for the other, and nothing is lost, with room for one item and for two.
#[test]
fn what_is_made_is_taken_in_order() {
    for ahead in [1, 2] {
        bounded().check(move || {
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
