//! The two directions of a connection, as Rust futures. There is no Python in here.
//!
//! Every future can be dropped at any suspension, and nothing is lost: what has come, and what has
//! still to go, is kept here and not in the future. That is called cancel safety.

use std::{
    collections::{TryReserveError, VecDeque},
    future::poll_fn,
    io,
    io::ErrorKind::WouldBlock,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::{net::TcpStream, sync::Mutex};

use crate::errors::StreamError;

/// What a reader asks for.
#[derive(Clone, Copy)]
pub enum ReadMode {
    AtMost(usize),
    ToEof,
    Exactly(usize),
    Line,
}

pub struct Stream {
    socket: TcpStream,
    limit: usize,
    closed: AtomicBool,
    /// To be woken by `close`, beside the socket: who reads, and who writes.
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// The error of the socket. Locked while the socket is called, by one thread at a time.
    failed: parking_lot::Mutex<Option<io::Error>>,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<VecDeque<Bytes>>,
}

/// What has come, and nobody has read.
#[derive(Default)]
struct Incoming {
    bytes: BytesMut,
    allocated: usize,
    /// So many bytes from the start were looked at, and hold no end of a line.
    looked_at: usize,
}

/// To make room for less than the first is not worth a call, in bytes. More than the second is made
/// only where as much has come already: what a peer has not sent takes no memory.
const LEAST_ROOM: usize = 1 << 12;
const MOST_ROOM: usize = 1 << 18;

/// An allocation up to this size is kept for what comes next.
const MOST_KEPT: usize = 2 * MOST_ROOM;

impl Incoming {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the first bytes. A large allocation goes with the last of its bytes.
    fn take(&mut self, length: usize) -> Bytes {
        let taken = self.bytes.split_to(length).freeze();
        self.looked_at = self.looked_at.saturating_sub(length);
        if self.allocated > MOST_KEPT && self.len() <= MOST_ROOM {
            let _no_memory = self.reallocate(self.len()); // Then the next one tries again.
        }
        taken
    }

    fn take_all(&mut self) -> Bytes {
        self.take(self.len())
    }

    /// Finds the end of a line. Looks at each byte once, however often it is called.
    fn end_of_line(&mut self) -> Option<usize> {
        let mut unseen = self.bytes[self.looked_at..].iter();
        let end = unseen.position(|&byte| byte == b'\n');
        let end = end.map(|end| self.looked_at + end);
        self.looked_at = end.unwrap_or(self.len());
        end
    }

    /// Makes room for more to come, `missing` bytes of which somebody waits for.
    ///
    /// A reallocation copies what is here, so it has to pay: it comes after half of the room that
    /// the last one made.
    fn make_room(&mut self, missing: usize) -> Result<(), TryReserveError> {
        let wanted = missing.clamp(LEAST_ROOM, MOST_ROOM);
        let enough = missing.min(wanted / 2);
        if self.bytes.try_reclaim(wanted) || self.bytes.capacity() - self.len() >= enough {
            return Ok(());
        }
        let room = missing.clamp(LEAST_ROOM, MOST_ROOM.max(self.len()));
        self.reallocate(self.len() + room)
    }

    /// Moves to an allocation of this size. `BytesMut` itself would abort where there is no memory.
    fn reallocate(&mut self, size: usize) -> Result<(), TryReserveError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size)?;
        bytes.extend_from_slice(&self.bytes);
        self.allocated = bytes.capacity();
        self.bytes = Bytes::from(bytes).into(); // This copies nothing.
        Ok(())
    }
}

impl Stream {
    pub fn new(socket: TcpStream, limit: usize) -> Self {
        Self {
            socket,
            limit,
            closed: AtomicBool::default(),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            failed: parking_lot::Mutex::default(),
            incoming: Mutex::default(),
            outgoing: Mutex::default(),
        }
    }

