//! The task on the runtime that polls a stream, and so runs ahead of whoever takes its items.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::rust_stream::SharedStream;

/// As many items are made in a row: then the worker sees to its other tasks. It is tokio's own number.
const BUDGET: usize = 128;

pub struct Producer(pub SharedStream);

impl Future for Producer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..BUDGET {
            ready!(self.0.poll_room(context));
            if !ready!(self.0.poll_make(context)) {
                return Poll::Ready(());
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Producer {
    /// Finished, closed, or the runtime is at its end.
    fn drop(&mut self) {
        self.0.abandon();
    }
}
