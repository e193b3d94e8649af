//! A solution to the README's second exercise: drive several awaitables, each a step at a time.

use std::collections::VecDeque;

use pyo3::{
    prelude::*,
    types::{PyIterator, PyTuple, iterator::PySendResult},
};

use crate::{
    between_steps::Patience,
    drive::{refuse_request, try_close},
    get_awaitable::get_awaitable,
};

/// Those that are not done yet, each with its place in the list of results.
type UnderWay<'py> = VecDeque<(usize, Bound<'py, PyIterator>)>;

/// Drives the awaitables in turn, a step each, and returns the list of their results, in order.
///
/// This is an event loop that has nothing to wait for. The first error ends it, after those that
/// were under way have been closed; what closing raises is reported, not raised. Raises as `drive`.
#[pyfunction]
#[pyo3(signature = (*awaitables))]
pub fn drive_all<'py>(awaitables: &Bound<'py, PyTuple>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut under_way = UnderWay::new();
    let results = take_turns(awaitables, &mut under_way);
    for (_, steps) in under_way {
        if let Err(error) = try_close(&steps) {
            error.write_unraisable(awaitables.py(), Some(&steps));
        }
    }
    results
}

fn take_turns<'py>(
    awaitables: &Bound<'py, PyTuple>,
    under_way: &mut UnderWay<'py>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = awaitables.py();
    let patience = Patience::new(None)?;
    let nothing = py.None().into_bound(py);
    let mut results = vec![nothing.clone(); awaitables.len()];
    for (place, awaitable) in awaitables.iter().enumerate() {
        under_way.push_back((place, get_awaitable(&awaitable)?));
    }
    while let Some((place, steps)) = under_way.pop_front() {
        match steps.send(&nothing)? {
            PySendResult::Return(value) => results[place] = value,
            PySendResult::Next(yielded) => {
                under_way.push_back((place, steps)); // first, so that an error closes this one too
                refuse_request(&yielded)?;
            }
        }
        patience.between_steps(py)?;
    }
    Ok(results)
}
