//! What Rust code logs, handed to Python's `logging` by the loop's thread.
//!
//! A logger that calls Python waits for the GIL on the thread that logs: a worker then waits for
//! whatever Python is doing, and with it each future that it would poll. So the logger here only puts
//! records into a channel, and a Task takes them out of it.

use std::sync::{Mutex, OnceLock, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use pyo3_await::Coroutine;
use tokio::sync::{
    Mutex as AsyncMutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What `logging.getLogger(name).log(level, "%s", message)` is to be given.
type Entry = (String, u8, String);

/// The sending half, taken where something is logged.
struct Channel(UnboundedSender<Entry>);

/// The receiving half: one Task has it at a time.
static ENTRIES: OnceLock<AsyncMutex<UnboundedReceiver<Entry>>> = OnceLock::new();

/// Has what Rust code logs kept for `next_logs`, from `level` up (as in Python's `logging`). Begins
/// anew: what nobody has taken is dropped.
///
/// Raises `RuntimeError` if something else in this extension takes the logs already.
#[pyfunction]
pub fn collect_logs(level: u8) -> PyResult<()> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if ENTRIES.get().is_none() {
        let (sender, receiver) = unbounded_channel();
        log::set_boxed_logger(Box::new(Channel(sender)))
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let _ = ENTRIES.set(AsyncMutex::new(receiver));
    }
    if let Some(Ok(mut entries)) = ENTRIES.get().map(AsyncMutex::try_lock) {
        while entries.try_recv().is_ok() {}
    }
    log::set_max_level(filter(level));
    Ok(())
}

/// Awaits the next logs, at least one, each as a tuple: the name of a logger, a level, a message. One
/// that is cancelled loses none.
///
/// Raises `RuntimeError` before `collect_logs`.
#[pyfunction]
pub fn next_logs() -> Coroutine {
    pyo3_await::inline("next_logs", async {
        let entries = ENTRIES
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("call collect_logs before"))?;
        let mut batch = Vec::new();
        entries.lock().await.recv_many(&mut batch, 1_000).await;
        PyResult::Ok(batch)
    })
}

impl Log for Channel {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    /// Called on any thread. It waits for nobody.
    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let name = record.target().replace("::", ".");
            let _ = self
                .0
                .send((name, number(record.level()), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// The level's number in Python, which has none for traces.
fn number(level: Level) -> u8 {
    match level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

fn filter(level: u8) -> LevelFilter {
    match level {
        0..=5 => LevelFilter::Trace,
        6..=10 => LevelFilter::Debug,
        11..=20 => LevelFilter::Info,
        21..=30 => LevelFilter::Warn,
        _ => LevelFilter::Error,
    }
}
