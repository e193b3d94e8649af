"""The chapter's bridge in plain Python: the same parts under the same names.

Where the Rust has tokio, this has an event loop of its own in a thread: the runtime. The loop that
awaits never touches what runs there, and is woken once for each batch that is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import hashlib
import socket
import threading
import weakref
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")


class ReadyQueue:
    """What is ready and has not been taken yet. Many threads push, one loop takes."""

    def __init__(self) -> None:
        self.ready: list[InFlight] = []
        self.lock = threading.Lock()

    def push(self, item: InFlight) -> bool:
        """Say whether the item is the first: whoever pushes the first must wake the loop."""
        with self.lock:
            self.ready.append(item)
            return len(self.ready) == 1

    def take_all(self) -> list[InFlight]:
        with self.lock:
            ready, self.ready = self.ready, []
            return ready


class Wakeup:
    """A byte that is written to the one socket makes the other readable."""

    def __init__(self) -> None:
        self.writer, self.reader = socket.socketpair()
        self.reader.setblocking(False)

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # the loop is closed
            self.writer.send(b"\0")

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.reader.recv(4096)

    def __del__(self) -> None:
        self.writer.close()
        self.reader.close()


class EventLoop:
    """A running loop: what is ready, how to wake it, and who waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ready, self.wakeup = ReadyQueue(), Wakeup()
        self.waiting: set[InFlight] = set()  # keeps alive what may come in
        self.loop, self.watches = weakref.ref(loop), True
        try:  # in an empty context: a loop keeps the one that it is given
            contextvars.Context().run(loop.add_reader, self.wakeup.reader, self.woken)
        except NotImplementedError:
            self.watches = False

    def schedule(self, in_flight: InFlight) -> None:
        """Have its coroutine resumed. Called on the runtime's thread."""
        if self.ready.push(in_flight):
            self.wakeup.wake()
            if not self.watches and (loop := self.loop()):
                with contextlib.suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(self.woken)

    def woken(self) -> None:
        self.wakeup.drain()  # first: what is pushed after this wakes again
        for in_flight in self.ready.take_all():
            self.waiting.discard(in_flight)
            if in_flight.waiter and not in_flight.waiter.done():
                in_flight.waiter.set_result(None)


class InFlight:
    """One future that is awaited: started on the runtime, ended there, and then scheduled."""

    alive = 0

    def __init__(self, future: Coroutine[Any, Any, Any], event_loop: EventLoop) -> None:
        self.event_loop, self.is_over = event_loop, False
        self.waiter: asyncio.Future[None] | None = None
        event_loop.waiting.add(self)
        runtime().call_soon_threadsafe(self.start, future)

    def start(self, future: Coroutine[Any, Any, Any]) -> None:
        InFlight.alive += 1
        self.task: asyncio.Task[Any] = runtime().create_task(future)
        self.task.add_done_callback(self.end)

    def end(self, task: asyncio.Task[Any]) -> None:
        InFlight.alive -= 1
        self.is_over = True
        self.event_loop.schedule(self)

    def cancel(self) -> None:
        runtime().call_soon_threadsafe(lambda: self.task.cancel())


async def spawn(future: Coroutine[Any, Any, _T]) -> _T:
    """Run `future` on the runtime, and suspend until it is over.

    When this is cancelled, the future is cancelled first, and has ended when this raises.
    """
    in_flight = InFlight(future, running())
    thrown: BaseException | None = None
    while not in_flight.is_over:
        in_flight.waiter = asyncio.get_running_loop().create_future()
        try:
            await in_flight.waiter
        except GeneratorExit:
            in_flight.cancel()
            raise  # a request to exit takes no "not yet"
        except BaseException as error:
            thrown = error
            in_flight.cancel()
    if thrown:
        raise thrown
    result: _T = in_flight.task.result()
    return result


def running() -> EventLoop:
    """Return the state of the loop that runs here, which is made when the loop is met first."""
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        _loops[loop] = EventLoop(loop)
    return _loops[loop]


_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoop] = (
    weakref.WeakKeyDictionary()
)


@functools.cache
def runtime() -> asyncio.AbstractEventLoop:
    """Return the loop that runs the futures, in a thread that does not keep the process alive."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="runtime").start()
    return loop


async def sleep(delay: float, result: Any = None) -> Any:
    """Await to `result` after `delay` seconds."""
    return await spawn(asyncio.sleep(delay, result))


async def hash_file(path: str | Path) -> str:
    """Await to the SHA-256 digest of the file at `path`, in hexadecimal."""
    return await spawn(
        asyncio.to_thread(lambda: hashlib.sha256(Path(path).read_bytes()).hexdigest())
    )


async def fail(message: str) -> None:
    """Raise `ValueError` with `message`."""

    async def future() -> None:
        raise ValueError(message)

    await spawn(future())


async def yield_now() -> None:
    """Suspend once on the runtime and come back."""
    await spawn(asyncio.sleep(0))


async def pending() -> None:
    """Never complete."""
    await spawn(asyncio.Event().wait())


def live_futures() -> int:
    """Return how many futures exist now: each from its first step until it is finished."""
    return InFlight.alive
