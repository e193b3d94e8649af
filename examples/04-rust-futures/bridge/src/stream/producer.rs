//! The task on the runtime that polls a stream, and so runs ahead of whoever takes its items.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::rust_stream::SharedStream;
use crate::fork;

/// As many items are made in a row: then the worker sees to its other tasks. It is tokio's own number.
const BUDGET: usize = 128;

pub struct Producer(Option<SharedStream>);

impl Producer {
    pub fn of(stream: SharedStream) -> Self {
        Self(Some(stream))
    }
}

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
                stream.abandon();
            }
        });
    }
}
