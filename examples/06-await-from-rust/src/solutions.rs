//! A solution to the README's second exercise: a second call, when the first one takes long.

use std::sync::Arc;

use futures_util::future::{Either, select};
use pyo3::prelude::*;
use pyo3_await::{Call, Coroutine};
use tokio::time::sleep;

use crate::functions::duration;

/// Calls `function()`, and once more if that has not ended after `seconds`. Resolves to what the first
/// that ends resolves to, or raises what it raises. The other one is cancelled, and has ended by then.
#[pyfunction]
pub fn hedge(function: Py<PyAny>, seconds: f64) -> Coroutine {
    pyo3_await::inline("hedge", async move {
        let function = Arc::new(function); // a `Py` cannot be cloned while detached
        let delay = Box::pin(sleep(duration(seconds)?));
        match select(begin(&function), delay).await {
            Either::Left((result, _)) => result,
            Either::Right(((), first)) => select(first, begin(&function)).await.factor_first().0,
        }
    })
}

fn begin(function: &Arc<Py<PyAny>>) -> Call<Py<PyAny>> {
    let function = Arc::clone(function);
    pyo3_await::call(move |py| function.call0(py))
}
