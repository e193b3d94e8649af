//! Await Rust futures from Python, and iterate over Rust streams.
//!
//! ```
//! use pyo3::prelude::*;
//! use pyo3_await::Coroutine;
//!
//! #[pyfunction]
//! fn add(one: u64, other: u64) -> Coroutine {
//!     pyo3_await::spawn("add", async move { PyResult::Ok(one + other) })
//! }
//! ```
//!
//! `await add(1, 2)` works on asyncio and the loops that follow its protocol (uvloop), and on trio.
//! A [`Coroutine`] is one to Python in every respect: it does nothing before it is awaited, says so
//! when it never was, can be cancelled, and is what `asyncio.create_task` and `asyncio.run` take.
//!
//! # `spawn` or `inline`?
//!
//! **Spawn what works, inline what waits.** [`spawn`] has a future polled on the runtime's threads:
//! there it may compute for as long as it likes. [`inline`] has it polled on the thread of the event
//! loop. That saves the way to another thread and back: a trip costs a third on one core, and about a
//! twentieth where the kernel has to wake another core. But nothing else runs on the loop during a
//! poll. So it is for futures that mostly wait, for a socket, a timer, a channel, and are quick when
//! they do not. If you are not sure, spawn.
//!
//! # One thread
//!
//! A loop of the module [`one_thread`] is an event loop of asyncio that waits in a tokio runtime of its
//! own. There all futures run on the loop's thread, none crosses to another, and nothing is handed over:
//! a trip costs little more than `asyncio.sleep(0)`. In exchange a poll that computes keeps all else
//! waiting. Futures that are not `Send` run there, too: [`local`].
//!
//! # Streams
//!
//! [`spawn_stream`] and [`inline_stream`] make an [`AsyncIterator`] of a stream, for `async for`. The
//! rule is the same. A task on the runtime that polls a stream is a bounded number of items ahead of
//! whoever takes them, so the loop is woken once for many. Polled inline, an item that is ready costs
//! two or three times one of an async generator in Python; a spawned one hardly more if it may run a
//! thousand ahead, and ten times as much if it may run sixteen ahead, for then a core wakes the other.
//!
//! # Python from Rust
//!
//! A future awaits Python, too. There are two ways:
//!
//! - [`call`], a Task of its own: it can be joined with others, and put under a timeout. When it is
//!   dropped the Task is cancelled, and the coroutine whose future dropped it waits for the Task's end,
//!   before it returns or raises. If you are not sure, this one.
//! - [`call_in_task`], the Task that awaits the coroutine: as if the coroutine said `await`, and ten
//!   times cheaper. For what is awaited with nothing else beside it.
//!
//! [`async_iter`] and [`async_iter_in_task`] make a stream of an async iterable, in the same two ways. A
//! [`Caller`] is a handle for those who are not inside such a future: tasks that you spawn by hand (also
//! those of [`spawn_stream`]), and threads of your own.
//!
//! # What is promised
//!
//! - When `await` raises because of a cancellation, the future has been dropped. One that must not be
//!   dropped half-way says so: [`Builder::uncancellable`].
//! - An `Err` is raised, and so is a panic, as [`RustPanic`].
//! - No thread of the runtime ever attaches to Python, or waits for its GIL. The result becomes a
//!   Python object on the thread of the loop.
//! - A process ends at once, whatever its futures are doing; a loop that is closed drops those that
//!   are in flight for it; a child of `os.fork()` can await, and leaves its parent's futures alone.
//! - What is in flight is kept alive by its loop, also a Task that nobody else holds.
//! - What Python raises arrives as a `PyErr`, and passed on is the same object. What a call has begun
//!   finds the context variables of the Task that awaits the future.
//! - A step of an iterator that is cancelled loses no item. An iterator that is closed, or dropped, has
//!   dropped its stream, or whoever polls that at the moment does.
//!
//! # What a future must not do
//!
//! - **Keep its thread waiting.** A poll cannot be interrupted, so a cancellation waits for it. For
//!   what blocks there is `tokio::task::spawn_blocking`.
//! - **Attach to Python.** Then its worker waits for the GIL, and what is said above about the end of
//!   the process no longer holds. Convert before, in the `#[pyfunction]`, and after, by
//!   [`Builder::spawn_with`]. In between, [`call`] Python: its closures run on the thread of the loop.
//!
//! # How it works
//!
//! The crate comes out of a book, *Async PyO3 by example*, whose chapter 04 explains it from the first
//! version that runs. A file may use those that are drawn below it, and all may use the last row.
//!
//! ```text
//! lib.rs                      builds coroutines
//! ├─ one_thread/              a loop of asyncio that waits in a tokio runtime
//! ├─ stream/                  streams as async iterators: their steps are coroutines
//! └─ body.rs                  what a coroutine of a future does when it is resumed
//!    └─ python/               what futures call: in a Task of its own, or in the coroutine's
//!       ├─ delegate/          `await` for any awaitable
//!       │  └─ coroutine/      the coroutine protocol, for any body; uses nothing else
//!       └─ event_loop/        the loops: who waits, what is ready, how to wake them
//!          └─ in_flight.rs    one future: polled, woken, dropped
//!             ├─ wakes.rs     who is told when it is woken
//!             ├─ local.rs     a future that stays on its thread
//!             ├─ request.rs   what a future asks of the thread of its loop
//!             └─ rust_future.rs  a future of any type, and what it brings, as one type
//! runtime.rs (tokio), panic.rs, fork.rs, exit.rs, alive.rs, this_thread.rs, coroutine/pending.rs
//! ```

