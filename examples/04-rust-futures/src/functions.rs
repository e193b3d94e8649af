//! The functions of this module: each is a future, handed to the bridge.

use std::{
    convert::Infallible,
    future, io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::FutureExt;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    task, time,
};

use pyo3_await::{Builder, Coroutine, Name};

use crate::{
    errors::FileError,
    work::{notice_a_beat, take_steps},
};

/// Awaits to `result` after `delay` seconds, as `asyncio.sleep`.
///
/// Raises `ValueError` for NaN from Python 3.13; before, asyncio takes it for no delay.
#[pyfunction]
#[pyo3(signature = (delay, result=None))]
pub fn sleep(py: Python<'_>, delay: f64, result: Option<Py<PyAny>>) -> Coroutine {
    let no_delay = delay <= 0.0 || (delay.is_nan() && py.version_info() < (3, 13));
    let delay = if no_delay { 0.0 } else { delay };
    pyo3_await::spawn("sleep", async move {
        if delay.is_nan() {
            return Err(PyValueError::new_err("Invalid delay: NaN (not a number)"));
        }
        match Duration::try_from_secs_f64(delay) {
            Ok(Duration::ZERO) => task::yield_now().await,
            Ok(delay) => time::sleep(delay).await,
            Err(_) => future::pending().await, // longer than a computer can count
        }
        Ok(result)
    })
}

/// Awaits to the SHA-256 digest of the file at `path`, in hexadecimal.
///
/// Raises `OSError` if it cannot be read.
#[pyfunction]
pub fn hash_file(path: PathBuf) -> Coroutine {
    pyo3_await::spawn("hash_file", digest_of(path))
}

/// Awaits to the SHA-256 digest of the file at `path`, as `bytes`.
///
/// Raises `OSError` if it cannot be read.
#[pyfunction]
pub fn digest(path: PathBuf) -> Coroutine {
    let future = digest_of(path);
    Builder::new("digest").spawn_with(future, |py, hex: String| {
        let bytes = py.get_type::<PyBytes>();
        Ok(bytes.call_method1("fromhex", (hex,))?.unbind())
    })
}

pub async fn digest_of(path: PathBuf) -> Result<String, FileError> {
    let digest = read_and_hash(&path).await;
    digest.map_err(|error| FileError { error, path })
}

async fn read_and_hash(path: &Path) -> io::Result<String> {
    log::debug!("hashing {}", path.display());
    let mut file = File::open(path).await?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut chunk).await?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&chunk[..count]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Raises `ValueError` with `message`: what a Rust `Err` becomes.
#[pyfunction]
pub fn fail(message: String) -> Coroutine {
    pyo3_await::spawn::<_, (), _>("fail", async move { Err(PyValueError::new_err(message)) })
}

/// Raises `RustPanic` with `message`: what a Rust panic becomes.
#[pyfunction]
pub fn explode(message: String) -> Coroutine {
    pyo3_await::spawn::<_, (), PyErr>("explode", async move { panic!("{message}") })
}

/// Suspends once on the runtime and comes back.
#[pyfunction]
pub fn yield_now() -> Coroutine {
    pyo3_await::spawn("yield_now", async move {
        task::yield_now().await;
        Ok::<_, Infallible>(())
    })
}

/// Awaits to `result`, without a suspension: the future is ready when it is polled first.
#[pyfunction]
#[pyo3(signature = (result=None))]
pub fn ready(result: Option<Py<PyAny>>) -> Coroutine {
    pyo3_await::inline("ready", async move { Ok::<_, Infallible>(result) })
}

/// Suspends once, on the event loop's own thread, and comes back.
#[pyfunction]
pub fn inline_yield_now() -> Coroutine {
    pyo3_await::inline("inline_yield_now", async move {
        task::yield_now().await;
        Ok::<_, Infallible>(())
    })
}

/// As `sleep`, on the event loop's own thread: tokio's timer wakes the loop.
#[pyfunction]
pub fn inline_sleep(delay: f64) -> Coroutine {
    pyo3_await::inline("inline_sleep", async move {
        time::sleep(Duration::try_from_secs_f64(delay.max(0.0)).unwrap_or(Duration::MAX)).await;
        Ok::<_, Infallible>(())
    })
}

/// Suspends `times` times on the runtime and comes back once.
#[pyfunction]
pub fn steps(times: u64) -> Coroutine {
    pyo3_await::spawn("steps", take_steps(times))
}

/// Computes until it notices that `beat` was called meanwhile, or gives up. Awaits to which it was.
#[pyfunction]
pub fn compute() -> Coroutine {
    pyo3_await::spawn("compute", notice_a_beat())
}

/// Reads the file at `path`, in the way that a future must not do it: it waits for the file, and
/// keeps a worker of the runtime waiting, which cannot be interrupted.
#[pyfunction]
pub fn read_blocking(path: PathBuf) -> Coroutine {
    pyo3_await::spawn(
        "read_blocking",
        async move { std::fs::read_to_string(path) },
    )
}

/// Writes `first` and then `second` to the file at `path`, and never one without the other: when the
/// await is cancelled, it writes both, and then the cancellation is raised.
///
/// Raises `OSError` if it cannot be written.
#[pyfunction]
#[pyo3(signature = (path, first, second, *, inline=false))]
pub fn write_both(path: PathBuf, first: Vec<u8>, second: Vec<u8>, inline: bool) -> Coroutine {
    let builder = Builder::new("write_both").uncancellable();
    let future = async move {
        let written = write_halves(&path, &first, &second).await;
        written.map_err(|error| FileError { error, path })
    };
    if inline {
        builder.inline(future)
    } else {
        builder.spawn(future)
    }
}

async fn write_halves(path: &Path, first: &[u8], second: &[u8]) -> io::Result<()> {
    let mut file = File::create(path).await?;
    file.write_all(first).await?;
    file.flush().await?;
    file.write_all(second).await?;
    file.flush().await
}

/// Never completes. Tracebacks and warnings call it `name`.
#[pyfunction]
#[pyo3(signature = (name="pending".to_owned()), text_signature = "(name='pending')")]
pub fn pending(name: String) -> Coroutine {
    without_result(name, future::pending())
}

/// A helper around `spawn`. Python shows the line of its caller, not one in here.
#[track_caller]
fn without_result<F>(name: impl Into<Name>, future: F) -> Coroutine
where
    F: Future<Output = ()> + Send + 'static,
{
    pyo3_await::spawn(name, future.map(Ok::<_, Infallible>))
}

/// Returns how many Rust futures exist: each from the call that made its coroutine until it is
/// finished or dropped.
#[pyfunction]
pub fn live_futures() -> usize {
    pyo3_await::alive()
}

/// Sets how many worker threads the runtime will have: one for each core, if nobody does.
///
/// Raises `ValueError` if there would be none, and `RuntimeError` once the runtime has started.
#[pyfunction]
pub fn set_worker_threads(py: Python<'_>, count: u16) -> PyResult<()> {
    pyo3_await::runtime::set_worker_threads(py, count.into())
}

/// Never completes, and panics with `message` when it is dropped.
#[pyfunction]
#[pyo3(signature = (message, *, inline=false))]
pub fn explode_when_dropped(message: String, inline: bool) -> Coroutine {
    let explodes = Explodes(message); // out here it is also in a future that is never polled
    let builder = Builder::new("explode_when_dropped");
    let future = async move {
        let _explodes = explodes;
        future::pending::<PyResult<()>>().await
    };
    if inline {
        builder.inline(future)
    } else {
        builder.spawn(future)
    }
}

struct Explodes(String);

impl Drop for Explodes {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}
