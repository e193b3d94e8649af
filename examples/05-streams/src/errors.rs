//! The errors of files, as `open` of Python raises them.

use std::{io, path::PathBuf};

use pyo3::{exceptions::PyOSError, prelude::*};

/// What `open()` says of a file: the number, the text, the path.
pub struct FileError {
    pub error: io::Error,
    pub path: PathBuf,
}

/// `OSError` takes the class that its number stands for, such as `FileNotFoundError`.
impl From<FileError> for PyErr {
    fn from(FileError { error, path }: FileError) -> Self {
        let Some(number) = error.raw_os_error() else {
            return error.into();
        };
        let path = path.into_os_string(); // `OSError.filename` is a `str`
        let text = error.to_string();
        let text = text.trim_end_matches(&format!(" (os error {number})"));
        if cfg!(windows) {
            // Its number is one of Windows: the fourth place, of which Python makes an `errno`.
            return PyOSError::new_err((0, text.to_owned(), path, number));
        }
        PyOSError::new_err((number, text.to_owned(), path))
    }
}
