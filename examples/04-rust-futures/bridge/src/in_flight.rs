//! One future that is awaited: shared by the coroutine that awaits it and whoever polls it.
//!
//! One that the loop's thread polls is its own waker, too. To wake is to have the coroutine scheduled;
//! who does that, and how, is not known here.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, TryLockError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use pyo3::prelude::*;
use tokio::{
    runtime::{EnterGuard, Handle},
    task::{AbortHandle, JoinHandle},
};

use crate::{
    fork,
    panic::{self, Panicked},
    request::{Job, Request, Requests},
    rust_future::{BoxedFuture, RustFuture, failed},
    wakes::{Poller, Wakes},
};

/// Resumes coroutines, by and by.
pub trait Schedule: Send + Sync {
    /// Has the coroutine resumed that waits under this key. It may be called on any thread, once too
    /// often, and too late: then another one is resumed for nothing, or none.
    fn schedule(self: Arc<Self>, key: usize);

    /// What the futures find themselves in.
    fn runtime(&self) -> &Handle;

    /// Has the loop's own thread poll the future in its next round. Returns false if this is no such
    /// loop: workers poll its futures.
    fn poll_soon(&self, future: &Arc<InFlight>) -> bool;

    /// Is told of a task that goes on by itself, and must be finished.
    fn outlive(&self, task: JoinHandle<()>);
}

/// Where a future's coroutine waits.
pub struct Place {
    pub scheduler: Arc<dyn Schedule>,
    pub key: usize,
}

impl Place {
    pub fn schedule(&self) {
        Arc::clone(&self.scheduler).schedule(self.key);
    }
}

#[derive(Default)]
pub struct InFlight {
    /// None when it has been dropped, or what it brought has been taken.
    ///
    /// Locked for as long as somebody polls it, or drops it. Whoever only looks must not lock it while
    /// it runs: a worker that found it locked would take it for dropped.
    future: Mutex<Option<BoxedFuture>>,
    place: OnceLock<Place>,
    /// It does not run any more.
    over: AtomicBool,
    /// Its coroutine is to be scheduled then. Until it suspends there is no need: it looks by itself.
    waited_for: AtomicBool,
    wakes: Wakes,
    /// Whoever polls it shall drop it.
    cancelled: AtomicBool,
    /// It runs to its end, whoever gives up on it.
    uncancellable: AtomicBool,
    /// It is polled for itself, and not when its coroutine is resumed: by workers of the runtime, or by
    /// the loop's thread in its rounds.
    spawned: AtomicBool,
    /// No other thread can.
    local: AtomicBool,
    /// What it asks of Python: most ask nothing.
    requests: OnceLock<Box<Requests>>,
}

/// What the first poll of a future tells.
pub enum First {
    Ready,
    Panicked(Panicked),
    /// Whoever may wake the future has this. If the future is ready, it has asked for something.
    Pending(WithWaker),
}

type WithWaker = (Arc<InFlight>, Waker);

impl InFlight {
    /// Polls a future for the first time, before anything else is made for it: many are ready at
    /// once. Detached from Python, as it runs code that is not ours.
    pub fn poll_first(py: Python<'_>, future: Pin<&mut dyn RustFuture>, runtime: &Handle) -> First {
        let spare = SPARE.take().unwrap_or_else(Self::with_waker);
        Self::poll_once_more(py, future, runtime, spare)
    }

    /// The same for one that is pending, though what it asked for has been done.
    pub fn poll_once_more(
        py: Python<'_>,
        future: Pin<&mut dyn RustFuture>,
        runtime: &Handle,
        (this, waker): WithWaker,
    ) -> First {
        this.wakes.take();
        let (polled, this) = py.detach(|| {
            let _inside = runtime.enter();
            let current = Current::set(this);
            let mut context = Context::from_waker(&waker);
            let poll = || panic::catch(|| future.poll(&mut context));
            (fork::section(poll), current.end())
        });
        match polled {
            Ok(Poll::Pending) => First::Pending((this, waker)),
            Ok(Poll::Ready(())) if this.has_requests() => {
                this.over.store(true, SeqCst);
                First::Pending((this, waker))
            }
            Ok(Poll::Ready(())) => {
                if Arc::strong_count(&this) == 2 && Arc::weak_count(&this) == 0 {
                    SPARE.set(Some((this, waker))); // nobody else has kept it
                }
                First::Ready
            }
            Err(panicked) => First::Panicked(panicked),
        }
    }

    fn with_waker() -> WithWaker {
        let this = Arc::<Self>::default();
        (Arc::clone(&this), this.into())
    }

    /// Takes a future after its first poll.
    pub fn take_in(&self, future: BoxedFuture, place: Place, uncancellable: bool) {
        if let Some(mut slot) = self.try_lock() {
            *slot = Some(future);
        }
        self.uncancellable.store(uncancellable, SeqCst);
        let _ = self.place.set(place);
    }

    /// From now on the loop's thread polls it in its rounds, and no more when its coroutine is resumed.
    pub fn join_rounds(self: &Arc<Self>) {
        self.spawned.store(true, SeqCst);
        if self.wakes.join_rounds() {
            self.poll_soon();
        }
    }

