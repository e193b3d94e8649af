//! The errors of connections, as the standard library of Python raises them.

use std::{collections::TryReserveError, io};

use bytes::Bytes;
use pyo3::{
    exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyValueError},
    prelude::*,
    types::PyBytes,
};

/// What asyncio's streams say of a connection.
pub enum StreamError {
    NoSuchHost(io::Error),
    Os(io::Error),
    Incomplete { rest: Bytes, expected: usize },
    LineTooLong(&'static str),
    AlreadyReading(&'static str),
    Closed(&'static str),
    OutOfMemory,
    Python(PyErr), // as it is: the connection is another process's
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

impl From<TryReserveError> for StreamError {
    fn from(_: TryReserveError) -> Self {
        Self::OutOfMemory
    }
}

impl From<PyErr> for StreamError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<StreamError> for PyErr {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::NoSuchHost(error) => lookup_error(error),
            StreamError::Os(error) => os_error(error),
            StreamError::Incomplete { rest, expected } => {
                let arguments = (Received(rest), expected);
                call("asyncio", "IncompleteReadError", arguments)
            }
            StreamError::LineTooLong(message) => PyValueError::new_err(message),
            StreamError::AlreadyReading(method) => PyRuntimeError::new_err(format!(
                "{method}() called while another coroutine is already waiting for incoming data"
            )),
            StreamError::Closed(method) => {
                PyRuntimeError::new_err(format!("{method}() called on a closed connection"))
            }
            StreamError::OutOfMemory => PyMemoryError::new_err(()),
            StreamError::Python(error) => error,
        }
    }
}

/// Received bytes, which Python copies. Raises `MemoryError`, where `Bytes` itself would panic.
pub struct Received(pub Bytes);

impl<'py> IntoPyObject<'py> for Received {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        PyBytes::new_with(py, self.0.len(), |bytes| {
            bytes.copy_from_slice(&self.0);
            Ok(())
        })
    }
}

/// Makes an `OSError` of the class that its number stands for.
fn os_error(error: io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return error.into();
    };
    if cfg!(windows) {
        return windows_error(&error, number);
    }
    Python::attach(|py| {
        let strerror = py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (number,)));
        match strerror {
            Err(error) => error,
            Ok(text) => PyOSError::new_err((number, text.unbind())),
        }
    })
}

/// On Windows the number is one of its own. Python takes it in the fourth place, and makes an `errno`
/// of it.
fn windows_error(error: &io::Error, number: i32) -> PyErr {
    let text = error.to_string();
    let text = text.trim_end_matches(&format!(" (os error {number})"));
    PyOSError::new_err((0, text.to_owned(), None::<String>, number))
}

/// The texts of `getaddrinfo`'s errors, in glibc, musl and macOS, and the names of their numbers.
const LOOKUP_ERRORS: [(&str, &str); 11] = [
    ("Name or service not known", "EAI_NONAME"),
    ("Name does not resolve", "EAI_NONAME"),
    ("nodename nor servname provided, or not known", "EAI_NONAME"),
    ("Temporary failure in name resolution", "EAI_AGAIN"),
    ("Try again", "EAI_AGAIN"),
    ("Non-recoverable failure in name resolution", "EAI_FAIL"),
    ("Unrecoverable error", "EAI_FAIL"),
    ("No address associated with hostname", "EAI_NODATA"),
    ("No address associated with nodename", "EAI_NODATA"),
    ("Name has no usable address", "EAI_NODATA"),
    ("Memory allocation failure", "EAI_MEMORY"),
];

/// Makes the `gaierror` of a name that was not found.
///
/// Rust keeps the text of `getaddrinfo`'s error and drops the number. The number is None here for a
/// text that is not known, as in a process whose `LC_MESSAGES` is not English.
fn lookup_error(error: io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) if cfg!(windows) => {
            return call("socket", "gaierror", (number, "getaddrinfo failed"));
        }
        Some(_) => return os_error(error), // As Python does for EAI_SYSTEM.
        None => {}
    }
    let text = error.to_string();
    let text = text.trim_start_matches("failed to lookup address information: ");
    let known = LOOKUP_ERRORS.iter().find(|(known, _)| *known == text);
    let number = known.and_then(|(_, name)| number_called(name));
    call("socket", "gaierror", (number, text))
}

/// The numbers are not the same everywhere: Python's `socket` has those of this system.
fn number_called(name: &str) -> Option<i32> {
    Python::attach(|py| py.import("socket")?.getattr(name)?.extract()).ok()
}

/// Makes an exception of a class that PyO3 has no name for.
fn call<A>(module: &str, class: &str, arguments: A) -> PyErr
where
    A: for<'py> pyo3::call::PyCallArgs<'py>,
{
    Python::attach(|py| {
        let made = py
            .import(module)
            .and_then(|it| it.call_method1(class, arguments));
        made.map_or_else(|error| error, PyErr::from_value)
    })
}
