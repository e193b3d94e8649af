//! trio. The part that has to `await` is written in Python, beside this.

use std::ffi::CStr;

use pyo3::{
    exceptions::{PyNotImplementedError, PyStopIteration},
    ffi::c_str,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::PyDict,
};

use super::{
    asyncio,
    library::{Library, Suspension, wake_each},
};
use crate::coroutine::source::module_from;

pub struct Trio;

impl Library for Trio {
    /// Returns the token of the run that this thread's task belongs to. A trio that nobody has
    /// imported does not run, and is not imported for asking. A Task of asyncio inside a task of trio
    /// (as in trio-asyncio) belongs to asyncio.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        static TOKEN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(in_trio_task) = in_trio_task(py)? else {
            return Ok(None);
        };
        if !in_trio_task.call0()?.is_truthy()? || asyncio::in_task(py)? {
            return Ok(None);
        }
        let token = TOKEN.import(py, "trio.lowlevel", "current_trio_token")?;
        token.call0().map(Some)
    }

    /// Starts a task of the run that watches.
    fn watch(&self, running: &Bound<'_, PyAny>, handler: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = running.py();
        let watch = python_side(py)?.getattr("watch")?;
        py.import("trio.lowlevel")?
            .call_method1("spawn_system_task", (watch, handler))
            .map(drop)
    }

    fn keep(&self, _running: &Bound<'_, PyAny>, _handler: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyNotImplementedError::new_err("trio watches sockets"))
    }

    /// Begins to wait for the current task to be rescheduled.
    fn suspend<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        cancellable: bool,
    ) -> PyResult<Suspension<'py>> {
        let py = running.py();
        let waiter = python_side(py)?.call_method0(intern!(py, "Waiter"))?;
        let wait = if cancellable {
            intern!(py, "wait")
        } else {
            intern!(py, "wait_shielded")
        };
        let waits_for = waiter.call_method0(wait)?;
        Ok(Suspension {
            waiter,
            yields: waits_for.call_method1(intern!(py, "send"), (py.None(),))?,
            waits_for,
        })
    }

    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()> {
        wake_each(waiters, |waiter| {
            waiter.call_method0(intern!(waiter.py(), "wake")).map(drop)
        })
    }

    /// Passes on what trio sends, and raises what it raises: a cancellation, or nothing.
    fn resumed(&self, waits_for: &Bound<'_, PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = sent.py();
        match waits_for.call_method1(intern!(py, "send"), (sent,)) {
            Err(error) if !error.is_instance_of::<PyStopIteration>(py) => Err(error),
            _ => Ok(()),
        }
    }

    fn takes_bare_yields(&self) -> bool {
        false
    }

    fn has_ended(&self, waiter: &Bound<'_, PyAny>) -> PyResult<bool> {
        waiter
            .call_method0(intern!(waiter.py(), "has_ended"))?
            .extract()
    }

    /// Returns the task's cancel scope.
    fn create_task<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        coroutine: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = running.py();
        python_side(py)?.call_method1(intern!(py, "create_task"), (coroutine, context))
    }

    fn cancel(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        task.call_method0(intern!(task.py(), "cancel")).map(drop)
    }

    fn forget(&self, _task: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(()) // a run ends when its tasks have ended
    }

    fn tells_of_errors(&self) -> bool {
        false // an error of a system task ends the run
    }
}

/// Returns trio's function of this name, if trio is imported: wholly, and not just by another thread
/// at this moment.
fn in_trio_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let modules = MODULES.import(py, "sys", "modules")?;
    match modules.get_item(intern!(py, "trio.lowlevel"))? {
        Some(lowlevel) => lowlevel.getattr_opt(intern!(py, "in_trio_task")),
        None => Ok(None),
    }
}

fn python_side(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    const SOURCE: &CStr = c_str!(include_str!("trio_side.py"));
    let run = || module_from(py, SOURCE, "pyo3_await.trio_side").map(Bound::unbind);
    MODULE
        .get_or_try_init(py, run)
        .map(|module| module.bind(py))
}
