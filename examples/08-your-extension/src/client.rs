//! The client, as Python sees it: each method makes a future of the connection's a coroutine.

use std::{sync::Arc, time::Duration};

use pyo3::{prelude::*, types::PyTuple};
use pyo3_await::{AsyncIterator, Builder, Coroutine, ForkGuarded, StreamBuilder};
use tracing::{Instrument, info, info_span};

use crate::{
    blocking::block_on,
    connection::{Address, Connection},
    hook,
    scan::keys,
    span,
};

/// A connection to the server. `connect(host, port)` makes one.
///
/// It belongs to no event loop, and to the process that made it: a child of a fork gets
/// `RuntimeError`. Any number of Tasks and threads may use it at once.
#[pyclass(frozen, module = "your_extension")]
pub struct Client(ForkGuarded<Opened>);

/// What a client is made of. A clone is the same connection.
#[derive(Clone)]
pub struct Opened {
    pub connection: Arc<Connection>,
    pub address: Address,
    /// How long the server may take to say goodbye.
    pub patience: Duration,
}

impl Opened {
    pub fn client(self) -> Client {
        Client(ForkGuarded::new("a client", self))
    }

    /// Says goodbye, which must not be left half-way: the server saves what was set.
    pub fn close(self, name: &'static str) -> Coroutine {
        let goodbye = async move { self.connection.goodbye(self.patience).await };
        Builder::new(name).uncancellable().inline(goodbye)
    }
}

#[pymethods]
impl Client {
    /// Resolves to the value under the key, or to None.
    ///
    /// Raises `ValueError` if the key is not one word, `ConnectionError` if the connection is closed,
    /// `ServerError` if the server refuses.
    fn get(&self, py: Python<'_>, key: String) -> PyResult<Coroutine> {
        let connection = Arc::clone(&self.0.get()?.connection);
        let span = info_span!(parent: &span::current(py)?, "get", key);
        let get = async move { connection.get(&key).await };
        Ok(pyo3_await::inline("Client.get", get.instrument(span)))
    }

    /// As `get`, without an event loop: the thread blocks until the server has answered.
    ///
    /// An event loop may run on this thread; it stands still meanwhile. Ctrl-C raises
    /// `KeyboardInterrupt`.
    fn get_sync(&self, py: Python<'_>, key: &str) -> PyResult<Option<String>> {
        let opened = self.0.get()?;
        block_on(py, opened.connection.get(key))
    }

    /// Puts the value under the key. Resolves to None when the server has it.
    ///
    /// One that is cancelled may still reach the server. Raises as `get`; `ValueError` also if the
    /// value is more than one line.
    fn set(&self, py: Python<'_>, key: String, value: String) -> PyResult<Coroutine> {
        let connection = Arc::clone(&self.0.get()?.connection);
        let span = info_span!(parent: &span::current(py)?, "set", key);
        let set = async move { connection.set(&key, &value).await };
        Ok(pyo3_await::inline("Client.set", set.instrument(span)))
    }

    /// Resolves to the value under the key. If there is none, awaits `load(key)`, puts what that
    /// resolves to under the key, and resolves to it.
    ///
    /// `load` runs in the Task that awaits this: with its context variables, and its cancellation.
    /// Raises as `set`, and what `load` raises; `TypeError` if that does not resolve to a `str`.
    fn get_or_load(&self, py: Python<'_>, key: String, load: Py<PyAny>) -> PyResult<Coroutine> {
        let connection = Arc::clone(&self.0.get()?.connection);
        let outer = span::current(py)?;
        let span = info_span!(parent: &outer, "get_or_load", key);
        let value = async move {
            if let Some(value) = connection.get(&key).await? {
                return Ok(value);
            }
            info!("not there");
            let value = hook::load(load, key.clone(), outer).await?;
            connection.set(&key, &value).await?;
            PyResult::Ok(value)
        };
        let value = value.instrument(span);
        Ok(pyo3_await::inline("Client.get_or_load", value))
    }

    /// Returns an async iterator of the keys that begin with the prefix, over a connection of its own:
    /// who takes the keys slowly keeps nobody waiting.
    ///
    /// It ends when a step of it is cancelled, as an async generator does. A step raises `OSError` if
    /// the server cannot be reached, `ServerError` if it refuses.
    #[pyo3(signature = (prefix = ""))]
    fn scan(&self, prefix: &str) -> PyResult<AsyncIterator> {
        let address = self.0.get()?.address.clone();
        let stream = StreamBuilder::new("Client.scan");
        let stream = stream.ahead(64).ends_when_cancelled();
        Ok(stream.inline(keys(address, prefix.to_owned())))
    }

    /// Has the server save what was set, and closes the connection. Resolves to None. Once that is
    /// done, it does nothing.
    ///
    /// It is not cancelled half-way: a cancellation is raised when the server has answered. Raises
    /// `TimeoutError` if that takes longer than `patience` seconds, `ConnectionError` if the
    /// connection is closed.
    fn close(&self) -> PyResult<Coroutine> {
        Ok(self.0.get()?.clone().close("Client.close"))
    }

    /// Resolves to the client.
    fn __aenter__(this: Py<Self>) -> Coroutine {
        pyo3_await::inline("Client.__aenter__", async { PyResult::Ok(this) })
    }

    /// As `close`.
    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> PyResult<Coroutine> {
        Ok(self.0.get()?.clone().close("Client.__aexit__"))
    }
}
