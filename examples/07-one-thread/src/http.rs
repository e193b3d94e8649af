//! The crate reqwest, bound: a request, and its body as an async iterator.

use std::{
    cell::RefCell,
    error::Error,
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

use crate::{auth::authorize, errors::Received};

/// Asks for what is at `url`, and awaits to an `Answer` when its head has come.
///
/// With `auth`, an `async def` function, `await auth(url)` comes first. It returns the headers to send, a
/// mapping of `str` to `str`, or None. A redirect sends them again, but `Authorization` and `Cookie` only
/// to the same server.
///
/// Raises `ValueError` if `url` is no address, and `ConnectionError` if nobody answers there; what `auth`
/// raises; `TypeError` or `ValueError` for what it returns, if that cannot be sent as headers.
#[pyfunction]
#[pyo3(signature = (url, *, auth=None))]
pub fn get(url: String, auth: Option<Py<PyAny>>) -> Coroutine {
    pyo3_await::inline("get", async move {
        let client = client_here();
        let mut request = client.get(url).build()?;
        if let Some(auth) = auth {
            authorize(&mut request, auth).await?;
        }
        let response = client.execute(request).await?;
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
        let chunks = chunks.map_ok(Received).map_err(Failed::Http);
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

/// What a request fails with.
enum Failed {
    Http(reqwest::Error),
    Python(PyErr), // as it is: the hook has raised it
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl From<PyErr> for Failed {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Failed> for PyErr {
    fn from(error: Failed) -> Self {
        match error {
            Failed::Http(error) if error.is_builder() => {
                PyValueError::new_err(with_reasons(&error))
            }
            Failed::Http(error) => PyConnectionError::new_err(with_reasons(&error)),
            Failed::Python(error) => error,
        }
    }
}

/// An error of reqwest says what failed, and the errors behind it say why.
fn with_reasons(error: &reqwest::Error) -> String {
    let mut reasons = vec![error.to_string()];
    let mut reason = error.source();
    while let Some(error) = reason {
        reasons.push(error.to_string());
        reason = error.source();
    }
    reasons.join(": ")
}
