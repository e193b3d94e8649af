//! Forks: what a child process must not touch, and what a fork waits for.
//!
//! After `os.fork()` the child has a copy of everything that this crate made, and none of the threads
//! that ran it. The copies of sockets and timers share the kernel's epoll set with the parent: to
//! drop one in the child takes it out of that set, and the parent waits for it for ever. So a child
//! forgets them, and what belongs to a process carries its epoch.
//!
//! A lock that a thread holds at the moment of a fork is copied locked, and nobody unlocks the copy.
//! PyO3 has such a lock: a `Py` that is dropped on a detached thread goes onto a list behind it, and
//! each call into the extension may look into that list. So code that may drop Python objects while
//! detached runs in a [`section`], and a fork waits until no thread is inside one.

use std::{
    cell::Cell,
    mem, process,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use pyo3::{exceptions::PyRuntimeError, prelude::*, types::IntoPyDict};

/// Counts the forks between the first process and this one.
static EPOCH: AtomicUsize = AtomicUsize::new(0);
/// The process that has seen to it that the epoch is right.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// How many threads are about to fork. A child inherits it, and so knows that it may be one.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// Makes Python tell us of each fork. Costs a look at an atomic after the first time.
///
/// The child is not told: its hook would be a call into the extension, even in a child that only
/// exits, and run after CPython has dropped what the parent's other threads kept in their
/// `threading.local`. It finds out by itself, in [`epoch`].
pub fn watch(py: Python<'_>) -> PyResult<()> {
    static WATCHING: Once = Once::new();
    if WATCHING.is_completed() {
        return Ok(());
    }
    let hooks = [
        ("before", wrap_pyfunction!(before_fork, py)?),
        (
            "after_in_parent",
            wrap_pyfunction!(after_fork_in_parent, py)?,
        ),
    ];
    let register = py.import("os")?.getattr_opt("register_at_fork")?;
    let hooks = hooks.into_py_dict(py)?;
    // No Python code runs inside: a thread that waited here while attached would be waited for.
    let mut is_first = false;
    WATCHING.call_once(|| {
        OWNER.store(process::id(), SeqCst);
        is_first = true;
    });
    match register {
        Some(register) if is_first => register.call((), Some(&hooks)).map(drop),
        _ => Ok(()), // somebody was quicker, or it is Windows, which does not fork
    }
}

/// A fork waits this long for the sections of other threads. One that takes longer computes, or waits
/// for something, perhaps for the very thread that forks; it does not drop an object just now.
const PATIENCE: Duration = Duration::from_millis(100);
const GLANCE: Duration = Duration::from_micros(50);

#[pyfunction]
fn before_fork(py: Python<'_>) {
    epoch(); // a child that forks is an owner first
    FORKING.fetch_add(1, SeqCst);
    let ours = HERE.with(|here| here.depth.get());
    py.detach(|| {
        let start = Instant::now();
        while inside() > ours && start.elapsed() < PATIENCE {
            thread::sleep(GLANCE);
        }
    });
}

#[pyfunction]
fn after_fork_in_parent() {
    FORKING.fetch_sub(1, SeqCst);
}

/// Returns the number of forks that lead to this process. A value that was made in another epoch
/// belongs to another process.
pub fn epoch() -> usize {
    if FORKING.load(SeqCst) != 0 {
        notice_child();
    }
    EPOCH.load(SeqCst)
}

#[cold]
fn notice_child() {
    // Never locked in a parent, and so never copied locked.
    static NOTICING: Mutex<()> = Mutex::new(());
    let pid = process::id();
    if OWNER.load(SeqCst) == pid {
        return; // another thread of this process is about to fork
    }
    let _one_at_a_time = NOTICING.lock().unwrap_or_else(PoisonError::into_inner);
    if OWNER.load(SeqCst) != pid {
        for shard in &INSIDE {
            shard.0.store(0, SeqCst);
        }
        HERE.with(|here| here.depth.set(0));
        FORKING.store(0, SeqCst);
        EPOCH.fetch_add(1, SeqCst);
        OWNER.store(pid, SeqCst);
    }
}

/// How many threads are inside a section, spread over cache lines: workers come and go at each poll.
static INSIDE: [Shard; 16] = [const { Shard(AtomicUsize::new(0)) }; 16];

#[repr(align(128))]
struct Shard(AtomicUsize);

thread_local! {
    static HERE: Here = const { Here { shard: Cell::new(None), depth: Cell::new(0) } };
}

/// What a thread knows of its sections.
struct Here {
    shard: Cell<Option<&'static AtomicUsize>>,
    /// How many it is inside of.
    depth: Cell<usize>,
}

impl Here {
    fn shard(&self) -> &'static AtomicUsize {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        self.shard.get().unwrap_or_else(|| {
            let shard = &INSIDE[THREADS.fetch_add(1, SeqCst) % INSIDE.len()].0;
            self.shard.set(Some(shard));
            shard
        })
    }

    fn enter(&self) -> &'static AtomicUsize {
        let (shard, depth) = (self.shard(), self.depth.get());
        shard.fetch_add(1, SeqCst);
        // One inside another does not wait: the fork waits for the outer one.
        while depth == 0 && FORKING.load(SeqCst) != 0 {
            shard.fetch_sub(1, SeqCst);
            while FORKING.load(SeqCst) != 0 {
                thread::sleep(GLANCE);
                notice_child();
            }
            shard.fetch_add(1, SeqCst);
        }
        self.depth.set(depth + 1);
        shard
    }
}

