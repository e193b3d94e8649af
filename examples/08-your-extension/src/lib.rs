//! The Python module: what it exports, and nothing else.
#![forbid(unsafe_code)]

mod blocking;
mod client;
mod connect;
mod connection;
mod error;
mod hook;
mod logs;
mod scan;
mod span;

use pyo3::prelude::*;

/// A client of a key-value server, for Python's async.
#[pymodule]
mod your_extension {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::{
        client::Client,
        connect::{Connecting, connect, connect_sync},
        error::ServerError,
        logs::logs,
    };
    #[pymodule_export]
    use pyo3_await::{AsyncIterator, Coroutine, RustPanic};

    /// Frameworks ask whether to await what a function returns. Forget one, and Starlette's
    /// `BackgroundTask(client.set, …)` never runs it.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let names = [
            "Client.get",
            "Client.set",
            "Client.get_or_load",
            "Client.close",
        ];
        pyo3_await::mark_coroutine_functions(module, &names)
    }
}
