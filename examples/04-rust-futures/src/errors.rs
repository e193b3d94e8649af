//! The errors of files, as `open()` raises them.

use std::{ffi::OsString, io, path::PathBuf};

use pyo3::{exceptions::PyOSError, prelude::*};

/// What `open()` says of a file: the number, the text, the path.
pub struct FileError {
    pub error: io::Error,
    pub path: PathBuf,
}

impl From<FileError> for PyErr {
    fn from(FileError { error, path }: FileError) -> Self {
        os_error(error, path.into_os_string())
    }
}

/// Makes an `OSError` of the class that its number stands for.
fn os_error(error: io::Error, filename: OsString) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return error.into();
    };
    if cfg!(windows) {
        return windows_error(&error, number, filename);
    }
    Python::attach(|py| {
        let strerror = py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (number,)));
        match strerror {
            Err(error) => error,
            Ok(text) => PyOSError::new_err((number, text.unbind(), filename)),
        }
    })
}

/// On Windows the number is one of its own. Python takes it in the fourth place, and makes an `errno`
/// of it.
fn windows_error(error: &io::Error, number: i32, filename: OsString) -> PyErr {
    let text = error.to_string();
    let text = text.trim_end_matches(&format!(" (os error {number})"));
    PyOSError::new_err((0, text.to_owned(), filename, number))
}
