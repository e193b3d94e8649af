//! An event loop, as far as this crate is concerned: what is ready, how to wake it, who waits for it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, btree_map::Entry},
    mem, ptr,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyRuntimeError,
    prelude::*,
    types::{PyWeakrefMethods, PyWeakrefReference},
};
use slab::Slab;
use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    call_soon::CallSoon,
    library::{Library, Suspension},
    ready_queue::ReadyQueue,
    wakeup::Wakeup,
};
use crate::{
    fork::{Guarded, PerProcess},
    in_flight::{InFlight, Place, Schedule},
    request::{Command, Submit},
    this_thread::this_thread,
};

/// By the address of the Python object that stands for the loop, until that is closed.
static LOOPS: PerProcess<BTreeMap<usize, Known>> = PerProcess::new(BTreeMap::new(), BTreeMap::new);

/// The weak reference tells a loop from another one that has come to stand at the same address.
struct Known {
    object: Py<PyWeakrefReference>,
    event_loop: Arc<EventLoop>,
}

pub struct EventLoop {
    library: &'static dyn Library,
    /// That of the Python object.
    address: usize,
    runtime: Handle,
    ready: ReadyQueue<Ready>,
    wakeup: Wakeup,
    /// Locked while attached only, and while no Python code runs.
    waiting: Mutex<Slab<Waiting>>,
    /// The Tasks that were begun for Rust futures. Locked as `waiting` is.
    tasks: Mutex<Slab<Py<PyAny>>>,
    /// Where it ran last, by `this_thread`.
    thread: AtomicUsize,
    wakes_when_one_has_left: AtomicBool,
    closed: AtomicBool,
}

/// What the loop is woken for.
enum Ready {
    /// The coroutine that waits under this key is to be resumed.
    Coroutine(usize),
    Command(Command),
}

/// A coroutine whose future is in flight.
struct Waiting {
    future: Weak<InFlight>,
    /// What has the coroutine resumed. Held here, and not only by the coroutine: what is in flight may
    /// come in, so as long as the loop lives this keeps alive who waits, however few hold it. Forget
    /// it, and the collector destroys each Task that nobody else holds.
    waiter: Option<Py<PyAny>>,
}

