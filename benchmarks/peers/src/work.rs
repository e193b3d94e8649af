//! The futures of chapter 04's functions, without Python: both ways get the same work to do.

use std::{
    future,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use pyo3::prelude::*;
use tokio::{task, time};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// One more future exists until this is dropped.
struct Live;

impl Live {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many Rust futures exist now: from the call here until the future is finished or dropped.
#[pyfunction]
pub fn live_futures() -> usize {
    LIVE.load(Ordering::SeqCst)
}

fn counted<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let live = Live::new();
    async move {
        // Named here, or a future that is never polled would not own it.
        let _live = live;
        work.await
    }
}

pub fn sleep(seconds: f64) -> impl Future<Output = ()> {
    // Made at the first poll: outside a runtime, tokio's timer panics.
    counted(async move { time::sleep(Duration::from_secs_f64(seconds)).await })
}

pub fn yield_now() -> impl Future<Output = ()> {
    counted(task::yield_now())
}

pub fn pending() -> impl Future<Output = ()> {
    counted(future::pending())
}

pub fn explode(message: String) -> impl Future<Output = ()> {
    counted(async move { panic!("{message}") })
}
