//! asyncio, and the loops that follow its protocol, such as uvloop.

use pyo3::{intern, prelude::*, sync::PyOnceLock, types::IntoPyDict};

use super::library::{Library, Suspension, wake_each};

/// `W` makes what its Tasks wait for.
pub struct Asyncio<W>(pub W);

/// What Tasks wait for.
pub trait Wait: Sync {
    /// Returns the loop that runs on this thread.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>>;

    /// Makes a future of the loop, marked as `await` marks the one that it passes on: a Task that is
    /// given it waits for it.
    fn wait<'py>(&self, running: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;

    /// Completes the futures, but for those that have been cancelled: see `Library::wake`.
    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()>;
}

/// The loop's own futures.
pub struct Futures;

impl Wait for Futures {
    /// The function is looked up each time: `trio_asyncio` puts another one there when it is imported.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = intern!(py, "_get_running_loop");
        match asyncio(py)?.dict().get_item(name)? {
            Some(get) => Ok(Some(get.call0()?).filter(|running| !running.is_none())),
            None => Ok(None),
        }
    }

    fn wait<'py>(&self, running: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = running.py();
        let future = running.call_method0(intern!(py, "create_future"))?;
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(future)
    }

    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()> {
        wake_each(waiters, |waiter| {
            let py = waiter.py();
            if waiter.call_method0(intern!(py, "done"))?.is_truthy()? {
                return Ok(()); // it has been cancelled meanwhile
            }
            let result = (py.None(),);
            waiter
                .call_method1(intern!(py, "set_result"), result)
                .map(drop)
        })
    }
}

/// Seconds for which a timer keeps the handler of a loop that cannot watch. Some loops count in
/// milliseconds and 32 bits, and so not up to infinity.
const DAY: f64 = 86_400.0;

impl<W: Wait> Library for Asyncio<W> {
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.running(py)
    }

    fn watch(&self, running: &Bound<'_, PyAny>, handler: &Bound<'_, PyAny>) -> PyResult<()> {
        let fileno = handler.call_method0("fileno")?;
        let add_reader = running.getattr("add_reader")?;
        in_empty_context(&(add_reader, fileno, handler).into_pyobject(running.py())?)
    }

    fn keep(&self, running: &Bound<'_, PyAny>, handler: &Bound<'_, PyAny>) -> PyResult<()> {
        let (call_later, keep) = (running.getattr("call_later")?, handler.getattr("keep")?);
        in_empty_context(&(call_later, DAY, keep, running).into_pyobject(running.py())?)
    }

    fn suspend<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        _cancellable: bool,
    ) -> PyResult<Suspension<'py>> {
        let future = self.0.wait(running)?;
        Ok(Suspension {
            waiter: future.clone(),
            waits_for: future.clone(),
            yields: future,
        })
    }

    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()> {
        self.0.wake(waiters)
    }

    fn resumed(&self, _waits_for: &Bound<'_, PyAny>, _sent: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(()) // asyncio throws what it has to say
    }

    fn takes_bare_yields(&self) -> bool {
        true
    }

    fn has_ended(&self, _waiter: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(false)
    }

    fn create_task<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        coroutine: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = running.py();
        let name = intern!(py, "create_task");
        let Some(context) = context else {
            return running.call_method1(name, (coroutine,));
        };
        let keywords = [(intern!(py, "context"), context)].into_py_dict(py)?;
        running.call_method(name, (coroutine,), Some(&keywords))
    }

    fn cancel(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        task.call_method0(intern!(task.py(), "cancel")).map(drop)
    }

    /// As `asyncio.gather` does for the Tasks that it makes. A Task of another kind may not have it.
    fn forget(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        task.setattr(intern!(task.py(), "_log_destroy_pending"), false)
    }

    fn tells_of_errors(&self) -> bool {
        true
    }
}

/// Is a Task of the loop that runs on this thread at work?
#[cfg(feature = "trio")]
pub fn in_task(py: Python<'_>) -> PyResult<bool> {
    if Futures.running(py)?.is_none() {
        return Ok(false);
    }
    let task = asyncio(py)?.call_method0(intern!(py, "current_task"))?;
    Ok(!task.is_none())
}

/// Calls the first of these with the others. A loop keeps the context in which it is given something
/// to call: that of whoever happens to be the first to await would be kept until the loop is closed,
/// and all its variables with it.
fn in_empty_context(call: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
    let py = call.py();
    let context = py.import("contextvars")?.call_method0("Context")?;
    context
        .getattr(intern!(py, "run"))?
        .call1(call.clone())
        .map(drop)
}

fn asyncio(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static ASYNCIO: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let import = || py.import("asyncio").map(Bound::unbind);
    ASYNCIO
        .get_or_try_init(py, import)
        .map(|module| module.bind(py))
}
