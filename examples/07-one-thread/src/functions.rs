//! Functions to try the loop with: each is a future, handed to the bridge of chapter 04.

use std::{
    cell::Cell,
    convert::Infallible,
    fs,
    future::{self, poll_fn},
    io,
    path::PathBuf,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    task::Poll,
    thread,
    time::Duration,
};

use futures_util::{FutureExt, future::join};
use pyo3::{exceptions::PyValueError, prelude::*};
use tokio::{
    fs::File,
    io::AsyncWriteExt,
    task::{self, spawn_blocking},
    time,
};

use pyo3_await::{Builder, Coroutine};

/// Awaits to `result` after `delay` seconds.
///
/// Raises `ValueError` if that is no length of time.
#[pyfunction]
#[pyo3(signature = (delay, result=None))]
pub fn sleep(delay: f64, result: Option<Py<PyAny>>) -> PyResult<Coroutine> {
    let delay = Duration::try_from_secs_f64(delay)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(pyo3_await::spawn("sleep", async move {
        time::sleep(delay).await; // made in here: a timer belongs to the runtime it is made in
        Ok::<_, Infallible>(result)
    }))
}

/// Suspends once, and comes back.
#[pyfunction]
pub fn yield_now() -> Coroutine {
    pyo3_await::spawn("yield_now", task::yield_now().map(Ok::<_, Infallible>))
}

/// Suspends `times` times, and comes back once.
#[pyfunction]
pub fn steps(times: u64) -> Coroutine {
    pyo3_await::spawn("steps", async move {
        for _ in 0..times {
            task::yield_now().await;
        }
        Ok::<_, Infallible>(())
    })
}

/// Never completes, and nothing will ever wake it.
#[pyfunction]
pub fn pending() -> Coroutine {
    pyo3_await::spawn("pending", future::pending::<Result<(), Infallible>>())
}

static POLLS: AtomicUsize = AtomicUsize::new(0);

/// Never completes, and wakes itself in each poll: the busiest future there can be.
#[pyfunction]
pub fn spin() -> Coroutine {
    let future = poll_fn(|context| {
        POLLS.fetch_add(1, SeqCst);
        context.waker().wake_by_ref();
        Poll::<Result<(), Infallible>>::Pending
    });
    pyo3_await::spawn("spin", future)
}

/// Never completes, and does as much in each poll as tokio lets it: the greediest future there can be.
#[pyfunction]
pub fn hog() -> Coroutine {
    pyo3_await::spawn("hog", async {
        loop {
            task::consume_budget().await;
        }
        #[allow(unreachable_code)] // says what it would be
        Ok::<(), Infallible>(())
    })
}

/// Returns how often the futures of `spin` have been polled.
#[pyfunction]
pub fn polls() -> usize {
    POLLS.load(SeqCst)
}

/// Awaits to a text for the thread that polls it. `this_thread()` gives that of its caller.
#[pyfunction]
pub fn polled_on() -> Coroutine {
    pyo3_await::spawn("polled_on", async { Ok::<_, Infallible>(this_thread()) })
}

/// Returns a text for the thread of its caller.
#[pyfunction]
pub fn this_thread() -> String {
    format!("{:?}", thread::current().id())
}

/// Reads the file at `path`, in the way that a future must not do it: nothing else runs on the loop
/// until the file has been read.
///
/// Raises `OSError` if it cannot be read.
#[pyfunction]
pub fn read_blocking(path: PathBuf) -> Coroutine {
    pyo3_await::spawn("read_blocking", async move { fs::read_to_string(path) })
}

/// Reads the file at `path` on a thread that tokio has for what blocks, while the loop goes on.
///
/// Raises `OSError` if it cannot be read.
#[pyfunction]
pub fn read_file(path: PathBuf) -> Coroutine {
    pyo3_await::spawn("read_file", async move {
        let read = spawn_blocking(move || fs::read_to_string(path)).await;
        read.map_err(io::Error::other)?
    })
}

/// Counts to twice `times` by two futures in turn, which share a counter without a lock. Awaits to the
/// count.
///
/// Raises `RuntimeError` on an event loop that is none of `event_loop()`.
#[pyfunction]
pub fn count_in_turns(times: u64) -> Coroutine {
    pyo3_await::local("count_in_turns", move || {
        let counter = Rc::new(Cell::new(0));
        join(
            count(times, Rc::clone(&counter)),
            count(times, counter.clone()),
        )
        .map(move |_| Ok::<_, Infallible>(counter.get()))
    })
}

async fn count(times: u64, counter: Rc<Cell<u64>>) {
    for _ in 0..times {
        counter.set(counter.get() + 1);
        task::yield_now().await;
    }
}

/// Never completes, and stays on the thread of its loop.
///
/// Raises `RuntimeError` on an event loop that is none of `event_loop()`.
#[pyfunction]
pub fn local_pending() -> Coroutine {
    pyo3_await::local("local_pending", || {
        let stays = Rc::new(());
        future::pending::<()>().map(move |()| {
            drop(stays);
            Ok::<_, Infallible>(())
        })
    })
}

/// Writes `first` and then `second` to the file at `path`, and never one without the other.
///
/// Raises `OSError` if it cannot be written.
#[pyfunction]
pub fn write_both(path: PathBuf, first: Vec<u8>, second: Vec<u8>) -> Coroutine {
    Builder::new("write_both")
        .uncancellable()
        .spawn(async move {
            let mut file = File::create(path).await?;
            file.write_all(&first).await?;
            file.flush().await?;
            file.write_all(&second).await?;
            file.flush().await
        })
}

/// Returns how many Rust futures are alive.
#[pyfunction]
pub fn live_futures() -> usize {
    pyo3_await::alive()
}
