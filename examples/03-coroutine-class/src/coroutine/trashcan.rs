//! Drops the bodies of coroutines that hold each other one after the other.
//!
//! Each dropped inside the one before, a long chain would overflow the stack, up to Python 3.13.
//! Source: the trashcan, `Py_TRASHCAN_BEGIN`, in CPython's `Objects/object.c`.

use std::{cell::RefCell, mem};

use super::body::Body;

/// What waits to be dropped on this thread, and whether somebody is at it.
#[derive(Default)]
struct Trashcan {
    bodies: Vec<Box<dyn Body>>,
    being_emptied: bool,
}

thread_local! {
    static TRASHCAN: RefCell<Trashcan> = RefCell::default();
}

/// Drops a body, now or when those that are being dropped on this thread are done. While the thread
/// ends there is no trashcan any more, and the body is dropped where it is.
pub(super) fn drop_in_turn(body: Box<dyn Body>) {
    let is_first = TRASHCAN.try_with(|trashcan| {
        let mut trashcan = trashcan.borrow_mut();
        trashcan.bodies.push(body);
        !mem::replace(&mut trashcan.being_emptied, true)
    });
    if is_first == Ok(true) {
        let _guard = BeingEmptied;
        while let Some(body) = TRASHCAN.with_borrow_mut(|trashcan| trashcan.bodies.pop()) {
            drop(body); // may come back here, and add to the trashcan
        }
    }
}

/// Until this value is dropped, also by a panic, `being_emptied` is set. Forget it, and after a
/// panic nothing is dropped on this thread any more.
struct BeingEmptied;

impl Drop for BeingEmptied {
    fn drop(&mut self) {
        TRASHCAN.with_borrow_mut(|trashcan| trashcan.being_emptied = false);
    }
}
