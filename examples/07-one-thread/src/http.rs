//! The crate reqwest, bound: a request, and its body as an async iterator.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
};

use futures_util::TryStreamExt;
use pyo3::{
    exceptions::{PyConnectionError, PyRuntimeError, PyValueError},
    prelude::*,
};
use pyo3_await::{AsyncIterator, Coroutine, ForkGuarded, StreamBuilder};
use reqwest::{Client, Response};
use tokio::runtime::{Handle, Id};

use crate::errors::Received;

/// Asks for what is at `url`, and awaits to an `Answer` when its head has come.
///
/// Raises `ValueError` if that is no address, and `ConnectionError` if nobody answers there.
#[pyfunction]
pub fn get(url: String) -> Coroutine {
    pyo3_await::inline("get", async move {
        let response = client_here().get(url).send().await?;
        Ok::<_, Failed>(Answer {
            status: response.status().as_u16(),
            response: Mutex::new(Some(ForkGuarded::new("an answer", response))),
        })
    })
}

thread_local! {
    /// The client of the runtime that this thread was in last. It keeps connections open for the next
    /// request, and each belongs to the runtime that waits for it.
    static CLIENT: RefCell<Option<(Id, ForkGuarded<Client>)>> = const { RefCell::new(None) };
}

/// Call it while a future is polled: that is when a thread is in a runtime.
fn client_here() -> Client {
    let here = Handle::current().id();
    let known = CLIENT.with_borrow(|known| match known {
        Some((runtime, client)) if *runtime == here => client.get().ok().cloned(),
        _ => None,
    });
    known.unwrap_or_else(|| {
        let client = Client::new();
        let kept = (here, ForkGuarded::new("a client", client.clone()));
        let before = CLIENT.with_borrow_mut(|known| known.replace(kept));
        drop(before); // the cell first: this ends connections
        client
    })
}

/// What a server has answered. Its body can be had once.
#[pyclass(frozen, module = "one_thread")]
pub struct Answer {
    /// Such as 200.
    #[pyo3(get)]
    status: u16,
    response: Mutex<Option<ForkGuarded<Response>>>,
}

#[pymethods]
impl Answer {
    /// Awaits to the whole body, as `bytes`.
    ///
    /// Raises `ConnectionError` if the server is gone before its end, `RuntimeError` if the body has been
    /// asked for already.
    fn read(&self) -> PyResult<Coroutine> {
        let response = self.take()?;
        Ok(pyo3_await::inline("Answer.read", async move {
            Ok::<_, Failed>(Received(response.bytes().await?))
        }))
    }

    /// Returns an async iterator over the body, as it comes, in `bytes`.
    ///
    /// Its steps raise `ConnectionError` if the server is gone before the end. Raises `RuntimeError` if
    /// the body has been asked for already.
    fn body(&self) -> PyResult<AsyncIterator> {
        let chunks = self.take()?.bytes_stream();
        let chunks = chunks.map_ok(Received).map_err(Failed);
        Ok(StreamBuilder::new("Answer.body").inline(chunks))
    }

    fn __repr__(&self) -> String {
        format!("<Answer {}>", self.status)
    }
}

impl Answer {
    fn take(&self) -> PyResult<Response> {
        let mut response = self.response.lock().unwrap_or_else(PoisonError::into_inner);
        match response.take() {
            Some(response) => response.into_inner(),
            None => Err(PyRuntimeError::new_err("the body can be had once")),
        }
    }
}

/// What reqwest fails with.
struct Failed(reqwest::Error);

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self(error)
    }
}

impl From<Failed> for PyErr {
    fn from(Failed(error): Failed) -> Self {
        let text = error.to_string();
        if error.is_builder() {
            PyValueError::new_err(text)
        } else {
            PyConnectionError::new_err(text)
        }
    }
}