mod alive;
mod body;
pub mod coroutine;
mod delegate;
mod event_loop;
mod exit;
mod fork;
mod in_flight;
mod local;
pub mod one_thread;
mod panic;
mod python;
mod request;
pub mod runtime;
mod rust_future;
mod stream;
mod this_thread;
mod wakes;

/// The atomics of the hand-over: the model checker puts its own in their place.
mod sync {
    pub use std::sync::atomic::AtomicU8;
}

use std::{borrow::Cow, ffi::CStr, future::Future, panic::Location};

use pyo3::prelude::*;

pub use alive::{alive, alive_streams};
pub use coroutine::{Coroutine, mark_coroutine_functions};
pub use fork::ForkGuarded;
pub use panic::RustPanic;
pub use python::{
    AsyncIter, Call, Caller, InTaskIter, async_iter, async_iter_in_task, call, call_in_task,
    call_in_task_with, call_with,
};
pub use stream::{AsyncIterator, StreamBuilder, inline_stream, spawn_stream};

use body::{Manner, RustBody};
use local::local as boxed_local;
use rust_future::{BoxedFuture, boxed, to_python};

/// Makes a coroutine of a future that works: workers of the runtime poll it.
///
/// `name` is what tracebacks, warnings and the repr of a Task call the coroutine. Nothing runs before
/// it is awaited. Its result becomes a Python object as that of a `#[pyfunction]` does, on the thread
/// of the event loop.
///
/// The coroutine raises what `E` converts to; [`RustPanic`] if the future panics; `RuntimeError` if no
/// event loop is running, or it is closed; `OSError` if the runtime's threads cannot be started.
///
/// The caller's place in the sources is shown where Python shows a line. Put `#[track_caller]` on a
/// helper around this function, and it is that of the helper's caller.
#[track_caller]
pub fn spawn<F, T, E>(name: impl Into<Name>, future: F) -> Coroutine
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    Builder::new(name).spawn(future)
}

/// Makes a coroutine of a future that waits: the thread of the event loop polls it, when the coroutine
/// begins and each time that the future is woken.
///
/// While it is polled the loop stands still; other threads of Python run. A future that is ready at
/// once does not suspend the coroutine. A loop of [`one_thread`] polls it as it polls all its futures, and
/// resumes the coroutine when it is ready. All else is as for [`spawn`].
#[track_caller]
pub fn inline<F, T, E>(name: impl Into<Name>, future: F) -> Coroutine
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
    E: Into<PyErr> + Send + 'static,
{
    Builder::new(name).inline(future)
}