fn inside() -> usize {
    INSIDE.iter().map(|shard| shard.0.load(SeqCst)).sum()
}

/// Runs `f`, which may drop Python objects. A fork waits for its end, and it for a fork.
///
/// Call it detached only: a thread that forks may have stopped all that are attached.
pub fn section<R>(f: impl FnOnce() -> R) -> R {
    let _inside = Inside::enter();
    f()
}

struct Inside {
    /// None while the thread ends.
    shard: Option<&'static AtomicUsize>,
}

impl Inside {
    fn enter() -> Self {
        let shard = HERE.try_with(Here::enter).ok();
        Self { shard }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(shard) = self.shard {
            shard.fetch_sub(1, SeqCst);
            let _ = HERE.try_with(|here| here.depth.set(here.depth.get().saturating_sub(1)));
        }
    }
}

/// A value of the process that made it. In a child of that it cannot be had, and is never dropped.
///
/// For whatever owns a socket, a timer, a connection or a task of the runtime, and is held by a
/// Python object, which a fork copies. Forget it, and a child that drops its copy can make the parent
/// wait for ever.
///
/// Only `os.fork()` and what is built on it is noticed, from when the runtime has started; a `fork()` of
/// C code is not.
pub struct ForkGuarded<T> {
    guarded: Guarded<T>,
    name: &'static str,
}

impl<T> ForkGuarded<T> {
    /// `name` is your word for the thing, in the error that a child gets: "a connection".
    pub fn new(name: &'static str, value: T) -> Self {
        let guarded = Guarded::new(value);
        Self { guarded, name }
    }

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// `RuntimeError` in a child process.
    pub fn get(&self) -> PyResult<&T> {
        self.guarded.get().ok_or_else(|| not_here(self.name))
    }

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// `RuntimeError` in a child process.
    pub fn get_mut(&mut self) -> PyResult<&mut T> {
        let name = self.name;
        self.guarded.get_mut().ok_or_else(|| not_here(name))
    }

    /// Takes the value out.
    ///
    /// # Errors
    ///
    /// `RuntimeError` in a child process.
    pub fn into_inner(mut self) -> PyResult<T> {
        self.get_mut()?;
        self.guarded.value.take().ok_or_else(|| not_here(self.name))
    }

    /// Says whether this process made it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.guarded.is_ours()
    }
}

/// The same without a word for it.
pub struct Guarded<T> {
    value: Option<T>,
    epoch: usize,
}

impl<T> Guarded<T> {
    pub fn new(value: T) -> Self {
        Self {
            value: Some(value),
            epoch: epoch(),
        }
    }

    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_ours())
    }

    pub fn get_mut(&mut self) -> Option<&mut T> {
        let is_ours = self.is_ours();
        self.value.as_mut().filter(|_| is_ours)
    }

    pub fn is_ours(&self) -> bool {
        self.epoch == epoch()
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        if !self.is_ours() {
            mem::forget(self.value.take());
        }
    }
}

/// What a child gets that uses what its parent made.
pub fn not_here(name: &str) -> PyErr {
    PyRuntimeError::new_err(format!("{name} cannot be used on the other side of a fork"))
}

/// A static value that each process has for itself: a child begins anew, and forgets the parent's.
///
/// Lock it while attached only. Then no thread holds it at a fork.
pub struct PerProcess<T> {
    value: Mutex<(usize, T)>,
    new: fn() -> T,
}

impl<T> PerProcess<T> {
    pub const fn new(first: T, new: fn() -> T) -> Self {
        Self {
            value: Mutex::new((0, first)),
            new,
        }
    }

    /// Calls `f` with the value, locked: no Python code may run meanwhile.
    pub fn with<R>(&self, _py: Python<'_>, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self.lock();
        let now = epoch();
        if value.0 != now {
            mem::forget(mem::replace(&mut *value, (now, (self.new)())));
        }
        f(&mut value.1)
    }

    fn lock(&self) -> MutexGuard<'_, (usize, T)> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
