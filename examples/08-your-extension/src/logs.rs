//! What the Rust side logs, as an async iterator: a Task of Python's hands it to `logging`.
//!
//! A layer that called Python's logging would wait for the GIL on the thread that logs, and with it
//! each future that this thread has to poll. It could also wait for a lock that Python code holds
//! while it waits for us. So the layer only puts records into a channel.

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use futures_util::stream;
use pyo3::prelude::*;
use pyo3_await::AsyncIterator;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt,
};

/// A logger's name, a level of Python's, a message, and the spans that it was logged in.
type Record = (String, u8, String, String);

static READER: Mutex<Option<UnboundedSender<Record>>> = Mutex::new(None);
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Returns an async iterator of what this module logs, from `level` up (as in `logging`): tuples of a
/// logger's name, a level, a message, and the spans, the outermost first.
///
/// Nothing is kept before it is first called. There is one reader: a second call ends the iterator of
/// the first. Records wait in memory until they are taken.
#[pyfunction]
#[pyo3(signature = (level = 20))]
pub fn logs(level: u8) -> AsyncIterator {
    static INSTALLED: Once = Once::new();
    let (sender, mut records) = unbounded_channel();
    LEVEL.store(level, Relaxed);
    let before = lock_reader().replace(sender);
    drop(before); // unlocked: that wakes its reader
    INSTALLED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(ToPython);
        drop(subscriber.try_init()); // nothing else in this module installs one
    });
    let records = stream::poll_fn(move |context| records.poll_recv(context).map(|it| it.map(Ok)));
    pyo3_await::inline_stream::<_, _, PyErr>("logs", records)
}

struct ToPython;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToPython {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Text::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let level = number(*metadata.level());
        if level >= LEVEL.load(Relaxed) {
            let mut message = Text::default();
            event.record(&mut message);
            let logger = metadata.target().replace("::", ".");
            send((logger, level, message.0, spans_of(event, &context)));
        }
    }
}

fn spans_of<S>(event: &Event<'_>, context: &Context<'_, S>) -> String
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let spans = context.event_scope(event).into_iter();
    let texts = spans.flat_map(Scope::from_root).map(|span| {
        let extensions = span.extensions();
        let fields = extensions.get::<Text>().map_or("", |fields| &fields.0);
        format!("{}({fields})", span.name())
    });
    texts.collect::<Vec<_>>().join(" > ")
}

/// Nobody reads if that fails: then nothing is kept.
fn send(record: Record) {
    let sender = lock_reader().clone(); // unlocked again: to send wakes the reader
    if let Some(sender) = sender {
        let _ = sender.send(record);
    }
}

fn lock_reader() -> MutexGuard<'static, Option<UnboundedSender<Record>>> {
    READER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The fields of a span or an event, as text.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let space = if self.0.is_empty() { "" } else { " " };
        let _ = match field.name() {
            "message" => write!(self.0, "{space}{value:?}"),
            name => write!(self.0, "{space}{name}={value:?}"),
        };
    }
}

/// The level's number in Python, which has none for traces.
fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}
