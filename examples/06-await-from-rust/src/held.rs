//! Shows who waits for the GIL: a future that calls Python while somebody else holds the interpreter.

use std::{
    convert::Infallible,
    pin::pin,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use pyo3::prelude::*;
use pyo3_await::Coroutine;
use tokio::task;

use crate::first_try::{first_call, running_loop};

static HELD: AtomicBool = AtomicBool::new(false);
/// How many steps such a future has taken since it asked for Python.
static STEPS: AtomicUsize = AtomicUsize::new(0);

/// Holds the interpreter, as a long computation does, until the future beside has asked for Python
/// and gone on with its other work, or `patience` seconds have passed. Returns whether it has gone on.
#[pyfunction]
pub fn hold(patience: f64) -> bool {
    STEPS.store(0, SeqCst);
    HELD.store(true, SeqCst);
    let start = Instant::now();
    while STEPS.load(SeqCst) < 2 && start.elapsed().as_secs_f64() < patience {
        thread::sleep(Duration::from_millis(1));
    }
    HELD.store(false, SeqCst);
    STEPS.load(SeqCst) >= 2
}

/// As `first_try_call`, begun when `hold` holds the interpreter.
#[pyfunction]
pub fn first_try_call_while_held(py: Python<'_>, function: Py<PyAny>) -> PyResult<Coroutine> {
    let call = first_call(running_loop(py)?, function);
    Ok(pyo3_await::spawn(
        "first_try_call_while_held",
        while_held(call),
    ))
}

/// As `call`, without arguments for the function, begun when `hold` holds the interpreter.
#[pyfunction]
pub fn call_while_held(function: Py<PyAny>) -> Coroutine {
    let call = pyo3_await::call::<Py<PyAny>, _>(move |py| function.call0(py));
    pyo3_await::spawn("call_while_held", while_held(call))
}

async fn while_held<T>(call: impl Future<Output = T>) -> T {
    while !HELD.load(SeqCst) {
        task::yield_now().await;
    }
    match select(pin!(call), pin!(take_steps())).await {
        Either::Left((result, _)) => result,
        Either::Right((never, _)) => match never {},
    }
}

/// The other work of the future: it goes on whenever the future is polled.
async fn take_steps() -> Infallible {
    loop {
        STEPS.fetch_add(1, SeqCst);
        task::yield_now().await;
    }
}
