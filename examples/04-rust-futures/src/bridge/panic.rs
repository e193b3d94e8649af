//! A panic in a future hurts whoever awaits it, and nobody else.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    error::Error,
    fmt::{self, Display, Formatter},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use pyo3::{create_exception, exceptions::PyRuntimeError, prelude::*};

create_exception!(
    rust_futures,
    RustPanic,
    PyRuntimeError,
    "A Rust future panicked: the message, and the place in the sources."
);

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

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

/// Runs `f`, and returns what is left of its panic if it panics.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panicked> {
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(outer);
    result.map_err(|payload| Panicked {
        message: format!("{}, at {}", text(&*payload), take_place()),
    })
}

/// Only the panic hook is told the place. What is caught arrives as an exception, so it is not
/// printed as well; all other panics go to the hook that was there before. Call it once, when the
/// module is imported: a thread that panics cannot.
pub fn remember_places() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if CATCHING.get() {
            let place = info.location().map(ToString::to_string);
            PLACE.set(place.map(|it| it.replace('\\', "/"))); // as on other systems
        } else {
            before(info);
        }
    }));
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

fn take_place() -> String {
    PLACE.take().unwrap_or_else(|| "an unknown place".into())
}
