//! How any thread wakes an event loop: by a socket that the loop watches, by a call, or by the runtime
//! that the loop waits in.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

#[cfg(windows)]
use std::net::{TcpListener, TcpStream as Stream};
#[cfg(unix)]
use std::os::unix::net::UnixStream as Stream;

use super::{call_soon::CallSoon, executor::Executor};

pub enum Wakeup {
    Socketpair(Socketpair),
    /// The loop watches nothing: somebody must go and call it.
    CallSoon(CallSoon),
    /// The loop waits in a runtime of its own.
    Runtime(Arc<Executor>),
}

impl Wakeup {
    pub fn wake(&self) {
        match self {
            Self::Socketpair(pair) => pair.wake(),
            Self::CallSoon(call_soon) => call_soon.wake(),
            Self::Runtime(executor) => executor.rounds.wake(),
        }
    }

    /// To be called before the loop looks what is ready: see `ReadyQueue::take_all`.
    pub fn drain(&self) {
        if let Self::Socketpair(pair) = self {
            pair.drain();
        }
    }

    /// Returns what the loop is to watch.
    pub fn fileno(&self) -> Option<i64> {
        match self {
            Self::Socketpair(pair) => Some(pair.fileno()),
            Self::CallSoon(_) | Self::Runtime(_) => None,
        }
    }

    /// Returns what polls the loop's futures, if its own thread does.
    pub fn executor(&self) -> Option<&Executor> {
        match self {
            Self::Runtime(executor) => Some(executor),
            Self::Socketpair(_) | Self::CallSoon(_) => None,
        }
    }
}

/// A byte that is written to the one makes the other readable. Both are kept until nobody wakes any
/// more: to write where the other end is closed can end a process (`SIGPIPE`).
pub struct Socketpair {
    writer: Stream,
    reader: Stream,
}

impl Socketpair {
    /// # Errors
    ///
    /// If the process has no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let (writer, reader) = pair()?;
        writer.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        Ok(Self { writer, reader })
    }

    /// Writes a byte. If the socket is full, the loop is about to wake anyway. A byte that is lost
    /// hangs the loop, so an interrupted write is tried again.
    fn wake(&self) {
        while let Err(error) = (&self.writer).write(&[0]) {
            if error.kind() != ErrorKind::Interrupted {
                break;
            }
        }
    }

    /// Reads all that there is, so that the reader is not readable any more.
    fn drain(&self) {
        let mut bytes = [0; 64];
        while match (&self.reader).read(&mut bytes) {
            Ok(count) => count == bytes.len(),
            Err(error) => error.kind() == ErrorKind::Interrupted,
        } {}
    }

    #[cfg(unix)]
    fn fileno(&self) -> i64 {
        std::os::fd::AsRawFd::as_raw_fd(&self.reader).into()
    }

    /// As `socket.fileno()` does it.
    #[cfg(windows)]
    #[allow(clippy::cast_possible_wrap)]
    fn fileno(&self) -> i64 {
        std::os::windows::io::AsRawSocket::as_raw_socket(&self.reader) as i64
    }
}

#[cfg(unix)]
fn pair() -> io::Result<(Stream, Stream)> {
    Stream::pair()
}

/// Windows has no pairs: one end listens, the other connects. A stranger might be quicker to connect.
#[cfg(windows)]
fn pair() -> io::Result<(Stream, Stream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let one = Stream::connect(listener.local_addr()?)?;
    loop {
        let (other, caller) = listener.accept()?;
        if caller == one.local_addr()? {
            one.set_nodelay(true)?;
            return Ok((one, other));
        }
    }
}
