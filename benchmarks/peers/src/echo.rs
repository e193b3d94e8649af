//! An echo server, to be run in a process of its own: connections are measured against it. And the
//! least that a client can cost.

use std::io::Result;

use pyo3::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    task::JoinSet,
};

/// Serves until the process ends. Its first and only line says the port.
///
/// # Errors
/// If there is no port to be had, or no more connections.
#[pyfunction]
pub fn serve_echo(py: Python<'_>) -> PyResult<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    Ok(py.detach(|| runtime.block_on(serve()))?)
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        tokio::spawn(echo(listener.accept().await?.0));
    }
}

async fn echo(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length]).await?,
        }
    }
}

/// Makes `times` requests of `size` bytes over each of so many connections to `port`, on this thread and
/// without Python.
///
/// # Errors
/// If nobody listens there, or a connection ends.
#[pyfunction]
pub fn ask_echo(
    py: Python<'_>,
    port: u16,
    connections: usize,
    size: usize,
    times: usize,
) -> PyResult<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    Ok(py.detach(|| runtime.block_on(ask_all(port, connections, size, times)))?)
}

async fn ask_all(port: u16, connections: usize, size: usize, times: usize) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(TcpStream::connect(("127.0.0.1", port)).await?);
    }
    let mut asking = JoinSet::new();
    for stream in streams {
        asking.spawn(ask(stream, size, times));
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(())
}

async fn ask(mut stream: TcpStream, size: usize, times: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut message = vec![0; size];
    for _ in 0..times {
        stream.write_all(&message).await?;
        stream.read_exact(&mut message).await?;
    }
    Ok(())
}
