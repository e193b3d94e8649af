//! A solution to the README's second exercise: drive several awaitables, each a step at a time.

use std::collections::VecDeque;

use pyo3::{
    prelude::*,
    types::{PyIterator, PyTuple, iterator::PySendResult},
};

use crate::{
    between_steps::Patience,
    drive::{close, refuse_request},
    get_awaitable::get_awaitable,
};

/// Those that are not done yet, each with its place in the list of results.
type Ready<'py> = VecDeque<(usize, Bound<'py, PyIterator>)>;

/// Drives the awaitables in turn, a step each, and returns the list of their results, in order.
///
/// This is an event loop that has nothing to wait for. The first error ends it, after the others
/// have been closed. Raises as `drive` does.
#[pyfunction]
#[pyo3(signature = (*awaitables))]
pub fn drive_all<'py>(awaitables: &Bound<'py, PyTuple>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut ready = Ready::new();
    let results = take_turns(awaitables, &mut ready);
    results.map_err(|reason| {
        let unfinished = ready.iter();
        unfinished.fold(reason, |reason, (_, steps)| close(steps, reason))
    })
}

fn take_turns<'py>(
    awaitables: &Bound<'py, PyTuple>,
    ready: &mut Ready<'py>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = awaitables.py();
    let patience = Patience::new(None)?;
    let nothing = py.None().into_bound(py);
    let mut results = vec![nothing.clone(); awaitables.len()];
    for (place, awaitable) in awaitables.iter().enumerate() {
        ready.push_back((place, get_awaitable(&awaitable)?));
    }
    while let Some((place, steps)) = ready.pop_front() {
        match steps.send(&nothing)? {
            PySendResult::Return(value) => results[place] = value,
            PySendResult::Next(yielded) => {
                ready.push_back((place, steps)); // first, so that an error closes this one too
                refuse_request(&yielded)?;
            }
        }
        patience.between_steps(py)?;
    }
    Ok(results)
}
