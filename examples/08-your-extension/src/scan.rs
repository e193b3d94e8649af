//! The stream of keys: a connection of its own, read line by line.

use futures_util::{SinkExt, Stream, TryStreamExt, stream};

use crate::{
    connection::{Address, Lines, next_line, word},
    error::Error,
};

/// Connects when it is first polled, and closes the connection when it is dropped.
pub fn keys(
    address: Address,
    prefix: String,
) -> impl Stream<Item = Result<String, Error>> + Send + 'static {
    let lines = begin(address, prefix);
    stream::once(lines)
        .map_ok(|lines| stream::try_unfold(lines, next_key))
        .try_flatten()
}

async fn begin(address: Address, prefix: String) -> Result<Lines, Error> {
    let request = match &*prefix {
        "" => "SCAN".to_owned(),
        prefix => format!("SCAN {}", word(prefix)?),
    };
    let mut lines = address.open().await?;
    lines.send(request).await?;
    Ok(lines)
}

/// Returns the next key and the connection, or nothing after the last key.
async fn next_key(mut lines: Lines) -> Result<Option<(String, Lines)>, Error> {
    match next_line(&mut lines).await?.strip_prefix("KEY ") {
        Some(key) => Ok(Some((key.to_owned(), lines))),
        None => Ok(None),
    }
}
