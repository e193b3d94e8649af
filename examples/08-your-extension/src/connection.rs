//! The connection: a task on the runtime that owns the socket, and answers one request after the
//! other.
//!
//! No request of Python's holds the socket. So one that is cancelled leaves no answer on the wire for
//! the next one to find, and one that blocks its thread waits for the runtime, never for a future
//! that this very thread would have to poll.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    sync::{OnceCell, mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};
use tokio_util::codec::{Framed, LinesCodec};

use crate::error::Error;

pub type Lines = Framed<TcpStream, LinesCodec>;

/// Bytes of the longest line that the server may send.
const LONGEST: usize = 64 * 1024;

#[derive(Clone)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    pub async fn open(&self) -> Result<Lines, Error> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Framed::new(
            stream,
            LinesCodec::new_with_max_length(LONGEST),
        ))
    }
}

pub struct Connection {
    requests: mpsc::Sender<Request>,
    task: AbortHandle,
    goodbye: OnceCell<()>,
}

struct Request {
    line: String,
    answer: oneshot::Sender<Result<String, Error>>,
}

impl Connection {
    /// Connects, and starts the task. To be called inside the runtime, as in any future of the bridge.
    pub async fn open(address: &Address) -> Result<Self, Error> {
        let (requests, receiver) = mpsc::channel(1);
        let task = tokio::spawn(serve(address.open().await?, receiver)).abort_handle();
        let goodbye = OnceCell::new();
        Ok(Self {
            requests,
            task,
            goodbye,
        })
    }

    /// Returns the value under the key, if there is one.
    pub async fn get(&self, key: &str) -> Result<Option<String>, Error> {
        let answer = self.ask(format!("GET {}", word(key)?)).await?;
        Ok(answer.strip_prefix("VALUE ").map(str::to_owned))
    }

    pub async fn set(&self, key: &str, value: &str) -> Result<(), Error> {
        let request = format!("SET {} {}", word(key)?, line(value)?);
        self.ask(request).await.map(drop)
    }

    /// Has the server save what was set, and hang up. Does nothing if it has been done.
    pub async fn goodbye(&self, patience: Duration) -> Result<(), Error> {
        let goodbye = || async {
            let answer = timeout(patience, self.ask("BYE".to_owned())).await;
            self.task.abort(); // answered or not, the socket is closed
            answer.map_err(|_| Error::TimedOut)?.map(drop)
        };
        self.goodbye.get_or_try_init(goodbye).await.copied()
    }

    /// After the goodbye nothing is sent: the task may be about to end, and still take a request.
    async fn ask(&self, line: String) -> Result<String, Error> {
        if self.goodbye.initialized() {
            return Err(Error::Closed);
        }
        let (answer, answered) = oneshot::channel();
        let request = Request { line, answer };
        let sent = self.requests.send(request).await;
        sent.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }
}

/// Forget it, and a connection to a server that is silent stays open after its client has gone.
impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut lines: Lines, mut requests: mpsc::Receiver<Request>) {
    while let Some(Request { line, answer }) = requests.recv().await {
        let answered = exchange(&mut lines, line).await;
        let is_broken = !matches!(answered, Ok(_) | Err(Error::Refused(_)));
        let _ = answer.send(answered); // or whoever asked has been cancelled
        if is_broken {
            return; // what comes next on the wire is nobody's answer
        }
    }
}

async fn exchange(lines: &mut Lines, request: String) -> Result<String, Error> {
    lines.send(request).await?;
    next_line(lines).await
}

/// Returns the next line of the server's, unless it is an error.
pub async fn next_line(lines: &mut Lines) -> Result<String, Error> {
    let line = lines.next().await.ok_or(Error::Closed)??;
    match line.strip_prefix("ERROR ") {
        Some(text) => Err(Error::Refused(text.to_owned())),
        None => Ok(line),
    }
}

/// A space or the end of a line in a key would be a request of its own making.
pub fn word(key: &str) -> Result<&str, Error> {
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(Error::Unsendable("a key is one word"));
    }
    Ok(key)
}

fn line(value: &str) -> Result<&str, Error> {
    if value.contains(['\r', '\n']) {
        return Err(Error::Unsendable("a value is one line"));
    }
    Ok(value)
}
