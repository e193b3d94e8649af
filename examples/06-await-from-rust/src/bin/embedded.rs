//! A Rust program that is no module: it starts Python, runs an event loop, and awaits coroutines.
//!
//! Run it: `cargo run --features embed`. It needs the interpreter as a library, which the linker and
//! then the program must find.

use futures_util::future::try_join_all;
use pyo3::prelude::*;

fn main() -> PyResult<()> {
    Python::attach(|py| {
        let coroutine = pyo3_await::spawn("async_main", async_main());
        let asyncio = py.import("asyncio")?;
        asyncio.call_method1("run", (coroutine,)).map(drop)
    })
}

async fn async_main() -> PyResult<()> {
    let names = try_join_all([sleep(0.02, "two"), sleep(0.01, "one")]).await?;
    println!("slept: {}", names.join(", "));
    Ok(())
}

/// As `asyncio.sleep`, by `asyncio.sleep`.
async fn sleep(delay: f64, result: &'static str) -> PyResult<String> {
    pyo3_await::call(move |py| {
        let asyncio = py.import("asyncio")?;
        Ok(asyncio.call_method1("sleep", (delay, result))?.unbind())
    })
    .await
}
