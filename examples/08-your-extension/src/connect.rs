//! `connect(…)`: what it returns can be awaited, or entered with `async with`.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyTuple,
};
use pyo3_await::{Coroutine, ForkGuarded};

use crate::{
    blocking::block_on,
    client::{Client, Opened},
    connection::{Address, Connection},
    error::Error,
};

/// Connects to the server: `async with connect(host, port) as client`, or
/// `client = await connect(host, port)`, and then `await client.close()`.
///
/// `patience` is how many seconds the server may take to say goodbye. Nothing is done before it is
/// awaited or entered, and each `await` of it makes another client. Raises `ValueError` if `patience`
/// is no number of seconds; `await` raises `OSError` if the server cannot be reached.
#[pyfunction]
#[pyo3(signature = (host, port, *, patience = 5.0))]
pub fn connect(host: String, port: u16, patience: f64) -> PyResult<Connecting> {
    let plan = Plan::new(host, port, patience)?;
    let entered = ForkGuarded::new("a client", Arc::default());
    Ok(Connecting { plan, entered })
}

/// As `await connect(…)`, without an event loop: the thread blocks until the connection is there.
#[pyfunction]
#[pyo3(signature = (host, port, *, patience = 5.0))]
pub fn connect_sync(py: Python<'_>, host: String, port: u16, patience: f64) -> PyResult<Client> {
    let opened = block_on(py, Plan::new(host, port, patience)?.open())?;
    Ok(opened.client())
}

#[derive(Clone)]
struct Plan {
    address: Address,
    patience: Duration,
}

impl Plan {
    fn new(host: String, port: u16, patience: f64) -> PyResult<Self> {
        let patience = Duration::try_from_secs_f64(patience)
            .map_err(|error| PyValueError::new_err(format!("patience: {error}")))?;
        let address = Address { host, port };
        Ok(Self { address, patience })
    }

    async fn open(self) -> Result<Opened, Error> {
        let connection = Arc::new(Connection::open(&self.address).await?);
        Ok(Opened {
            connection,
            address: self.address,
            patience: self.patience,
        })
    }
}

/// A connection to be made: `await` it, or enter it with `async with`.
#[pyclass(frozen, module = "your_extension")]
pub struct Connecting {
    plan: Plan,
    /// What `async with` has opened, and is to close.
    entered: ForkGuarded<Arc<OnceLock<Opened>>>,
}

#[pymethods]
impl Connecting {
    /// `await` drives a coroutine, which is its own iterator.
    fn __await__(&self) -> Coroutine {
        let open = self.plan.clone().open();
        pyo3_await::inline("connect", async { open.await.map(Opened::client) })
    }

    /// Resolves to a client. Raises `RuntimeError` if it has been entered before.
    fn __aenter__(&self) -> PyResult<Coroutine> {
        let (open, entered) = (self.plan.clone().open(), Arc::clone(self.entered.get()?));
        Ok(pyo3_await::inline("connect.__aenter__", async move {
            let opened = open.await?;
            let message = "what connect() returns can be entered once";
            let first = entered.set(opened.clone());
            first.map_err(|_| PyRuntimeError::new_err(message))?;
            PyResult::Ok(opened.client())
        }))
    }

    /// Closes the client, as `Client.close` does.
    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> PyResult<Coroutine> {
        let message = "what connect() returns has not been entered";
        let opened = self.entered.get()?.get();
        let opened = opened.ok_or_else(|| PyRuntimeError::new_err(message))?;
        Ok(opened.clone().close("connect.__aexit__"))
    }
}
