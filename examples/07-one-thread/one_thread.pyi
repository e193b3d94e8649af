"""One thread: tokio inside the event loop."""
