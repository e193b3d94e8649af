//! A running event loop, as far as the bridge is concerned: its mailbox, the bell that makes it
//! look into it, and the futures that are in flight for it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use pyo3::{
    exceptions::{PyException, PyRuntimeError},
    prelude::*,
    types::{PyWeakrefMethods, PyWeakrefReference},
};
use slab::Slab;
use tokio::runtime::Handle;

use super::{asyncio, doorbell::Bell, in_flight::InFlight, mailbox::Mailbox, runtime, trio};

/// By the address of the Python object that stands for the loop, until that is closed. The weak
/// reference tells it from another one that has come to stand at the same address.
static LOOPS: Mutex<BTreeMap<usize, Known>> = Mutex::new(BTreeMap::new());

type Known = (Py<PyWeakrefReference>, Arc<EventLoop>);

pub enum Library {
    Asyncio,
    Trio,
}

/// A coroutine's place to wait.
pub struct Parked<'py> {
    /// What the loop is to be given.
    pub yields: Bound<'py, PyAny>,
    /// What `resume` is to be given.
    pub resumed_by: Bound<'py, PyAny>,
    /// What others are told that the coroutine waits for.
    pub waits_for: Bound<'py, PyAny>,
}

pub struct EventLoop {
    library: Library,
    address: usize,
    runtime: Handle,
    mailbox: Mailbox<Arc<InFlight>>,
    bell: Bell,
    in_flight: Mutex<Slab<Weak<InFlight>>>,
    rings_when_one_has_gone: AtomicBool,
    closed: AtomicBool,
}

impl EventLoop {
    /// Returns the loop that runs on this thread. Raises `RuntimeError` if there is none.
    pub fn running(py: Python<'_>) -> PyResult<Arc<Self>> {
        match Self::running_object(py)? {
            (Library::Asyncio, event_loop) => Self::of(&event_loop, asyncio::connect),
            (Library::Trio, token) => Self::of(&token, trio::connect),
        }
    }

    fn running_object(py: Python<'_>) -> PyResult<(Library, Bound<'_, PyAny>)> {
        if let Some(token) = trio::running(py)? {
            return Ok((Library::Trio, token));
        }
        match asyncio::running(py)? {
            Some(event_loop) => Ok((Library::Asyncio, event_loop)),
            None => Err(PyRuntimeError::new_err("no running event loop")),
        }
    }

