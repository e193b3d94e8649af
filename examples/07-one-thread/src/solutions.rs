//! A solution to the README's third exercise: two futures that share a list without a lock.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use futures_util::{FutureExt, future::join};
use pyo3::prelude::*;
use pyo3_await::Coroutine;
use tokio::task;

type List = Rc<RefCell<Vec<&'static str>>>;

/// Awaits to what two futures have left in a list, which both have: "ping" and "pong" in turn, `times`
/// times each.
///
/// Raises `RuntimeError` on an event loop that is none of `event_loop()`.
#[pyfunction]
pub fn ping_pong(times: usize) -> Coroutine {
    pyo3_await::local("ping_pong", move || {
        let list = List::default();
        join(
            push("ping", times, Rc::clone(&list)),
            push("pong", times, Rc::clone(&list)),
        )
        .map(move |_| Ok::<_, Infallible>(list.take()))
    })
}

async fn push(word: &'static str, times: usize, list: List) {
    for _ in 0..times {
        list.borrow_mut().push(word);
        task::yield_now().await;
    }
}
