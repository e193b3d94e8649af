//! The crate redis-rs, bound: one connection for many tasks, and subscriptions.

use ::redis::{AsyncConnectionConfig, Client, Cmd, RedisError, Value, aio::MultiplexedConnection};
use futures_util::StreamExt;
use pyo3::{
    create_exception,
    exceptions::{PyConnectionError, PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use pyo3_await::{AsyncIterator, Builder, Coroutine, ForkGuarded, StreamBuilder};

create_exception!(
    one_thread,
    RedisReplyError,
    PyRuntimeError,
    "What Redis answers instead of a result."
);

/// Awaits to a `Redis`, a connection to the server at `url`, such as `redis://127.0.0.1:6379`.
///
/// Raises `ValueError` if that is no such address, and `ConnectionError` if nobody answers there.
#[pyfunction]
pub fn connect(url: String) -> Coroutine {
    pyo3_await::inline("connect", async move {
        let client = Client::open(url)?;
        let config = without_timeouts();
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok::<_, Failed>(Redis(ForkGuarded::new(
            "a connection",
            (client, connection),
        )))
    })
}

/// How long to wait is for the caller to say, by `asyncio.timeout`. By default redis-rs gives a command half
/// a second.
fn without_timeouts() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None)
}

/// A connection to a Redis server, which many tasks may share: answers come in the order of commands.
#[pyclass(frozen, module = "one_thread")]
pub struct Redis(ForkGuarded<(Client, MultiplexedConnection)>);

#[pymethods]
impl Redis {
    /// Sends a command, such as `command("SET", "key", b"value")`, and awaits to the answer: `bytes`,
    /// `str`, `int`, None, or a list of those.
    ///
    /// Raises `RedisReplyError` with what Redis objects to, and `ConnectionError` if the server is gone.
    #[pyo3(signature = (name, *arguments))]
    fn command(
        &self,
        name: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyTuple>,
    ) -> PyResult<Coroutine> {
        let mut command = Cmd::new();
        command.arg(encoded(name)?);
        for argument in arguments {
            command.arg(encoded(&argument)?);
        }
        let mut connection = self.0.get()?.1.clone();
        let answer = async move { command.query_async::<Value>(&mut connection).await };
        let answer = async move { answer.await.map_err(Failed) };
        Ok(Builder::new("Redis.command").inline_with(answer, decoded))
    }

    /// Subscribes to channels, on a connection of its own. Awaits to an async iterator over what is
    /// published there from then on, as tuples of a channel's name and `bytes`.
    ///
    /// Raises `ConnectionError` if nobody answers.
    #[pyo3(signature = (*channels))]
    fn subscribe(&self, channels: Vec<String>) -> PyResult<Coroutine> {
        let client = self.0.get()?.0.clone();
        Ok(pyo3_await::inline("Redis.subscribe", async move {
            let mut subscription = client.get_async_pubsub().await?;
            subscription.subscribe(channels).await?;
            Ok::<_, Failed>(messages(subscription.into_on_message()))
        }))
    }
}

fn messages(stream: ::redis::aio::PubSubStream) -> AsyncIterator {
    let stream = stream.map(|message| {
        let channel = message.get_channel_name().to_owned();
        Ok::<_, Failed>((channel, message.get_payload_bytes().to_vec()))
    });
    StreamBuilder::new("Subscription.__anext__")
        .ahead(128)
        .inline_with(stream, |py, (channel, payload)| {
            let message = (channel, PyBytes::new(py, &payload));
            Ok(message.into_pyobject(py)?.into_any().unbind())
        })
}

/// As the client of Redis for Python has it.
fn encoded(argument: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = argument.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if argument.is_instance_of::<PyString>() {
        return Ok(argument.extract::<String>()?.into_bytes());
    }
    if argument.is_exact_instance_of::<PyInt>() || argument.is_instance_of::<PyFloat>() {
        return Ok(argument.repr()?.to_string().into_bytes());
    }
    Err(PyTypeError::new_err(format!(
        "a command takes str, bytes, int and float, not '{}'",
        argument.get_type().name()?
    )))
}

/// Makes the Python object of an answer. An error inside an answer is raised, too.
fn decoded(py: Python<'_>, value: Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Nil => py.None(),
        Value::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::BulkString(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
        Value::SimpleString(text) => PyString::new(py, &text).into_any().unbind(),
        Value::Okay => PyString::new(py, "OK").into_any().unbind(),
        Value::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(decoded(py, value)?)?;
            }
            list.into_any().unbind()
        }
        Value::ServerError(error) => return Err(RedisReplyError::new_err(error.to_string())),
        other => {
            let text = format!("an answer of this kind is not known here: {other:?}");
            return Err(PyValueError::new_err(text));
        }
    })
}

/// What redis-rs fails with.
struct Failed(RedisError);

impl From<RedisError> for Failed {
    fn from(error: RedisError) -> Self {
        Self(error)
    }
}

impl From<Failed> for PyErr {
    fn from(Failed(error): Failed) -> Self {
        let text = error.to_string();
        if error.kind() == ::redis::ErrorKind::InvalidClientConfig {
            PyValueError::new_err(text)
        } else if error.is_io_error() || error.is_connection_dropped() {
            PyConnectionError::new_err(text)
        } else {
            RedisReplyError::new_err(text)
        }
    }
}
