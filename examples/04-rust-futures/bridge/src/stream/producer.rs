//! The task on the runtime that polls a stream, and so runs ahead of whoever takes its items.
//!
//! A loop of `one_thread` takes its runtime with it when it is closed, and the task. The stream stays
//! where it is, with what has been made: whoever waits for an item then, or asks for one later, has its
//! own loop's runtime go on.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, task::AbortHandle};

use super::rust_stream::SharedStream;
use crate::fork;

/// As many items are made in a row: then the worker sees to its other tasks. It is tokio's own number.
const BUDGET: usize = 128;

/// What a stream knows of the task that polls it.
#[derive(Default)]
pub struct Production {
    at_work: AtomicBool,
    task: Mutex<Option<AbortHandle>>,
}

impl Production {
    /// Is there such a task, or need there be none any more?
    pub fn is_at_work(&self) -> bool {
        self.at_work.load(SeqCst)
    }

    /// The task has gone before the end.
    pub fn has_left(&self) {
        self.at_work.store(false, SeqCst);
    }

    /// The runtime would keep the task of a stream that is closed: what could wake it may be gone with
    /// the stream.
    pub fn abort(&self) {
        if let Some(task) = &*self.task.lock() {
            task.abort();
        }
    }

    fn begin(&self) -> bool {
        !self.at_work.swap(true, SeqCst)
    }
}

/// Has a task on `runtime` poll the stream from now on, unless one does.
pub fn start(stream: &SharedStream, runtime: &Handle) {
    if stream.is_over() || !stream.production().begin() {
        return;
    }
    let task = runtime.spawn(Producer(Some(stream.clone())));
    *stream.production().task.lock() = Some(task.abort_handle());
    if task.is_finished() {
        stream.abandon(); // a runtime that is shut down takes no task
    }
}

struct Producer(Option<SharedStream>);

impl Future for Producer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(stream) = &self.0 else {
            return Poll::Ready(());
        };
        for _ in 0..BUDGET {
            ready!(stream.poll_room(context));
            if !ready!(stream.poll_make(context)) {
                return Poll::Ready(());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Producer {
    /// Finished, closed, or the runtime is at its end. What converts the items goes here if nobody else
    /// holds it, and may hold Python objects.
    fn drop(&mut self) {
        fork::section(|| {
            if let Some(stream) = self.0.take() {
                stream.let_go();
            }
        });
    }
}