impl EventLoop {
    pub fn new(
        library: &'static dyn Library,
        object: &Bound<'_, PyAny>,
        runtime: Handle,
        wakeup: Wakeup,
    ) -> Self {
        Self {
            library,
            address: object.as_ptr().addr(),
            runtime,
            ready: ReadyQueue::new(),
            wakeup,
            waiting: Mutex::default(),
            tasks: Mutex::default(),
            thread: AtomicUsize::new(this_thread()),
            wakes_when_one_has_left: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Returns the one of this Python object, if it is known.
    pub fn known(object: &Bound<'_, PyAny>) -> Option<Arc<Self>> {
        let py = object.py();
        let (same, event_loop) = LOOPS.with(py, |loops| {
            let known = loops.get(&object.as_ptr().addr())?;
            Some((known.object.clone_ref(py), Arc::clone(&known.event_loop)))
        })?;
        let same = same.bind(py).upgrade()?;
        same.is(object).then_some(event_loop)
    }

    /// Makes it known as the one of this Python object, until it is closed.
    pub fn make_known(self: &Arc<Self>, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let known = Known {
            object: PyWeakrefReference::new(object)?.unbind(),
            event_loop: Arc::clone(self),
        };
        let replaced = LOOPS.with(object.py(), |loops| loops.insert(self.address, known));
        drop(replaced); // unlocked: Python code may run
        Ok(())
    }

    fn forget(&self, py: Python<'_>) {
        let known = LOOPS.with(py, |loops| match loops.entry(self.address) {
            Entry::Occupied(entry) if ptr::eq(Arc::as_ptr(&entry.get().event_loop), self) => {
                Some(entry.remove())
            }
            _ => None, // another one has come to stand there
        });
        drop(known); // unlocked: Python code may run
    }

    pub fn library(&self) -> &'static dyn Library {
        self.library
    }

    pub fn fileno(&self) -> Option<i64> {
        self.wakeup.fileno()
    }

    /// Does its own thread poll its futures, while it waits?
    pub fn has_own_runtime(&self) -> bool {
        self.wakeup.executor().is_some()
    }

    /// Is there a coroutine to be resumed?
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Is it the one of this Python object?
    pub fn is_of(&self, object: &Bound<'_, PyAny>) -> bool {
        object.as_ptr().addr() == self.address
    }

    /// Makes room for a coroutine that is to wait. Its future comes with `enter`.
    pub fn place(self: &Arc<Self>) -> Place {
        Place {
            scheduler: Arc::clone(self) as Arc<dyn Schedule>,
            key: self.waiting.lock().insert(Waiting {
                future: Weak::new(),
                waiter: None,
            }),
        }
    }

    /// Notes which future is in flight: it is dropped when the loop is closed.
    pub fn enter(&self, future: &Arc<InFlight>) {
        if let Some(waiting) = self.waiting.lock().get_mut(future.key()) {
            waiting.future = Arc::downgrade(future);
        }
    }

    pub fn leave(&self, key: usize) {
        let left = self.waiting.lock().try_remove(key);
        drop(left); // unlocked: Python code may run
        if self.wakes_when_one_has_left.load(SeqCst) {
            self.wakeup.wake();
        }
    }

    /// How many futures are in flight.
    pub fn in_flight(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Suspends the coroutine that waits under this key.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if the loop is closed, or cannot be woken, or another one is running.
    pub fn suspend<'py>(
        &self,
        py: Python<'py>,
        key: usize,
        cancellable: bool,
    ) -> PyResult<Suspension<'py>> {
        let running = self.running(py)?;
        if let Wakeup::CallSoon(_) = self.wakeup {
            CallSoon::check(py)?;
        }
        self.thread.store(this_thread(), SeqCst);
        let suspension = self.library.suspend(&running, cancellable)?;
        self.set_waiter(key, Some(suspension.waiter.clone().unbind()));
        Ok(suspension)
    }

