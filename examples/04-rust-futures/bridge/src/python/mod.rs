//! Python awaited from Rust.
//!
//! - `call.rs`: the future that a call is, and what Rust and Python share of it;
//! - `own_task.rs`: a Task that awaits something for Rust;
//! - `calls.rs`: what a coroutine does about the calls of its future, with `nursery.rs`: the Tasks that it
//!   waits for;
//! - `async_iter.rs`, `in_task_iter.rs`: an async iterable as a stream, of one form and the other;
//! - `caller.rs`: a handle, for those who are not inside a future of the bridge.
//!
//! No thread but that of the event loop attaches to Python. A call becomes a request (`request.rs`),
//! which goes there as a future that has finished does, and its result comes back through a waker.

mod async_iter;
mod call;
mod caller;
pub mod calls;
mod in_task_iter;
mod nursery;
mod own_task;

pub use async_iter::{AsyncIter, async_iter};
pub use call::{Call, call, call_in_task, call_in_task_with, call_with};
pub use caller::Caller;
pub use in_task_iter::{InTaskIter, async_iter_in_task};
