//! A tokio runtime that waits for what asyncio waits for, too.
//!
//! A selector of the standard library keeps a set of descriptors in the kernel, which is a descriptor
//! itself: readable when one in the set is ready. So the runtime can wait for the set as for a socket.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    os::fd::{AsRawFd, RawFd},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
    time::{Sleep, sleep},
};

use crate::{
    event_loop::{
        EventLoop,
        executor::{Executor, Round},
    },
    fork,
    in_flight::InFlight,
    local,
    panic::{self, Panicked},
    runtime,
};

pub struct Reactor {
    /// None once it is shut down.
    runtime: Option<Runtime>,
    /// Dropped before the runtime.
    selector: Option<AsyncFd<Descriptor>>,
    executor: Arc<Executor>,
    /// What is left of a round.
    round: VecDeque<Arc<InFlight>>,
    /// Ask the selector for its events: its descriptor has become readable, or had more than one answer
    /// takes away.
    ///
    /// The runtime is told when a descriptor becomes readable, and not told again while it stays so.
    /// Only a selector that has answered with nothing need not be asked again before that.
    pub ask_selector: bool,
}

/// What follows a round.
enum Next {
    /// Another one, when tokio has had its turn.
    GoOn,
    /// Another one when somebody wakes the runtime.
    Park,
    Leave,
}

/// That of a selector, which must keep it open for as long as this lives.
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Reactor {
    /// The selector must stay open until this is dropped.
    ///
    /// # Errors
    ///
    /// If the process has no file descriptors left.
    pub fn new(selector: RawFd, executor: Arc<Executor>) -> io::Result<(Self, Handle)> {
        let mut builder = Builder::new_current_thread();
        let runtime = runtime::build(builder.enable_all().thread_name("pyo3-await"))?;
        let handle = runtime.handle().clone();
        let selector = {
            let _inside = handle.enter();
            watch(Descriptor(selector))?
        };
        let this = Self {
            runtime: Some(runtime),
            selector: Some(selector),
            executor,
            round: VecDeque::new(),
            ask_selector: true,
        };
        Ok((this, handle))
    }

    /// Gives Rust its turn: a round of the loop's futures, then tokio's own tasks and what the kernel
    /// has for them, and another round, for those that this has woken.
    ///
    /// Neither side starves the other: a future that always wakes itself is polled twice, and tokio
    /// takes as many of its own tasks as between two looks at the kernel.
    ///
    /// # Errors
    ///
    /// A panic of tokio, if this thread is inside another runtime.
    pub fn take_turn(&mut self) -> Result<(), Panicked> {
        let mut rounds = 0;
        self.run(None, |_| {
            rounds += 1;
            if rounds == 2 { Next::Leave } else { Next::GoOn }
        })
    }

    /// Waits until there is something for Python to do: a coroutine is to be resumed, the selector to
    /// be asked, or the time is up.
    ///
    /// # Errors
    ///
    /// As `take_turn`.
    pub fn wait(
        &mut self,
        event_loop: &EventLoop,
        limit: Option<Duration>,
    ) -> Result<(), Panicked> {
        self.run(limit, |this| {
            if this.ask_selector || event_loop.has_ready() {
                Next::Leave
            } else {
                Next::Park
            }
        })
    }

    fn run(
        &mut self,
        limit: Option<Duration>,
        next: impl FnMut(&Self) -> Next,
    ) -> Result<(), Panicked> {
        let Some(runtime) = self.runtime.take() else {
            return Ok(());
        };
        let visited = panic::catch(|| {
            runtime.block_on(async {
                let mut limit = pin!(limit.map(sleep));
                self.rounds(limit.as_mut().as_pin_mut(), next).await;
            });
        });
        self.executor.rounds.unregister();
        self.runtime = Some(runtime);
        visited
    }

    /// Takes a round, and then asks what is `next`.
    ///
    /// What yields to others while it is polled here (`tokio::task::yield_now`) is woken by the runtime
    /// after it has looked at the kernel, which it does after each `Pending`. Leave before that, and
    /// nobody wakes it.
    async fn rounds(
        &mut self,
        mut limit: Option<Pin<&mut Sleep>>,
        mut next: impl FnMut(&Self) -> Next,
    ) {
        let mut leaves = false;
        poll_fn(|context| {
            if leaves {
                return Poll::Ready(());
            }
            // First, while tokio's budget for this poll lasts: greedy futures leave nothing of it, and
            // what is polled without it is never ready.
            let poll = |limit: &mut Pin<&mut Sleep>| limit.as_mut().poll(context).is_ready();
            let is_late = limit.as_mut().is_some_and(poll);
            let round = self.poll_once(context);
            let next = match round {
                Round::Unfinished => Next::GoOn,
                _ if is_late => Next::Leave,
                _ => next(self),
            };
            match (next, round) {
                (Next::Leave, Round::AllOver) => return Poll::Ready(()),
                (Next::Leave, _) => leaves = true,
                // What was woken while the round was unfinished has woken the runtime then.
                (Next::Park, _) if !self.executor.rounds.has_woken() => return Poll::Pending,
                (Next::Park | Next::GoOn, _) => {}
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Looks whether the selector has something, and polls the futures that are woken.
    fn poll_once(&mut self, context: &mut Context<'_>) -> Round {
        if let Poll::Ready(Ok(())) = self.poll_selector(context) {
            self.ask_selector = true;
        }
        local::drop_left();
        self.executor.poll_round(context.waker(), &mut self.round)
    }

    fn poll_selector(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.selector {
            Some(selector) => {
                ready!(selector.poll_read_ready(context))?.clear_ready();
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }
}

/// The function that tokio has in its place is unsafe: it asks for a promise that the descriptor stays
/// open until it is watched no more. `Selector` keeps that promise: it drops the reactor first, and then
/// closes its inner selector, and nobody else can.
#[allow(deprecated)]
fn watch(descriptor: Descriptor) -> io::Result<AsyncFd<Descriptor>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// Ends at once: nobody waits for what blocks. Drop it detached, as that drops futures.
///
/// What must be finished goes on, on a thread that ends with it.
impl Drop for Reactor {
    fn drop(&mut self) {
        let outliving = self.executor.close();
        let (selector, runtime) = (self.selector.take(), self.runtime.take());
        fork::section(|| {
            let _ = panic::catch(|| drop(selector));
            match runtime {
                Some(runtime) if outliving.is_empty() => shut_down(runtime),
                Some(runtime) => finish(runtime, outliving),
                None => {}
            }
        });
    }
}

fn shut_down(runtime: Runtime) {
    let _ = panic::catch(|| runtime.shutdown_background());
}

/// Without a thread to be had, there is nothing left to do for them.
fn finish(runtime: Runtime, tasks: Vec<JoinHandle<()>>) {
    let _ = thread::Builder::new()
        .name("pyo3-await-finishes".into())
        .spawn(move || {
            runtime.block_on(async {
                for task in tasks {
                    let _ = task.await;
                }
            });
            fork::section(|| shut_down(runtime));
        });
}
