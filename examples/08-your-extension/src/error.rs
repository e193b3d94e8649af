//! What can go wrong, and what Python raises then.

use std::{fmt::Display, io};

use pyo3::{
    create_exception,
    exceptions::{PyConnectionError, PyException, PyTimeoutError, PyValueError},
    prelude::*,
};
use tokio_util::codec::LinesCodecError;

create_exception!(
    your_extension,
    ServerError,
    PyException,
    "The server refused a request: its own words."
);

pub enum Error {
    Io(io::Error),
    /// The connection has been closed, by this side or by the server.
    Closed,
    TooLong,
    TimedOut,
    /// What the server says in place of an answer.
    Refused(String),
    /// A key or a value that cannot be sent.
    Unsendable(&'static str),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LinesCodecError> for Error {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::MaxLineLengthExceeded => Self::TooLong,
            LinesCodecError::Io(error) => Self::Io(error),
        }
    }
}

/// Classes that Python has, where it has them: callers catch those already.
impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error.into(),
            Error::Closed => PyConnectionError::new_err("the connection is closed"),
            Error::TooLong => server_error("the server sent a line that is too long"),
            Error::TimedOut => PyTimeoutError::new_err("the server did not say goodbye in time"),
            Error::Refused(text) => server_error(text),
            Error::Unsendable(text) => PyValueError::new_err(text),
        }
    }
}

fn server_error(text: impl Display) -> PyErr {
    ServerError::new_err(text.to_string())
}
