//! A future awaited without an event loop, by a thread that blocks.

use std::{future::Future, pin::pin, time::Duration};

use pyo3::prelude::*;
use tokio::time::timeout;

use crate::error::Error;

/// How often somebody looks whether Ctrl-C has been pressed.
const GLANCE: Duration = Duration::from_millis(50);

/// Blocks this thread until the future is ready. Other threads of Python go on meanwhile.
///
/// An event loop may be running on this thread, as in a cell of Jupyter: it stands still. So what the
/// future waits for must be done by the runtime's threads, as the task in `connection.rs` is. If it were
/// done by a coroutine of that loop, both would wait for ever.
///
/// # Errors
///
/// What the future brings, `KeyboardInterrupt`, and what a handler of a signal raises.
pub fn block_on<F, T>(py: Python<'_>, future: F) -> PyResult<T>
where
    F: Future<Output = Result<T, Error>> + Send,
    T: Send,
{
    let runtime = pyo3_await::runtime::handle(py)?;
    let mut future = pin!(future);
    loop {
        let wait = || runtime.block_on(async { timeout(GLANCE, future.as_mut()).await });
        match py.detach(wait) {
            Ok(result) => return Ok(result?),
            Err(_not_yet) => py.check_signals()?,
        }
    }
}
