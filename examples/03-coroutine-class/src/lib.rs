//! A Rust class that is a coroutine, to asyncio, to trio and to `inspect`.
//!
//! Build it and see: `pip install . && python demo.py`. Then read, in this order, `first_try.rs`
//! (as far as an awaitable iterator goes), `countdown.rs` and `body.rs` (state machines),
//! `state.rs` (what goes for every coroutine, around any such machine), `my_coroutine.rs` (its
//! methods), `last_words.rs` (its end), `delegate.rs` (`await`, from the inside) with `thrown.rs`,
//! `throw.rs` and `close.rs`, and `coroutine_function.rs` (functions that say that they return coroutines).
#![forbid(unsafe_code)]

mod await_errors;
mod body;
mod call_await;
mod close;
mod coroutine_function;
mod countdown;
mod delegate;
mod depth;
mod first_try;
mod get_awaitable;
mod last_words;
mod made_now;
mod my_coroutine;
mod solutions;
mod state;
mod steps;
mod throw;
mod thrown;

use my_coroutine::MyCoroutine as Coroutine; // by this name in the files that chapter 04 has too
use pyo3::prelude::*;

/// A Rust class that is a coroutine.
#[pymodule]
mod coroutine_class {
    use pyo3::{prelude::*, wrap_pyfunction};

    use super::{
        coroutine_function::CoroutineFunction, countdown::countdown, delegate::delegate,
        my_coroutine::my_coroutine, solutions::both,
    };
    #[pymodule_export]
    use super::{first_try::FirstTry, my_coroutine::MyCoroutine};

    #[pymodule_init]
    fn add_coroutine_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
        for function in [
            wrap_pyfunction!(my_coroutine, module)?,
            wrap_pyfunction!(countdown, module)?,
            wrap_pyfunction!(delegate, module)?,
            wrap_pyfunction!(both, module)?,
        ] {
            let name = function.getattr("__name__")?.extract::<String>()?;
            module.add(&*name, CoroutineFunction::marked(&function.into_any())?)?;
        }
        Ok(())
    }
}
