//! The hook of a request: a function of Python's that Rust awaits, for the headers that it returns.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyMapping, PyString},
};
use reqwest::{
    Request,
    header::{HeaderMap, HeaderName, HeaderValue},
};

/// Awaits `auth(url)` in the Task that awaits the request, and gives the request those headers.
pub async fn authorize(request: &mut Request, auth: Py<PyAny>) -> PyResult<()> {
    let url = request.url().to_string();
    let begin = move |py: Python<'_>| auth.call1(py, (url,));
    let headers = pyo3_await::call_in_task_with(begin, |_, returned| headers_in(&returned?));
    request.headers_mut().extend(headers.await?);
    Ok(())
}

fn headers_in(returned: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    if returned.is_none() {
        return Ok(HeaderMap::new());
    }
    let wrong = |_| wrong_type("auth must return a mapping or None", returned);
    let items = returned.cast::<PyMapping>().map_err(wrong)?.items()?;
    items.iter().map(|item| header(&item)).collect()
}

/// The error does not show the value: it may be a secret, and errors are logged.
fn header(item: &Bound<'_, PyAny>) -> PyResult<(HeaderName, HeaderValue)> {
    let (name, value) = item.extract()?;
    let (name, value) = (text(&name)?, text(&value)?);
    let wrong = |what| PyValueError::new_err(format!("invalid header {what} {name:?}"));
    Ok((
        HeaderName::try_from(&name).map_err(|_| wrong("name"))?,
        HeaderValue::try_from(&value).map_err(|_| wrong("value of"))?,
    ))
}

fn text(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let wrong = |_| wrong_type("names and values of headers must be str", object);
    let text = object.cast::<PyString>().map_err(wrong)?.extract();
    text.map_err(|_| PyValueError::new_err("names and values of headers have no surrogates"))
}

fn wrong_type(rule: &str, object: &Bound<'_, PyAny>) -> PyErr {
    match object.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("{rule}, not {name}")),
        Err(error) => error,
    }
}