    /// Starts `future` in the rounds of its place, or else on the runtime, whose task this returns.
    pub fn spawn(
        future: BoxedFuture,
        place: Place,
        uncancellable: bool,
    ) -> (Arc<Self>, Option<AbortHandle>) {
        let scheduler = Arc::clone(&place.scheduler);
        let this = Arc::new(Self {
            local: future.is_local().into(),
            future: Mutex::new(Some(future)),
            place: place.into(),
            uncancellable: uncancellable.into(),
            spawned: true.into(),
            ..Self::default()
        });
        this.wakes.join_rounds(); // before somebody can wake it
        if scheduler.poll_soon(&this) {
            return (this, None);
        }
        this.wakes.leave_rounds();
        let task = scheduler.runtime().spawn(Spawned(Arc::clone(&this)));
        (this, Some(task.abort_handle()))
    }

    /// Asks to be scheduled at the end of a future that workers poll. Returns false if that has come
    /// already, perhaps before it was asked.
    pub fn wait(&self) -> bool {
        self.waited_for.store(true, SeqCst);
        !self.is_over()
    }

    /// Takes what it has brought, if it does not run any more, and has not been dropped.
    pub fn take(&self) -> Option<BoxedFuture> {
        self.try_lock().and_then(|mut slot| slot.take())
    }

    pub fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    /// Is it over, or to be polled by its coroutine?
    pub fn has_news(&self) -> bool {
        self.is_over() || (!self.is_spawned() && self.is_woken())
    }

    /// Is there nothing left of it to be dropped?
    pub fn is_gone(&self) -> bool {
        self.is_over() && self.try_lock().is_some_and(|slot| slot.is_none())
    }

    pub fn is_spawned(&self) -> bool {
        self.spawned.load(SeqCst)
    }

    /// Where its coroutine waits, if there is such a place yet.
    pub fn key(&self) -> usize {
        self.place.get().map_or(usize::MAX, |place| place.key)
    }

    pub fn is_uncancellable(&self) -> bool {
        self.uncancellable.load(SeqCst)
    }

    /// Polls a future here, on the loop's thread, detached from Python: it runs code that is not
    /// ours.
    pub fn poll_here(self: &Arc<Self>, py: Python<'_>) {
        let waker = Waker::from(Arc::clone(self));
        py.detach(|| {
            let _inside = self.enter_runtime();
            let _current = Current::set(Arc::clone(self));
            let _ = self.poll(&mut Context::from_waker(&waker));
        });
    }