    /// Returns its Python object, if it is the one that runs here.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.is_closed() {
            return Err(closed());
        }
        self.if_running(py)?.ok_or_else(|| {
            PyRuntimeError::new_err("the coroutine was begun on a different event loop")
        })
    }

    /// Does the coroutine under this key wait for this loop, which runs here and has not resumed it?
    pub fn is_waited_for(&self, py: Python<'_>, key: usize) -> PyResult<bool> {
        let waits =
            |waiting: &Slab<Waiting>| waiting.get(key).is_some_and(|it| it.waiter.is_some());
        Ok(waits(&self.waiting.lock()) && self.if_running(py)?.is_some())
    }

    /// It has a runtime of its own, and runs on this thread.
    pub fn runs_here(self: &Arc<Self>) {
        let last = last_here(|last| ptr::eq(last.as_ptr(), Arc::as_ptr(self)));
        if last != Some(true) {
            LAST_HERE.set(Some(Guarded::new(Arc::downgrade(self))));
        }
    }

    /// Does it run on this thread?
    pub fn is_running(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(!self.is_closed() && self.if_running(py)?.is_some())
    }

    /// Returns the Python object of this loop, if it is the one that runs on this thread.
    fn if_running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let running = self.library.running(py)?;
        Ok(running.filter(|running| self.is_of(running)))
    }

    /// The coroutine runs again.
    pub fn resumed(&self, key: usize) {
        self.set_waiter(key, None);
    }

    fn set_waiter(&self, key: usize, waiter: Option<Py<PyAny>>) {
        let before = match self.waiting.lock().get_mut(key) {
            Some(waiting) => mem::replace(&mut waiting.waiter, waiter),
            None => waiter,
        };
        drop(before); // unlocked: Python code may run
    }

    /// The loop has been woken. Runs on its thread.
    pub fn woken(&self, py: Python<'_>) -> PyResult<()> {
        self.wakeup.drain(); // first: see `ReadyQueue::take_all`
        self.deliver(py)
    }

    /// Has the coroutines resumed whose futures are ready, and runs the commands. All are seen to before
    /// it raises what is no `Exception`, such as `KeyboardInterrupt`.
    pub fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let mut urgent = Ok(());
        let mut waiters = Vec::new();
        for ready in self.ready.take_all() {
            match ready {
                Ready::Coroutine(key) => waiters.extend(self.take_waiter(py, key)),
                Ready::Command(command) => {
                    urgent = urgent.and(self.library.wake(&mem::take(&mut waiters)));
                    command(py);
                }
            }
        }
        urgent.and(self.library.wake(&waiters))
    }

    /// None if its coroutine is over, or has been resumed by something else.
    fn take_waiter<'py>(&self, py: Python<'py>, key: usize) -> Option<Bound<'py, PyAny>> {
        let mut waiting = self.waiting.lock();
        let waiter = waiting.get_mut(key)?.waiter.take();
        waiter.map(|waiter| waiter.into_bound(py))
    }

    /// Begins a Task that runs `coroutine`: in `context`, or in a copy of the current one. Keeps it until
    /// `task_ended`, as nobody else may: see `Waiting`.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if the loop is closed, or another one is running, and what its library raises.
    pub fn create_task<'py>(
        &self,
        coroutine: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<usize> {
        let running = self.running(coroutine.py())?;
        let task = self.library.create_task(&running, coroutine, context)?;
        Ok(self.tasks.lock().insert(task.unbind()))
    }

    pub fn task_ended(&self, key: usize) {
        let task = self.tasks.lock().try_remove(key);
        drop(task); // unlocked: Python code may run
    }

    /// # Errors
    ///
    /// What the Task's `cancel` raises.
    pub fn cancel_task(&self, py: Python<'_>, key: usize) -> PyResult<()> {
        let task = self.tasks.lock().get(key).map(|task| task.clone_ref(py));
        match task {
            Some(task) => self.library.cancel(task.bind(py)),
            None => Ok(()),
        }
    }

    /// Does somebody wait who can still be resumed? From now on the loop is woken when one has left.
    pub fn somebody_waits(&self, py: Python<'_>) -> PyResult<bool> {
        self.wakes_when_one_has_left.store(true, SeqCst);
        let waiters: Vec<_> = self
            .waiting
            .lock()
            .iter()
            .filter_map(|(_, waiting)| Some(waiting.waiter.as_ref()?.clone_ref(py)))
            .collect();
        for waiter in waiters {
            if !self.library.has_ended(waiter.bind(py))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The loop ends: drops the futures that are in flight, as nobody can be told of them.
    pub fn close(&self, py: Python<'_>) {
        if self.closed.swap(true, SeqCst) {
            return;
        }
        self.forget(py);
        self.ready.close();
        let (futures, waiters): (Vec<_>, Vec<_>) = self
            .waiting
            .lock()
            .iter_mut()
            .map(|(_, waiting)| (mem::take(&mut waiting.future), waiting.waiter.take()))
            .unzip();
        py.detach(|| {
            for future in futures.iter().filter_map(Weak::upgrade) {
                future.abandon();
            }
        });
        drop(waiters);
        let tasks: Vec<_> = self.tasks.lock().drain().collect();
        for task in tasks {
            let _may_be_of_another_kind = self.library.forget(task.bind(py));
        }
    }

    /// For whoever the loop holds us by.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What cannot be locked, somebody has in hand.
        if let Some(waiting) = self.waiting.try_lock() {
            for (_, waiting) in waiting.iter() {
                visit.call(&waiting.waiter)?;
            }
        }
        if let Some(tasks) = self.tasks.try_lock() {
            for (_, task) in tasks.iter() {
                visit.call(task)?;
            }
        }
        Ok(())
    }

    fn push(self: Arc<Self>, ready: Ready) {
        if self.ready.push(ready) {
            let here = self.thread.load(SeqCst) == this_thread();
            if let Some(this) = if here { postpone(self) } else { Some(self) } {
                this.wakeup.wake();
            }
        }
    }
}

