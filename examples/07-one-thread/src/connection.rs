//! A TCP connection, as a user of the bridge writes it: each method is a future, handed over.
//!
//! Names, meaning and errors are those of asyncio's streams:
//! <https://docs.python.org/3/library/asyncio-stream.html>.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use pyo3::{
    exceptions::{PyBufferError, PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBytes, PyMemoryView, PyTuple},
};
use pyo3_await::{Coroutine, ForkGuarded};
use tokio::net::{TcpStream, lookup_host};

use crate::{
    errors::{Received, StreamError},
    stream::{ReadMode, Stream},
};

/// Resolves to a `Connection` to `port` of `host`, which is a name or an address.
///
/// A line may have `limit` bytes at most. Raises `OSError`: `ConnectionRefusedError` if nobody
/// listens there, `socket.gaierror` if there is no such host.
#[pyfunction]
#[pyo3(signature = (host, port, *, limit=65_536))]
pub fn open_connection(host: String, port: u16, limit: isize) -> PyResult<Coroutine> {
    if host.contains('\0') {
        return Err(PyValueError::new_err("embedded null character"));
    }
    let limit = usize::try_from(limit).ok().filter(|&limit| limit > 0);
    let limit = limit.ok_or_else(|| PyValueError::new_err("Limit cannot be <= 0"))?;
    Ok(pyo3_await::spawn("open_connection", async move {
        let addresses = lookup_host((host.as_str(), port)).await;
        let addresses: Vec<_> = addresses.map_err(StreamError::NoSuchHost)?.collect();
        let socket = TcpStream::connect(&*addresses).await?;
        Ok::<_, StreamError>(Connection::new(socket, limit)?)
    }))
}

/// A TCP connection. Closed when it is dropped, at the end of `async with`, or by `close()`.
#[pyclass(frozen, weakref, module = "one_thread")]
pub struct Connection {
    ends: String,
    stream: Mutex<Option<ForkGuarded<Arc<Stream>>>>,
}

impl Connection {
    fn new(socket: TcpStream, limit: usize) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let ends = format!("{} from {}", socket.peer_addr()?, socket.local_addr()?);
        let stream = ForkGuarded::new("a connection", Arc::new(Stream::new(socket, limit)));
        let stream = Mutex::new(Some(stream));
        Ok(Self { ends, stream })
    }

    /// Returns the stream, unless it is closed. Raises `RuntimeError` also in a child process.
    fn stream(&self, method: &'static str) -> Result<Arc<Stream>, StreamError> {
        match &mut *self.stream.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => Ok(Arc::clone(stream.get_mut()?)),
            None => Err(StreamError::Closed(method)),
        }
    }

    fn reads(&self, method: &'static str, mode: ReadMode) -> impl Future<Output = Read> + use<> {
        let stream = self.stream(method);
        async move { stream?.read(method, mode).await.map(Received) }
    }
}

type Read = Result<Received, StreamError>;

#[pymethods]
impl Connection {
    /// Resolves to what has come, `n` bytes at most and at least one. With -1, resolves to all
    /// bytes until the end of the stream. At the end of the stream, resolves to `b""`.
    #[pyo3(signature = (n=-1), text_signature = "($self, n=-1)")]
    fn read(&self, n: isize) -> Coroutine {
        let mode = usize::try_from(n).map_or(ReadMode::ToEof, ReadMode::AtMost);
        pyo3_await::inline("Connection.read", self.reads("read", mode))
    }

    /// Resolves to `n` bytes. Raises `asyncio.IncompleteReadError` if the stream ends before. The
    /// `partial` of the error holds the bytes that came.
    fn readexactly(&self, n: isize) -> PyResult<Coroutine> {
        let n = usize::try_from(n)
            .map_err(|_| PyValueError::new_err("readexactly size can not be less than zero"))?;
        let read = self.reads("readexactly", ReadMode::Exactly(n));
        Ok(pyo3_await::inline("Connection.readexactly", read))
    }

    /// Resolves to the next line with its `b"\n"`, or to what is left at the end of the stream.
    ///
    /// Raises `ValueError` if it is longer than the limit; what has come of it is thrown away.
    fn readline(&self) -> Coroutine {
        pyo3_await::inline(
            "Connection.readline",
            self.reads("readline", ReadMode::Line),
        )
    }

    /// Sends `data`, which is anything that gives its bytes. Done when the kernel has taken all.
    ///
    /// One that is cancelled half-way leaves the rest to the next one, or to nobody.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<Coroutine> {
        let data = bytes_of(data)?;
        let stream = self.stream("write");
        Ok(pyo3_await::inline("Connection.write", async move {
            stream?.write(data).await
        }))
    }

    /// Closes the connection, at once. Who is reading from it finds the end of the stream.
    fn close(&self) {
        let stream = self
            .stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(stream) = stream.as_ref().and_then(|it| it.get().ok()) {
            stream.close();
        }
    }

    /// As `readexactly`, wrong: what it has read when it is cancelled is lost.
    fn first_try_readexactly(&self, n: usize) -> Coroutine {
        let stream = self.stream("first_try_readexactly");
        pyo3_await::inline("Connection.first_try_readexactly", async move {
            stream?.first_try_readexactly(n).await.map(Received)
        })
    }

    fn __aenter__(this: Py<Self>) -> Coroutine {
        pyo3_await::inline("Connection.__aenter__", async move {
            Ok::<_, StreamError>(this)
        })
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> Coroutine {
        self.close();
        pyo3_await::inline(
            "Connection.__aexit__",
            async move { Ok::<_, StreamError>(()) },
        )
    }

    fn __repr__(&self) -> String {
        match self.stream("repr") {
            Ok(_) => format!("<Connection to {}>", self.ends),
            Err(_) => format!("<Connection to {}, closed>", self.ends),
        }
    }
}

/// Who is reading holds the stream, and so is told.
impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Copies the bytes of `data`, which may be of any format, but has to be in one piece.
fn bytes_of(data: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return copy_of(bytes.as_bytes());
    }
    let py = data.py();
    let view = PyMemoryView::from(data).map_err(|error| not_bytes_like(data, error))?;
    if !view.getattr(intern!(py, "c_contiguous"))?.is_truthy()? {
        let text = "memoryview: underlying buffer is not C-contiguous";
        return Err(PyBufferError::new_err(text));
    }
    let bytes = view.call_method0(intern!(py, "tobytes"))?;
    copy_of(bytes.cast::<PyBytes>()?.as_bytes())
}

fn copy_of(bytes: &[u8]) -> PyResult<Bytes> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(StreamError::from)?;
    copy.extend_from_slice(bytes);
    Ok(copy.into())
}

/// A type without a buffer is told in asyncio's words. A buffer that is gone says so itself.
fn not_bytes_like(data: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    match data.get_type().name() {
        Ok(name) if error.is_instance_of::<PyTypeError>(data.py()) => PyTypeError::new_err(
            format!("data argument must be a bytes-like object, not '{name}'"),
        ),
        _ => error,
    }
}
