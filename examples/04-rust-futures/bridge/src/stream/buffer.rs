//! The hand-over of items: whoever makes them is a bounded number ahead of whoever takes them.
//!
//! It knows neither Python nor tokio, so that `tests/loom.rs` can run it in every order that threads
//! can come in.

use std::{
    collections::VecDeque,
    mem,
    task::{Context, Poll, Waker},
};

use super::sync::{Mutex, MutexGuard, PoisonError};

/// Items that have been made and not been taken, in order; after the last one perhaps a failure.
pub struct Buffer<T, F> {
    state: Mutex<State<T, F>>,
    ahead: usize,
}

struct State<T, F> {
    items: VecDeque<T>,
    failure: Option<F>,
    /// Nobody takes what is made from now on.
    closed: bool,
    /// Nothing more is made.
    over: bool,
    /// Who makes items, and waits for room.
    maker: Option<Waker>,
    /// Who takes items, and waits for one.
    taker: Option<Waker>,
    /// Who waits for the end.
    closers: Vec<Waker>,
}

impl<T, F> Buffer<T, F> {
    /// Makes one that holds at most `ahead` items, and never less than one.
    pub fn new(ahead: usize) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                failure: None,
                closed: false,
                over: false,
                maker: None,
                taker: None,
                closers: Vec::new(),
            }),
            ahead: ahead.max(1),
        }
    }

    pub fn has_room(&self) -> bool {
        self.has_room_for(&self.lock())
    }

    /// Waits for room for one more item. When it is closed there always is: what is put in is dropped.
    pub fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if self.has_room_for(&state) {
            return Poll::Ready(());
        }
        let before = state.maker.replace(context.waker().clone());
        drop(state);
        drop(before); // unlocked: a waker may be anything
        Poll::Pending
    }

    fn has_room_for(&self, state: &State<T, F>) -> bool {
        state.closed || state.items.len() < self.ahead
    }

    /// Puts an item at the end, and wakes the taker if it waits. For those after it, it is on its way:
    /// so a batch wakes it once.
    pub fn put(&self, item: T) {
        let mut state = self.lock();
        if state.closed {
            drop(state); // the lock first: the item may hold anything
            return;
        }
        state.items.push_back(item);
        wake(state, |state| state.taker.take());
    }

    /// Waits for an item, or the end.
    pub fn poll_item(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.over || !state.items.is_empty() {
            return Poll::Ready(());
        }
        let before = state.taker.replace(context.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Has whoever waits for an item look again.
    pub fn wake_taker(&self) {
        wake(self.lock(), |state| state.taker.take());
    }

    /// Takes the first item, or the failure after the last.
    pub fn take(&self) -> Taken<T, F> {
        let mut state = self.lock();
        let Some(item) = state.items.pop_front() else {
            return Self::none_left(state);
        };
        self.wake_maker(state);
        Taken::Item(item)
    }

    /// Takes the items that are there, at most `count` of them, at once: between two takes there might
    /// come more than there is room for.
    pub fn take_many(&self, count: usize) -> Taken<Vec<T>, F> {
        let mut state = self.lock();
        if state.items.is_empty() {
            return Self::none_left(state);
        }
        let count = count.clamp(1, state.items.len());
        let items = state.items.drain(..count).collect();
        self.wake_maker(state);
        Taken::Item(items)
    }

    fn none_left<I>(mut state: MutexGuard<'_, State<T, F>>) -> Taken<I, F> {
        match state.failure.take() {
            Some(failure) => Taken::Failure(failure),
            None if state.over => Taken::Over,
            None => Taken::Nothing,
        }
    }

    /// Wakes the maker when half of the room is free: with each item, it would be woken for each.
    fn wake_maker(&self, state: MutexGuard<'_, State<T, F>>) {
        if state.items.len() <= self.ahead / 2 {
            wake(state, |state| state.maker.take());
        }
    }

    /// Drops all items, the failure, and what is put in later. The maker finds that there is room.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let unwanted = (mem::take(&mut state.items), state.failure.take());
        wake(state, |state| state.maker.take());
        drop(unwanted); // unlocked: it may hold anything
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nothing more is made. Call it when whatever made the items is gone: who waits for the end
    /// relies on that.
    pub fn end(&self, failure: Option<F>) {
        let mut state = self.lock();
        state.over = true;
        let unwanted = if state.closed {
            failure
        } else {
            mem::replace(&mut state.failure, failure)
        };
        let wakers = mem::take(&mut state.closers);
        wake(state, |state| state.taker.take());
        wakers.into_iter().for_each(Waker::wake);
        drop(unwanted);
    }

    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Waits until nothing more is made.
    pub fn poll_end(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.over {
            return Poll::Ready(());
        }
        if !state.closers.iter().any(|it| it.will_wake(context.waker())) {
            state.closers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State<T, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub enum Taken<T, F> {
    Item(T),
    Failure(F),
    /// There is none yet.
    Nothing,
    /// There is none, and there will be none.
    Over,
}

/// Wakes whom `who` takes out of the state, with the lock open: a waker may do anything.
fn wake<S>(mut state: MutexGuard<'_, S>, who: fn(&mut S) -> Option<Waker>) {
    let waker = who(&mut state);
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
