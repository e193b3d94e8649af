//! Futures to try both bridges with: one that suspends often, and one that does not for long.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use pyo3::prelude::*;
use sha2::{Digest, Sha256};
use tokio::task;

static BEATS: AtomicUsize = AtomicUsize::new(0);

/// Tells a computation that is under way that other Python code runs.
#[pyfunction]
pub fn beat() {
    BEATS.fetch_add(1, Relaxed);
}

pub async fn take_steps(times: u64) -> Result<(), Infallible> {
    for _ in 0..times {
        task::yield_now().await;
    }
    Ok(())
}

/// Hashes up to 256 MiB of zeros, and stops as soon as somebody has called `beat`.
pub async fn notice_a_beat() -> Result<bool, Infallible> {
    let before = BEATS.load(Relaxed);
    let mut hasher = Sha256::new();
    for _ in 0..1 << 14 {
        hasher.update([0; 1 << 14]);
        if BEATS.load(Relaxed) != before {
            return Ok(true);
        }
    }
    Ok(false)
}
