//! The protocol as data: what was sent, yielded, returned or raised, in order.

use pyo3::{prelude::*, types::iterator::PySendResult};

use crate::{
    between_steps::Patience,
    drive::{close, ends_the_program},
    get_awaitable::get_awaitable,
};

/// One message between driver and awaitable: `("send", None)`, `("yield", x)`, `("return", v)`
/// or `("raise", exc)`.
type Message<'py> = (&'static str, Bound<'py, PyAny>);

/// Drives `awaitable` to its end, answering every yield with `None`, and returns the list of
/// messages.
///
/// Unlike `drive` it accepts any yield: it only watches. `timeout` is as in `drive`.
///
/// Raises `TypeError` or `RuntimeError`, as `await` does, when there is nothing to step. What the
/// awaitable raises is the trace's last message, but for `KeyboardInterrupt` and `SystemExit`,
/// which go on to the caller, as they do through an event loop.
#[pyfunction]
#[pyo3(signature = (awaitable, *, timeout=None))]
pub fn trace<'py>(
    awaitable: &Bound<'py, PyAny>,
    timeout: Option<f64>,
) -> PyResult<Vec<Message<'py>>> {
    let py = awaitable.py();
    let patience = Patience::new(timeout)?;
    let steps = get_awaitable(awaitable)?;
    let nothing = py.None().into_bound(py);
    let mut messages = Vec::new();
    loop {
        messages.push(("send", nothing.clone()));
        match steps.send(&nothing) {
            Ok(PySendResult::Next(yielded)) => messages.push(("yield", yielded)),
            Ok(PySendResult::Return(value)) => {
                messages.push(("return", value));
                return Ok(messages);
            }
            Err(error) if ends_the_program(&error, py) => return Err(error),
            Err(error) => {
                messages.push(("raise", error.into_value(py).into_bound(py).into_any()));
                return Ok(messages);
            }
        }
        patience
            .between_steps(py)
            .map_err(|reason| close(&steps, reason))?;
    }
}
