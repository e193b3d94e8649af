//! The bare cost of waking a loop from a thread, with nothing around it.

use std::{
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use pyo3::{prelude::*, types::PyModule};

/// `loop.call_soon_threadsafe`, and the `future.set_result` that it is to call.
type Request = (Py<PyAny>, Py<PyAny>);

/// Returns an `asyncio.Future` that a thread of Rust asks the running loop to finish.
///
/// # Errors
/// If no loop runs.
#[pyfunction]
pub fn wake_thread(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let event_loop = PyModule::import(py, "asyncio.events")?.call_method0("get_running_loop")?;
    let future = event_loop.call_method0("create_future")?;
    let wake = event_loop.getattr("call_soon_threadsafe")?.unbind();
    let finish = future.getattr("set_result")?.unbind();
    requests().send((wake, finish)).expect("the thread lives");
    Ok(future)
}

fn requests() -> &'static Sender<Request> {
    static REQUESTS: OnceLock<Sender<Request>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let (sender, receiver) = channel();
        thread::spawn(|| serve(receiver));
        sender
    })
}

fn serve(requests: Receiver<Request>) {
    for (wake, finish) in requests {
        Python::attach(|py| {
            if let Err(error) = wake.call1(py, (finish, py.None())) {
                error.print(py); // the loop was closed
            }
        });
    }
}