    /// Ends what is waiting for the socket. It is closed when the last of those has gone.
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
        self.reader.wake();
        self.writer.wake();
        drop(self.failed.lock()); // Another thread may be sending: wait until the call returns.
    }

    /// Calls the socket. Raises its first error again and again, as asyncio does.
    ///
    /// The kernel tells an error once. A second call would find the end of the stream.
    fn call<T>(&self, call: impl FnOnce(&TcpStream) -> io::Result<T>) -> io::Result<T> {
        let mut failed = self.failed.lock();
        if let Some(error) = &*failed {
            return Err(copy_of(error));
        }
        call(&self.socket).inspect_err(|error| {
            if error.kind() != WouldBlock {
                *failed = Some(copy_of(error));
            }
        })
    }

    /// Returns what `mode` asks for, as soon as it has come. Only one may wait at a time.
    pub async fn read(&self, method: &'static str, mode: ReadMode) -> Result<Bytes, StreamError> {
        let waits = StreamError::AlreadyReading(method);
        let mut incoming = self.incoming.try_lock().map_err(|_| waits)?;
        self.call(|_| Ok(()))?; // As in asyncio, an error goes before what has come.
        loop {
            if let Some(length) = self.length(mode, &mut incoming)? {
                return Ok(incoming.take(length));
            }
            if self.receive(mode, &mut incoming).await? == 0 {
                return at_the_end(mode, incoming.take_all());
            }
        }
    }

    /// How much of what has come is wanted, if there is enough.
    fn length(
        &self,
        mode: ReadMode,
        incoming: &mut Incoming,
    ) -> Result<Option<usize>, StreamError> {
        let length = incoming.len();
        match mode {
            ReadMode::AtMost(most) => Ok((length > 0 || most == 0).then_some(most.min(length))),
            ReadMode::ToEof => Ok(None),
            ReadMode::Exactly(exactly) => Ok((length >= exactly).then_some(exactly)),
            ReadMode::Line => self.line(incoming),
        }
    }

    fn line(&self, incoming: &mut Incoming) -> Result<Option<usize>, StreamError> {
        match incoming.end_of_line() {
            Some(end) if end <= self.limit => Ok(Some(end + 1)),
            Some(end) => {
                incoming.take(end + 1);
                Err(StreamError::LineTooLong(
                    "Separator is found, but chunk is longer than limit",
                ))
            }
            None if incoming.len() <= self.limit => Ok(None),
            None => {
                incoming.take_all();
                Err(StreamError::LineTooLong(
                    "Separator is not found, and chunk exceed the limit",
                ))
            }
        }
    }

    /// Waits for more to come, and says how many bytes. None is the end.
    async fn receive(&self, mode: ReadMode, incoming: &mut Incoming) -> Result<usize, StreamError> {
        let missing = match mode {
            ReadMode::Exactly(exactly) => exactly - incoming.len(),
            ReadMode::AtMost(most) => most,
            ReadMode::ToEof => usize::MAX,
            ReadMode::Line => incoming.len().max(LEAST_ROOM),
        };
        loop {
            incoming.make_room(missing)?;
            match self.call(|socket| socket.try_read_buf(&mut incoming.bytes)) {
                Err(error) if error.kind() == WouldBlock => {}
                received => return Ok(received?),
            }
            match self.ready(&self.reader, TcpStream::poll_read_ready).await {
                Some(ready) => ready?,
                None => return Ok(0),
            }
        }
    }

    /// Waits for the socket. None if the stream is closed meanwhile.
    async fn ready(
        &self,
        waker: &AtomicWaker,
        poll_socket: fn(&TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Option<io::Result<()>> {
        poll_fn(|context| {
            waker.register(context.waker()); // first: `close` may come before the look
            if self.closed.load(SeqCst) {
                return Poll::Ready(None);
            }
            poll_socket(&self.socket, context).map(Some)
        })
        .await
    }

    /// Sends `data` after what others have begun to send, and returns when all of it is gone.
    pub async fn write(&self, data: Bytes) -> Result<(), StreamError> {
        let mut outgoing = self.outgoing.lock().await;
        outgoing.push_back(data);
        while let Some(chunk) = outgoing.front_mut() {
            match self.send(chunk).await {
                Ok(count) => chunk.advance(count),
                Err(error) => {
                    outgoing.clear(); // it will never go
                    return Err(error);
                }
            }
            if chunk.is_empty() {
                outgoing.pop_front();
            }
        }
        Ok(())
    }

    /// Sends some of `chunk`. The kernel may have room for more after `close`, so ask first.
    async fn send(&self, chunk: &[u8]) -> Result<usize, StreamError> {
        while !self.closed.load(SeqCst) {
            match self.call(|socket| socket.try_write(chunk)) {
                Err(error) if error.kind() == WouldBlock => {}
                sent => return Ok(sent?),
            }
            let writable = self.ready(&self.writer, TcpStream::poll_write_ready);
            writable.await.transpose()?;
        }
        Err(StreamError::Closed("write"))
    }

    /// The wrong way: what has come is kept in the future, and dropped with it.
    pub async fn first_try_readexactly(&self, n: usize) -> Result<Bytes, StreamError> {
        let waits = StreamError::AlreadyReading("first_try_readexactly");
        let _only_reader = self.incoming.try_lock().map_err(|_| waits)?;
        let mut incoming = Incoming::default();
        while incoming.len() < n {
            if self.receive(ReadMode::Exactly(n), &mut incoming).await? == 0 {
                return at_the_end(ReadMode::Exactly(n), incoming.take_all());
            }
        }
        Ok(incoming.take_all())
    }
}

/// An error of a socket is a number.
fn copy_of(error: &io::Error) -> io::Error {
    let number = error.raw_os_error();
    number.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// What a reader gets when no more can come.
fn at_the_end(mode: ReadMode, rest: Bytes) -> Result<Bytes, StreamError> {
    match mode {
        ReadMode::Exactly(expected) => Err(StreamError::Incomplete { rest, expected }),
        ReadMode::AtMost(_) | ReadMode::ToEof | ReadMode::Line => Ok(rest),
    }
}
