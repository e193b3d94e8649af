//! A channel as a stream: Python sends at the one end, from any thread, and iterates at the other.

use futures_util::{Stream, stream};
use pyo3::{
    exceptions::{PyBrokenPipeError, PyValueError},
    prelude::*,
};
use pyo3_await::{AsyncIterator, StreamBuilder};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

enum Message {
    Item(Py<PyAny>),
    Failure(String),
    End,
}

/// Sends items into the stream that `channel` has returned with it, from any thread.
///
/// When the sender is dropped, the stream is at its end.
#[pyclass(frozen, module = "rust_streams")]
pub struct Sender(UnboundedSender<Message>);

#[pymethods]
impl Sender {
    /// Sends an item. Raises `BrokenPipeError` when the stream has been dropped.
    fn send(&self, item: Py<PyAny>) -> PyResult<()> {
        self.put(Message::Item(item))
    }

    /// Ends the stream with `ValueError`. Raises as `send`.
    fn fail(&self, message: String) -> PyResult<()> {
        self.put(Message::Failure(message))
    }

    /// Ends the stream. Raises as `send`.
    fn close(&self) -> PyResult<()> {
        self.put(Message::End)
    }
}

impl Sender {
    fn put(&self, message: Message) -> PyResult<()> {
        self.0
            .send(message)
            .map_err(|_| PyBrokenPipeError::new_err("the stream has been dropped"))
    }
}

/// Returns a sender, and an iterator over what it sends.
///
/// A task on the runtime receives at most `ahead` items in front of whoever takes them, or, with
/// `inline`, the event loop does. With `ends_when_cancelled` a step that is cancelled ends the stream.
#[pyfunction]
#[pyo3(signature = (ahead=16, *, inline=false, ends_when_cancelled=false))]
pub fn channel(ahead: usize, inline: bool, ends_when_cancelled: bool) -> (Sender, AsyncIterator) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = StreamBuilder::new("channel").ahead(ahead);
    let builder = if ends_when_cancelled {
        builder.ends_when_cancelled()
    } else {
        builder
    };
    let stream = received(receiver);
    let iterator = if inline {
        builder.inline(stream)
    } else {
        builder.spawn(stream)
    };
    (Sender(sender), iterator)
}

fn received(
    receiver: UnboundedReceiver<Message>,
) -> impl Stream<Item = PyResult<Py<PyAny>>> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await? {
            Message::Item(item) => Some((Ok(item), receiver)),
            Message::Failure(text) => Some((Err(PyValueError::new_err(text)), receiver)),
            Message::End => None,
        }
    })
}
