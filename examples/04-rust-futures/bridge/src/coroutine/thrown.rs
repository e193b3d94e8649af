//! The arguments of `throw()`: what may be thrown into a coroutine, and in which forms.
//!
//! Source: `gen_throw` and `_gen_throw` in CPython's `Objects/genobject.c`.

use pyo3::{
    exceptions::{PyBaseException, PyDeprecationWarning, PyGeneratorExit, PyTypeError},
    prelude::*,
    types::{PyTraceback, PyTuple, PyType},
};

/// One to three arguments: an exception, or its class, value and traceback.
pub struct Thrown<'py> {
    /// As they were given.
    pub arguments: Bound<'py, PyTuple>,
}

impl<'py> Thrown<'py> {
    /// Warns of more than one, from 3.12.
    ///
    /// # Errors
    ///
    /// `TypeError` for too few or too many, and the warning, where it is an error.
    pub fn new(arguments: Bound<'py, PyTuple>) -> PyResult<Self> {
        let py = arguments.py();
        match arguments.len() {
            0 => Err(PyTypeError::new_err(
                "throw expected at least 1 argument, got 0",
            )),
            1 => Ok(Self { arguments }),
            2 | 3 => {
                if py.version_info() >= (3, 12) {
                    PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), DEPRECATED, 1)?;
                }
                Ok(Self { arguments })
            }
            n => Err(PyTypeError::new_err(format!(
                "throw expected at most 3 arguments, got {n}"
            ))),
        }
    }

    /// The thread is attached for as long as they live.
    #[must_use]
    pub fn py(&self) -> Python<'py> {
        self.arguments.py()
    }

    /// Is it a request to exit, and not an error?
    ///
    /// # Errors
    ///
    /// What `isinstance` raises, for a class with one of its own.
    pub fn is_generator_exit(&self) -> PyResult<bool> {
        let exit = self.arguments.py().get_type::<PyGeneratorExit>();
        let kind = self.arguments.get_item(0)?;
        match kind.cast::<PyType>() {
            Ok(class) => Ok(is_exception_class(class)? && class.is_subclass(&exit)?),
            Err(_) => kind.is_instance(&exit),
        }
    }

    /// Makes one exception of the arguments.
    ///
    /// # Errors
    ///
    /// `TypeError` if they are none.
    pub fn exception(&self) -> PyResult<Bound<'py, PyBaseException>> {
        let kind = self.arguments.get_item(0)?;
        let value = self.argument(1)?;
        let traceback = match self.argument(2)? {
            Some(object) => Some(object.cast_into::<PyTraceback>().map_err(|_| {
                PyTypeError::new_err("throw() third argument must be a traceback object")
            })?),
            None => None,
        };
        let exception = if let Ok(instance) = kind.cast::<PyBaseException>() {
            if value.is_some() {
                let message = "instance exception may not have a separate value";
                return Err(PyTypeError::new_err(message));
            }
            instance.clone()
        } else {
            instantiate(&kind, value)?
        };
        if let Some(traceback) = traceback {
            exception.setattr("__traceback__", traceback)?;
        }
        Ok(exception)
    }

    /// An argument that is there and not `None`.
    fn argument(&self, place: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        if place >= self.arguments.len() {
            return Ok(None);
        }
        Ok(Some(self.arguments.get_item(place)?).filter(|argument| !argument.is_none()))
    }
}

const DEPRECATED: &std::ffi::CStr =
    c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";

fn is_exception_class(class: &Bound<'_, PyType>) -> PyResult<bool> {
    class.is_subclass_of::<PyBaseException>()
}

/// `class(value)`, `class(*value)` if that is a tuple, `value` itself if it is an instance already:
/// the rules of `PyErr_NormalizeException`. What making it raises takes its place.
fn instantiate<'py>(
    class: &Bound<'py, PyAny>,
    value: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBaseException>> {
    let py = class.py();
    let Some(class) = class
        .cast::<PyType>()
        .ok()
        .filter(|c| is_exception_class(c).unwrap_or(false))
    else {
        let name = class.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "exceptions must be classes or instances deriving from BaseException, not {name}"
        )));
    };
    let made = match value {
        None => class.call0(),
        Some(value) if value.is_instance(class)? => Ok(value),
        Some(value) => match value.cast::<PyTuple>() {
            Ok(arguments) => class.call1(arguments),
            Err(_) => class.call1((value,)),
        },
    };
    let exception = made.and_then(|made| made_by(class, made));
    Ok(exception.unwrap_or_else(|error| error.into_value(py).into_bound(py)))
}

/// Refuses what a class of exceptions made if it is none.
fn made_by<'py>(
    class: &Bound<'py, PyType>,
    made: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBaseException>> {
    let name = made.get_type().name()?;
    made.cast_into().or_else(|_| {
        Err(PyTypeError::new_err(format!(
            "calling {} should have returned an instance of BaseException, not {name}",
            class.repr()?
        )))
    })
}
