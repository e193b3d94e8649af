//! What the crate asks of a library that runs event loops.

use pyo3::{exceptions::PyException, prelude::*};

/// A coroutine's suspension.
pub struct Suspension<'py> {
    /// What the coroutine yields to the loop.
    pub yields: Bound<'py, PyAny>,
    /// What `wake` is to be given.
    pub waiter: Bound<'py, PyAny>,
    /// What others are told that the coroutine waits for.
    pub waits_for: Bound<'py, PyAny>,
}

pub trait Library: Sync {
    /// Returns the object that stands for the loop that runs on this thread, if it is one of this
    /// library.
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>>;

    /// Makes the loop call `handler` whenever its `fileno()` is readable, until the loop is closed and
    /// lets go of it.
    ///
    /// # Errors
    ///
    /// `NotImplementedError` if loops of this kind cannot watch a socket.
    fn watch(&self, running: &Bound<'_, PyAny>, handler: &Bound<'_, PyAny>) -> PyResult<()>;

    /// Makes a loop that cannot watch keep `handler` until it is closed. Calls `handler.keep` when it
    /// is time to do so again.
    fn keep(&self, running: &Bound<'_, PyAny>, handler: &Bound<'_, PyAny>) -> PyResult<()>;

    /// Makes something that the loop waits for. Where the library can help it, one that is not
    /// `cancellable` is not woken by a cancellation.
    fn suspend<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        cancellable: bool,
    ) -> PyResult<Suspension<'py>>;

    /// Has the waiters' coroutines resumed, unless something else has done so. All are seen to before it
    /// raises what is no `Exception`, such as `KeyboardInterrupt`: see `wake_each`.
    fn wake(&self, waiters: &[Bound<'_, PyAny>]) -> PyResult<()>;

    /// Raises what the loop says by what it sends to a coroutine that is suspended.
    fn resumed(&self, waits_for: &Bound<'_, PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<()>;

    /// Is a coroutine that yields None resumed on the next turn of the loop?
    fn takes_bare_yields(&self) -> bool;

    /// Is there nobody left who could be resumed?
    fn has_ended(&self, waiter: &Bound<'_, PyAny>) -> PyResult<bool>;

    /// Begins a Task that runs `coroutine`, in `context` if one is given, or else in a copy of the
    /// current one. Returns what `cancel` and `forget` are to be given.
    fn create_task<'py>(
        &self,
        running: &Bound<'py, PyAny>,
        coroutine: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>>;

    fn cancel(&self, task: &Bound<'_, PyAny>) -> PyResult<()>;

    /// The loop is closed, and the Task never ends: the user did not make it, and is not to be told.
    fn forget(&self, task: &Bound<'_, PyAny>) -> PyResult<()>;

    /// Does the library tell of an error of a Task that nobody awaits?
    fn tells_of_errors(&self) -> bool;
}

/// Calls `wake` for each. Tells of an `Exception` where nobody can be told. What is none waits until all
/// have been seen to.
pub fn wake_each<'py>(
    waiters: &[Bound<'py, PyAny>],
    mut wake: impl FnMut(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let mut urgent = Ok(());
    for waiter in waiters {
        let py = waiter.py();
        match wake(waiter) {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                error.write_unraisable(py, Some(waiter));
            }
            Err(error) => urgent = Err(error),
            Ok(()) => {}
        }
    }
    urgent
}
