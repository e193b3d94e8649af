//! A server in Rust whose handlers are Python's.

use std::{future::Future, io, pin::pin, sync::Arc};

use futures_util::future::{Either, select};
use pyo3::{
    exceptions::PyException,
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};
use pyo3_await::{Call, Caller, Coroutine, ForkGuarded};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The longest line, in bytes. A client that sends a longer one is disconnected.
const LIMIT: u64 = 1 << 16;

/// Resolves to a `Server` that listens at `port` of `host`: 0 for a port that is free.
///
/// For each line that a client sends, what `await handler(line)` resolves to goes back: bytes both, the
/// line with its `b"\n"`. The lines of a client are handled one after the other, those of many clients
/// at once. An exception of the handler ends the connection of its client. The loop's exception
/// handler is told of it, and under trio `sys.unraisablehook`.
///
/// Raises `OSError` if it cannot listen there.
#[pyfunction]
#[pyo3(signature = (handler, host="127.0.0.1".to_owned(), port=0))]
#[pyo3(text_signature = "(handler, host='127.0.0.1', port=0)")]
pub fn serve(handler: Py<PyAny>, host: String, port: u16) -> Coroutine {
    pyo3_await::spawn("serve", async move {
        let listener = TcpListener::bind((host.as_str(), port)).await?;
        let port = listener.local_addr()?.port();
        let (closing, closed) = watch::channel(false);
        let clients = Clients {
            handler: handler.into(),
            caller: Caller::current()?,
            closed,
        };
        tokio::spawn(clients.accept(listener));
        let closing = ForkGuarded::new("a server", closing.into());
        PyResult::Ok(Server { port, closing })
    })
}

/// A server. It ends when it is dropped, at the end of `async with`, or by `close()`.
#[pyclass(frozen, weakref, module = "await_from_rust")]
pub struct Server {
    /// The port at which it listens.
    #[pyo3(get)]
    port: u16,
    /// Its tasks hold receivers of this until they end.
    closing: ForkGuarded<Arc<watch::Sender<bool>>>,
}

#[pymethods]
impl Server {
    /// Ends the server: it listens no more, and its connections are closed. Handlers at work are
    /// cancelled. Done when they have ended.
    fn close(&self) -> PyResult<Coroutine> {
        self.end("Server.close")
    }

    fn __aenter__(this: Py<Self>) -> Coroutine {
        pyo3_await::inline("Server.__aenter__", async move { PyResult::Ok(this) })
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> PyResult<Coroutine> {
        self.end("Server.__aexit__")
    }
}

impl Server {
    fn end(&self, name: &'static str) -> PyResult<Coroutine> {
        let closing = Arc::clone(self.closing.get()?);
        Ok(pyo3_await::inline(name, async move {
            closing.send_replace(true);
            closing.closed().await;
            PyResult::Ok(())
        }))
    }
}

/// What the tasks of a server share: each has a clone.
#[derive(Clone)]
struct Clients {
    handler: Arc<Py<PyAny>>,
    caller: Caller,
    closed: watch::Receiver<bool>,
}

impl Clients {
    async fn accept(self, listener: TcpListener) {
        while let Some(accepted) = self.unless_closed(listener.accept()).await {
            match accepted {
                Ok((client, _)) => drop(tokio::spawn(self.clone().converse(client))),
                Err(_) => tokio::task::yield_now().await, // it has gone again, or there are too many
            }
        }
    }

    /// Answers a client until it goes, or its handler fails.
    async fn converse(self, mut client: TcpStream) {
        let (reader, mut writer) = client.split();
        let mut reader = BufReader::new(reader);
        while let Some(Ok(Some(line))) = self.unless_closed(next_line(&mut reader)).await {
            let Some(reply) = self.reply(line).await else {
                return;
            };
            let Some(Ok(())) = self.unless_closed(writer.write_all(&reply)).await else {
                return;
            };
        }
    }

    /// Returns what the handler makes of a line, or None if it fails, or the server ends.
    async fn reply(&self, line: Vec<u8>) -> Option<Vec<u8>> {
        let mut call = self.call(line);
        if let Some(reply) = self.unless_closed(&mut call).await {
            return reply.ok().flatten();
        }
        call.cancel();
        drop(call.await); // its `finally` blocks may await
        None
    }

    /// An error is told on the thread of the loop, and stays there.
    fn call(&self, line: Vec<u8>) -> Call<Option<Vec<u8>>> {
        let handler = Arc::clone(&self.handler);
        self.caller.call_with(
            move |py| handler.call1(py, (PyBytes::new(py, &line),)),
            |py, outcome| {
                let reply = outcome.and_then(|it| Ok(it.cast::<PyBytes>()?.as_bytes().to_vec()));
                Ok(reply.map_err(|error| report(py, error)).ok())
            },
        )
    }

    async fn unless_closed<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut closed = self.closed.clone();
        match select(pin!(future), pin!(closed.wait_for(|closed| *closed))).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}

/// Returns a line with its end, or None at the end of what the client sends.
async fn next_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(LIMIT).read_until(b'\n', &mut line).await?;
    Ok(Some(line).filter(|line| line.ends_with(b"\n")))
}

/// Nobody awaits the handler, so nobody else would tell of its error. A cancellation is none.
fn report(py: Python<'_>, error: PyErr) {
    if error.is_instance_of::<PyException>(py) && tell_the_loop(py, &error).is_err() {
        error.write_unraisable(py, None);
    }
}

/// Tells it as asyncio does of a Task that nobody awaits. Fails under trio.
fn tell_the_loop(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    let running = py.import("asyncio")?.call_method0("get_running_loop")?;
    let context = PyDict::new(py);
    context.set_item("message", "the handler of a server failed")?;
    context.set_item("exception", error.value(py))?;
    let handler = intern!(py, "call_exception_handler");
    running.call_method1(handler, (context,)).map(drop)
}