impl Submit for EventLoop {
    fn submit(self: Arc<Self>, command: Command) {
        self.push(Ready::Command(command));
    }
}

impl Schedule for EventLoop {
    fn schedule(self: Arc<Self>, key: usize) {
        self.push(Ready::Coroutine(key));
    }

    fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn poll_soon(&self, future: &Arc<InFlight>) -> bool {
        match self.wakeup.executor() {
            Some(executor) => {
                executor.rounds.push(Arc::clone(future));
                true
            }
            None => false,
        }
    }

    fn outlive(&self, task: JoinHandle<()>) {
        if let Some(executor) = self.wakeup.executor() {
            executor.outlive(task);
        }
    }
}

thread_local! {
    /// The loop with a runtime of its own that has run on this thread last.
    static LAST_HERE: RefCell<Option<Guarded<Weak<EventLoop>>>> = const { RefCell::new(None) };
}

/// Returns the loop that has said `runs_here` last. Most threads have none, and need not look further.
pub fn with_runtime_last_here() -> Option<Arc<EventLoop>> {
    last_here(Weak::upgrade).flatten()
}

/// None also while the thread ends, and in a child process, whose loops may come to stand where those of
/// its parent did.
fn last_here<R>(f: impl FnOnce(&Weak<EventLoop>) -> R) -> Option<R> {
    let get = |last: &RefCell<Option<Guarded<Weak<EventLoop>>>>| {
        last.borrow().as_ref().and_then(Guarded::get).map(f)
    };
    LAST_HERE.try_with(get).ok().flatten()
}

thread_local! {
    static POLLS: Polls = const { Polls { depth: Cell::new(0), ready: RefCell::new(Vec::new()) } };
}

/// A loop that polls a future is awake: what becomes ready on its thread meanwhile needs no socket.
struct Polls {
    /// How many are on this thread's stack.
    depth: Cell<usize>,
    /// The loops to look into when the poll is over.
    ready: RefCell<Vec<Arc<EventLoop>>>,
}

/// Leaves the loop to the poll that this thread is at. Returns it if there is none.
fn postpone(event_loop: Arc<EventLoop>) -> Option<Arc<EventLoop>> {
    POLLS.with(|polls| {
        if polls.depth.get() == 0 {
            return Some(event_loop);
        }
        polls.ready.borrow_mut().push(event_loop);
        None
    })
}

/// Runs `poll`, and then has those resumed who became ready by it on this thread.
///
/// # Errors
///
/// What cannot wait, such as `KeyboardInterrupt`.
pub fn deliver_after<R>(py: Python<'_>, poll: impl FnOnce() -> R) -> PyResult<R> {
    POLLS.with(|polls| polls.depth.set(polls.depth.get() + 1));
    let _over = PollOver;
    let result = poll();
    let mut urgent = Ok(());
    for event_loop in take_ready() {
        match event_loop.if_running(py) {
            Ok(Some(_)) => urgent = urgent.and(event_loop.deliver(py)),
            _ => event_loop.wakeup.wake(), // it has moved to another thread
        }
    }
    urgent.map(|()| result)
}

struct PollOver;

/// If the poll unwinds, nobody is to wait for ever.
impl Drop for PollOver {
    fn drop(&mut self) {
        POLLS.with(|polls| polls.depth.set(polls.depth.get() - 1));
        for event_loop in take_ready() {
            event_loop.wakeup.wake();
        }
    }
}

fn take_ready() -> Vec<Arc<EventLoop>> {
    POLLS.with(|polls| polls.ready.take())
}

/// What asyncio raises in the same place.
pub fn closed() -> PyErr {
    PyRuntimeError::new_err("Event loop is closed")
}
