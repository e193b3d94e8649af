//! Two ends of a wire: what is written to one makes the other readable, on every system.

use std::io::{self, ErrorKind, Read, Write};

#[cfg(windows)]
use std::net::{TcpListener, TcpStream as Stream};
#[cfg(unix)]
use std::os::unix::net::UnixStream as Stream;

/// One end. Neither reading nor writing ever waits.
pub struct End(Stream);

/// Raises `OSError` if the process has no file descriptors left.
pub fn socket_pair() -> io::Result<(End, End)> {
    let (one, other) = pair()?;
    one.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((End(one), End(other)))
}

impl End {
    /// Makes the other end readable. If the wire is full, it is; if the other end is gone, nobody
    /// cares.
    pub fn signal(&self) {
        let _ = (&self.0).write(&[0]);
    }

    /// Reads all that there is, so that this end is not readable any more.
    pub fn clear(&self) {
        let mut bytes = [0; 64];
        while match (&self.0).read(&mut bytes) {
            Ok(count) => count == bytes.len(),
            Err(error) => error.kind() == ErrorKind::Interrupted,
        } {}
    }

    /// Returns what `add_reader` asks for.
    #[cfg(unix)]
    pub fn fileno(&self) -> i64 {
        std::os::fd::AsRawFd::as_raw_fd(&self.0).into()
    }

    /// Returns what `add_reader` asks for.
    #[cfg(windows)]
    pub fn fileno(&self) -> i64 {
        std::os::windows::io::AsRawSocket::as_raw_socket(&self.0) as i64
    }
}

#[cfg(unix)]
fn pair() -> io::Result<(Stream, Stream)> {
    Stream::pair()
}

/// Windows has no pairs: one end listens, the other calls. A stranger might be quicker to call.
#[cfg(windows)]
fn pair() -> io::Result<(Stream, Stream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let one = Stream::connect(listener.local_addr()?)?;
    loop {
        let (other, caller) = listener.accept()?;
        if caller == one.local_addr()? {
            return Ok((one, other));
        }
    }
}
