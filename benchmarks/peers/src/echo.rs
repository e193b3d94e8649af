//! An echo server, to be run in a process of its own: connections are measured against it.

use std::io::Result;

use pyo3::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
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