    /// Returns the one of this Python object, which `connect` makes when it is met first.
    fn of(
        object: &Bound<'_, PyAny>,
        connect: fn(&Bound<'_, PyAny>) -> PyResult<Arc<Self>>,
    ) -> PyResult<Arc<Self>> {
        let py = object.py();
        let address = object.as_ptr().addr();
        let known = loops()
            .get(&address)
            .map(|(object, event_loop)| (object.clone_ref(py), Arc::clone(event_loop)));
        if let Some((same, event_loop)) = known {
            if same.bind(py).upgrade().is_some_and(|it| it.is(object)) {
                return Ok(event_loop);
            }
        }
        let weak = PyWeakrefReference::new(object)?.unbind();
        let event_loop = connect(object)?;
        let replaced = loops().insert(address, (weak, Arc::clone(&event_loop)));
        drop(replaced); // unlocked: Python code may run
        Ok(event_loop)
    }

    /// Raises `OSError` if the runtime cannot be started.
    pub fn new(library: Library, bell: Bell, object: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        Ok(Arc::new(Self {
            library,
            address: object.as_ptr().addr(),
            runtime: runtime::handle(object.py())?,
            mailbox: Mailbox::new(),
            bell,
            in_flight: Mutex::default(),
            rings_when_one_has_gone: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }))
    }

    /// Says that this future is finished, or dropped. Runs on a worker of the runtime.
    pub fn post(self: &Arc<Self>, future: Arc<InFlight>) {
        if self.mailbox.push(future) {
            self.bell.ring(self);
        }
    }

    /// Resumes the coroutines whose futures have come in. Runs on the loop's thread. All are seen to
    /// before it raises what is no `Exception`, such as `KeyboardInterrupt`.
    pub fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let mut urgent = Ok(());
        for future in self.mailbox.take_all() {
            let Some(resumed_by) = future.unpark() else {
                continue; // resumed by something else meanwhile
            };
            match self.resume(resumed_by.bind(py)) {
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    error.write_unraisable(py, Some(resumed_by.bind(py)));
                }
                Err(error) => urgent = Err(error),
                Ok(()) => {}
            }
        }
        urgent
    }

    fn resume(&self, resumed_by: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.library {
            Library::Asyncio => asyncio::resume(resumed_by),
            Library::Trio => trio::resume(resumed_by),
        }
    }

    /// Makes something that the loop waits for until a future comes in. It takes no cancellation, if
    /// it need not be `cancellable` and the library can help it.
    ///
    /// Raises `RuntimeError` if the loop is closed, or cannot be woken, or another one is running.
    pub fn park<'py>(&self, py: Python<'py>, cancellable: bool) -> PyResult<Parked<'py>> {
        if self.closed.load(SeqCst) {
            return Err(is_closed());
        }
        self.bell.check(py)?;
        match Self::running_object(py)? {
            (_, object) if object.as_ptr().addr() != self.address => Err(PyRuntimeError::new_err(
                "the coroutine was begun on a different event loop",
            )),
            (Library::Asyncio, event_loop) => asyncio::park(&event_loop),
            (Library::Trio, _) => trio::park(py, cancellable),
        }
    }

    /// Raises what the loop says by what it sends to a coroutine that is parked.
    pub fn resumed(&self, waits_for: &Py<PyAny>, sent: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.library {
            Library::Asyncio => Ok(()), // it throws
            Library::Trio => trio::resumed(waits_for.bind(sent.py()), sent),
        }
    }

    /// Can a coroutine be resumed on the next turn, by a bare yield?
    pub fn has_turns(&self) -> bool {
        matches!(self.library, Library::Asyncio)
    }

    /// Notes that a future is in flight. Returns what `leave` asks for.
    pub fn enter(&self, future: &Arc<InFlight>) -> usize {
        self.lock().insert(Arc::downgrade(future))
    }

    pub fn leave(self: &Arc<Self>, key: usize) {
        self.lock().try_remove(key);
        if self.rings_when_one_has_gone.load(SeqCst) {
            self.bell.ring(self);
        }
    }

    /// What runs the futures of this loop.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    pub fn in_flight(&self) -> usize {
        self.lock().len()
    }

    /// Does a task of trio wait for a future? A coroutine whose task has ended is driven by nobody.
    pub fn somebody_waits(&self, py: Python<'_>) -> PyResult<bool> {
        let in_flight: Vec<_> = self
            .lock()
            .iter()
            .map(|(_, future)| future.clone())
            .collect();
        for future in in_flight.iter().filter_map(Weak::upgrade) {
            match future.resumed_by(py) {
                Some(parked) if !trio::has_ended(parked.bind(py))? => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    pub fn ring_when_one_has_gone(&self) {
        self.rings_when_one_has_gone.store(true, SeqCst);
    }

    /// Drops the futures that are in flight: nobody can be told of them.
    pub fn close(self: &Arc<Self>, py: Python<'_>) {
        self.closed.store(true, SeqCst);
        self.forget();
        py.detach(|| {
            let in_flight = mem::take(&mut *self.lock());
            for future in in_flight.iter().filter_map(|(_, future)| future.upgrade()) {
                future.cancel();
            }
        });
        drop(self.mailbox.close());
    }

    fn forget(self: &Arc<Self>) {
        let mut loops = loops();
        let known = match loops.entry(self.address) {
            Entry::Occupied(entry) if Arc::ptr_eq(&entry.get().1, self) => Some(entry.remove()),
            _ => None, // another one has come to stand there
        };
        drop(loops);
        drop(known); // unlocked: Python code may run
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Weak<InFlight>>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// In a child process: the parent's loops do not run here.
pub fn forget_all() {
    mem::forget(mem::take(&mut *loops()));
}

/// What asyncio raises in the same place.
pub fn is_closed() -> PyErr {
    PyRuntimeError::new_err("Event loop is closed")
}

fn loops() -> MutexGuard<'static, BTreeMap<usize, Known>> {
    LOOPS.lock().unwrap_or_else(PoisonError::into_inner)
}
