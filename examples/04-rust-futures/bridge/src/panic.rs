//! A panic in a future is raised where the future is awaited, and hurts nobody else.

use std::{
    any::Any,
    error::Error,
    fmt::{self, Display, Formatter},
    panic::{AssertUnwindSafe, catch_unwind},
};

use pyo3::{create_exception, exceptions::PyRuntimeError, prelude::*};

create_exception!(
    pyo3_await,
    RustPanic,
    PyRuntimeError,
    "A Rust future panicked: the message, and the place in the sources."
);

/// What is left of a panic.
#[derive(Debug)]
pub struct Panicked {
    message: String,
}

impl Display for Panicked {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Panicked {}

impl From<Panicked> for PyErr {
    fn from(panicked: Panicked) -> Self {
        RustPanic::new_err((panicked.message,))
    }
}

/// Runs `f`, and returns what is left of its panic if it panics. The panic hook has been called by
/// then, and by default has printed the message: so a panic that nobody awaits is seen, too.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = text(&*payload);
        let message = match location::take() {
            Some(location) => format!("{text}, at {location}"),
            None => text.to_owned(),
        };
        Panicked { message }
    })
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// The place of a panic is known to the panic hook only, so there must be one that remembers it.
#[cfg(feature = "panic-location")]
pub mod location {
    use std::{
        cell::RefCell,
        panic::{PanicHookInfo, set_hook, take_hook},
        sync::Once,
    };

    thread_local! {
        static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// Puts our hook before the one that is there, which is called as before. Done on first use, and
    /// not where something may panic: a thread that panics cannot.
    pub fn remember() {
        static REMEMBERING: Once = Once::new();
        REMEMBERING.call_once(|| {
            let before = take_hook();
            set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
                let location = info.location().map(ToString::to_string);
                // While the thread ends there is no place to remember it.
                let _ = LOCATION.try_with(|last| {
                    *last.borrow_mut() = location.map(|it| it.replace('\\', "/")); // as elsewhere
                });
                before(info);
            }));
        });
    }

    pub fn take() -> Option<String> {
        LOCATION.take()
    }
}

#[cfg(not(feature = "panic-location"))]
pub mod location {
    pub fn remember() {}

    pub fn take() -> Option<String> {
        None
    }
}
