//! What a loop calls when it has been woken.

use std::sync::{Arc, OnceLock, Weak};

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use super::state::EventLoop;
use crate::{coroutine::pending::keep_pending, exit::StepGuard, fork::ForkGuarded};

/// What a loop keeps for as long as it is open. Dropped when the loop is closed, and so tells of that.
#[pyclass(frozen)]
pub struct WakeupHandler {
    event_loop: ForkGuarded<Arc<EventLoop>>,
}

impl WakeupHandler {
    pub fn new(event_loop: Arc<EventLoop>) -> Self {
        Self {
            event_loop: ForkGuarded::new("an event loop", event_loop),
        }
    }
}

#[pymethods]
impl WakeupHandler {
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    /// Raises what cannot wait, such as `KeyboardInterrupt`.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let _step = StepGuard::new(py);
        match self.event_loop.get() {
            Ok(event_loop) => event_loop.woken(py),
            Err(_) => Ok(()), // a child's copy of its parent's loop
        }
    }

    fn fileno(&self) -> PyResult<Option<i64>> {
        Ok(self.event_loop.get()?.fileno())
    }

    /// Is kept once more: see `Library::keep`.
    fn keep(this: &Bound<'_, Self>, running: &Bound<'_, PyAny>) -> PyResult<()> {
        match this.get().event_loop.get() {
            Ok(event_loop) => event_loop.library().keep(running, this),
            Err(_) => Ok(()),
        }
    }

    fn somebody_waits(&self, py: Python<'_>) -> PyResult<bool> {
        match self.event_loop.get() {
            Ok(event_loop) => event_loop.somebody_waits(py),
            Err(_) => Ok(false),
        }
    }

    /// The loop ends here.
    fn close(&self, py: Python<'_>) {
        if let Ok(event_loop) = self.event_loop.get() {
            event_loop.close(py);
        }
    }

    /// A loop that nobody holds is garbage, and so are those that wait for it, and for nothing else.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.event_loop.get() {
            Ok(event_loop) => event_loop.traverse(&visit),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        Python::try_attach(|py| keep_pending(py, || self.close(py)));
    }
}

impl Drop for WakeupHandler {
    fn drop(&mut self) {
        Python::try_attach(|py| keep_pending(py, || self.close(py)));
    }
}

/// What a loop that cannot watch is asked to call soon.
#[pyclass(frozen)]
#[derive(Default)]
pub struct DeliverSoon {
    event_loop: OnceLock<ForkGuarded<Weak<EventLoop>>>,
}

impl DeliverSoon {
    pub fn set(&self, event_loop: &Arc<EventLoop>) {
        let event_loop = ForkGuarded::new("an event loop", Arc::downgrade(event_loop));
        let _ = self.event_loop.set(event_loop);
    }
}

#[pymethods]
impl DeliverSoon {
    #[classattr]
    #[pyo3(name = "__module__")]
    const MODULE: &'static str = env!("CARGO_CRATE_NAME");

    /// Raises what cannot wait, such as `KeyboardInterrupt`.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let _step = StepGuard::new(py);
        let event_loop = self.event_loop.get().and_then(|it| it.get().ok());
        match event_loop.and_then(Weak::upgrade) {
            Some(event_loop) => event_loop.woken(py),
            None => Ok(()), // it has been closed
        }
    }
}