/// Makes a coroutine of a future that is not `Send`, such as one that holds an `Rc`: the thread of the
/// event loop makes it, by `make`, polls it and drops it.
///
/// It runs on loops of the module [`one_thread`] only, and there as one that is spawned. All else is
/// as for [`spawn`].
///
/// The coroutine raises `RuntimeError` on other loops, and if its loop goes on on another thread.
#[track_caller]
pub fn local<M, F, T, E>(name: impl Into<Name>, make: M) -> Coroutine
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'py> IntoPyObject<'py> + 'static,
    E: Into<PyErr> + 'static,
{
    Builder::new(name).local(make)
}

/// The name of a coroutine: a text that is known when the program is compiled, or made when it runs.
pub struct Name(Cow<'static, str>);

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<Cow<'static, str>> for Name {
    fn from(name: Cow<'static, str>) -> Self {
        Self(name)
    }
}

impl From<&'static CStr> for Name {
    fn from(name: &'static CStr) -> Self {
        Self(name.to_string_lossy())
    }
}

/// Makes a coroutine with more to say about it than its name, as `std::thread::Builder` makes a
/// thread.
#[must_use = "call `spawn`, `inline` or `local`"]
pub struct Builder {
    name: Name,
    location: &'static Location<'static>,
    uncancellable: bool,
}

impl Builder {
    /// Begins with the name, and the caller's place in the sources.
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            location: Location::caller(),
            uncancellable: false,
        }
    }

    /// Says another place in the sources, for helpers that `#[track_caller]` does not see through.
    pub fn location(self, location: &'static Location<'static>) -> Self {
        Self { location, ..self }
    }

    /// Never drops the future half-way: for a commit, or an answer of which one half must not be sent
    /// without the other.
    ///
    /// When the `await` of it is cancelled, the future runs to its end, and then the cancellation is
    /// raised; an error of the future is its context. Who awaits has to wait that long: keep such
    /// futures short. If the coroutine is closed or dropped, or its loop closed, the future goes on by
    /// itself on the runtime, and nobody hears of its result. The end of the process ends it.
    pub fn uncancellable(self) -> Self {
        let uncancellable = true;
        Self {
            uncancellable,
            ..self
        }
    }

    /// As [`spawn`].
    pub fn spawn<F, T, E>(self, future: F) -> Coroutine
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        E: Into<PyErr> + Send + 'static,
    {
        self.spawn_with(future, to_python)
    }

    /// As [`inline`].
    pub fn inline<F, T, E>(self, future: F) -> Coroutine
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        E: Into<PyErr> + Send + 'static,
    {
        self.inline_with(future, to_python)
    }

    /// As [`spawn`], and makes the Python object by `convert`: called attached, on the thread of the
    /// event loop, when the coroutine is resumed. What it raises, the coroutine raises.
    pub fn spawn_with<F, T, E, C>(self, future: F, convert: C) -> Coroutine
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<PyErr> + Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.build(boxed(future, convert), true)
    }

    /// As [`inline`], and makes the Python object by `convert`, as [`spawn_with`](Self::spawn_with)
    /// does.
    pub fn inline_with<F, T, E, C>(self, future: F, convert: C) -> Coroutine
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<PyErr> + Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.build(boxed(future, convert), false)
    }

    /// As [`local`]. One that is [`uncancellable`](Self::uncancellable) is dropped half-way all the
    /// same when the coroutine is closed or dropped, or its loop closed.
    pub fn local<M, F, T, E>(self, make: M) -> Coroutine
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + 'static,
        T: for<'py> IntoPyObject<'py> + 'static,
        E: Into<PyErr> + 'static,
    {
        self.local_with(make, to_python)
    }

    /// As [`local`], and makes the Python object by `convert`, as [`spawn_with`](Self::spawn_with) does.
    pub fn local_with<M, F, T, E, C>(self, make: M, convert: C) -> Coroutine
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
        E: Into<PyErr> + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.build(boxed_local(make, convert), true)
    }

    fn build(self, future: BoxedFuture, spawned: bool) -> Coroutine {
        let manner = Manner {
            spawned,
            uncancellable: self.uncancellable,
        };
        Coroutine::new(self.name.0, self.location, RustBody::new(future, manner))
    }
}
