//! The coroutine protocol, for any body: what CPython has in `Objects/genobject.c`.
//!
//! This folder imports nothing outside itself but `std`, `pyo3` and `parking_lot`, so that it can be
//! copied into another crate as it is. Write a `Body`, and return `Coroutine::new(name, place, body)`
//! from a function. Read in this order:
//!
//! - `body.rs`: the trait of a body, and what goes into it and comes out;
//! - `state.rs`: the states of a coroutine, and the way from one to the next;
//! - `class.rs`: the Python class, its methods and attributes;
//! - `throw.rs`, `thrown.rs`, `close.rs`: the two methods with rules of their own;
//! - `finalize.rs`, `trashcan.rs`: the end of a coroutine that is forgotten;
//! - `pending.rs`: an exception that is on its way meanwhile;
//! - `frame.rs`: the frame and the code object that others look at;
//! - `function.rs`: functions and methods that say that they return coroutines;
//! - `source.rs`: what runs the part of it that is written in Python;
//! - `normalized.rs`: errors that need no interpreter later.

mod body;
mod class;
mod close;
mod finalize;
mod frame;
mod function;
pub mod normalized;
pub mod pending;
pub(crate) mod source;
mod state;
mod throw;
mod thrown;
mod trashcan;

pub use body::{Body, Input, Step};
pub use class::Coroutine;
pub use function::mark_coroutine_functions;
pub use thrown::Thrown;