    /// Returns the future that this thread polls, the innermost one.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(|current| current.borrow().clone()).ok()?
    }

    /// Has its coroutine see to a request. Call it while the future is polled: whoever polls one for
    /// the loop looks for requests after that.
    pub fn ask(&self, request: Request) {
        self.requests.get_or_init(Box::default).push(request);
        if self.is_spawned() && self.waited_for.load(SeqCst) {
            self.schedule();
        }
    }

    /// Has it asked for something that nobody has seen to?
    pub fn has_requests(&self) -> bool {
        self.requests.get().is_some_and(|it| !it.is_empty())
    }

    /// Takes the first of what it has asked for, if all of it is to be awaited in the Task.
    pub fn next_in_task(&self) -> Option<Box<dyn Job>> {
        self.requests.get()?.take_in_task()
    }

    /// Takes the first of what it has asked for.
    pub fn next_request(&self) -> Option<Request> {
        self.requests.get()?.take_first()
    }

    /// Sees to no request any more, also to those that come if the future goes on by itself.
    pub fn refuse_requests(&self) {
        if !self.is_gone() {
            self.requests.get_or_init(Box::default).close();
        } else if let Some(requests) = self.requests.get() {
            requests.close();
        }
    }

    /// Runs `f`, which may wake the future, where its coroutine looks for that right after.
    pub fn about_to_look<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        let _current = Current::set(Arc::clone(self));
        f()
    }

    fn poll_soon(self: &Arc<Self>) {
        if let Some(place) = self.place.get() {
            place.scheduler.poll_soon(self);
        }
    }

    /// Has its coroutine scheduled.
    pub fn schedule(&self) {
        if let Some(place) = self.place.get() {
            place.schedule();
        }
    }

    /// Polls a future whose turn it is in a round of its loop. Call it detached, inside the runtime.
    /// Says whether it is over for the rounds.
    ///
    /// One that has been abandoned meanwhile is left to its task: poll it here, and it forgets the task's
    /// waker, so that nobody polls it again.
    pub fn take_turn(self: Arc<Self>) -> bool {
        if !self.wakes.is_in_rounds() {
            return true;
        }
        let waker = Waker::from(Arc::clone(&self));
        let _current = Current::set(Arc::clone(&self));
        let is_over = self.poll(&mut Context::from_waker(&waker)).is_ready();
        if is_over {
            self.tell();
        }
        is_over
    }

    /// It is over. Its coroutine is to look, if that waits.
    fn tell(&self) {
        if self.waited_for.load(SeqCst) {
            self.schedule();
        }
    }

    /// Has it been woken since it was polled?
    pub fn is_woken(&self) -> bool {
        self.wakes.is_woken()
    }

    /// The same, and it will have been polled by then.
    pub fn take_wake(&self) -> bool {
        self.wakes.take()
    }

    /// Drops the future, and says whether it is gone. If not, somebody is polling it at this moment,
    /// and drops it when that poll returns: a poll cannot be interrupted. One that is uncancellable
    /// stays.
    ///
    /// Call it detached: this runs code that is not ours, which might wait for Python.
    pub fn cancel(&self) -> bool {
        if self.is_uncancellable() {
            return false;
        }
        self.cancelled.store(true, SeqCst);
        self.drop_if_free()
    }

    /// Nobody awaits it any more, and nobody can wait for its end. One that is uncancellable goes on
    /// by itself, on the runtime if it was not there; not one that is local, as the runtime may have to
    /// go on on another thread. Call it detached.
    pub fn abandon(self: &Arc<Self>) {
        match self.place.get() {
            Some(place) if self.is_uncancellable() && !self.local.load(SeqCst) => {
                let in_rounds = self.wakes.leave_rounds();
                let is_task = self.spawned.swap(true, SeqCst) && !in_rounds;
                if !is_task && !self.is_over() {
                    let task = Spawned(Arc::clone(self));
                    let task = place.scheduler.runtime().spawn(task);
                    place.scheduler.outlive(task);
                }
            }
            _ => {
                self.uncancellable.store(false, SeqCst);
                self.cancel();
            }
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let poll = fork::section(|| {
            let Some(mut slot) = self.try_lock() else {
                return Poll::Pending; // somebody drops it
            };
            self.wakes.take();
            let Some(future) = slot.as_mut().filter(|_| !self.is_over()) else {
                return Poll::Ready(()); // it has been dropped
            };
            let poll = panic::catch(|| future.as_mut().poll(context)).unwrap_or_else(|panicked| {
                let future = slot.replace(failed(panicked));
                let _ = panic::catch(|| drop(future));
                Poll::Ready(())
            });
            drop(slot); // before it is said to be over: then somebody takes the lock
            self.over.store(poll.is_ready(), SeqCst);
            poll
        });
        // Who cancelled meanwhile found the lock taken.
        if self.cancelled.load(SeqCst) {
            self.drop_if_free();
            return Poll::Ready(());
        }
        poll
    }

    fn drop_if_free(&self) -> bool {
        fork::section(|| {
            let Some(mut slot) = self.try_lock() else {
                return false;
            };
            let future = slot.take();
            let _inside = self.enter_runtime();
            let _ = panic::catch(|| drop(future)); // the panic hook has said so
            drop(slot);
            self.over.store(true, SeqCst);
            true
        })
    }

    fn enter_runtime(&self) -> Option<EnterGuard<'_>> {
        let place = self.place.get()?;
        Some(place.scheduler.runtime().enter())
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<BoxedFuture>>> {
        match self.future.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Wake for InFlight {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Who keeps the waker of a future that is over must not resume whoever waits under its key by now.
    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_over() {
            return;
        }
        match self.wakes.wake() {
            Some(Poller::Rounds) => self.poll_soon(),
            Some(Poller::Other) if Current::is(self) => {} // whoever polls it is about to ask
            Some(Poller::Other) => self.schedule(),
            None => {}
        }
    }
}

thread_local! {
    /// Which future this thread polls.
    static CURRENT: RefCell<Option<Arc<InFlight>>> = const { RefCell::new(None) };
    /// One that nobody has used: most first polls need a waker, and do not keep it.
    static SPARE: RefCell<Option<WithWaker>> = const { RefCell::new(None) };
}

/// Marks the future that is polled, for as long as this value lives.
struct Current {
    outer: Option<Arc<InFlight>>,
    is_over: bool,
}

impl Current {
    fn set(future: Arc<InFlight>) -> Self {
        Self {
            outer: CURRENT.replace(Some(future)),
            is_over: false,
        }
    }

    /// Gives the future back.
    fn end(mut self) -> Arc<InFlight> {
        self.is_over = true;
        let future = CURRENT.replace(self.outer.take());
        future.expect("whoever sets another one ends it first")
    }

    fn is(future: &Arc<InFlight>) -> bool {
        let is = |current: &RefCell<Option<Arc<InFlight>>>| {
            let current = current.borrow();
            current.as_ref().is_some_and(|it| Arc::ptr_eq(it, future))
        };
        CURRENT.try_with(is) == Ok(true)
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        if !self.is_over {
            let future = CURRENT.replace(self.outer.take());
            drop(future);
        }
    }
}

/// What tokio holds. When it lets go, the future goes as well.
struct Spawned(Arc<InFlight>);

impl Future for Spawned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _current = Current::set(Arc::clone(&self.0));
        self.0.poll(context)
    }
}

impl Drop for Spawned {
    /// Finished, cancelled, or the runtime is at its end: the coroutine is to look.
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.drop_if_free();
        }
        self.0.tell();
    }
}
