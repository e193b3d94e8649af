"""The chapter's bridge in plain Python: the same parts, and a runtime in a thread.

Where the Rust has tokio, this has an event loop of its own in the background. What runs there is
never touched by the loop that awaits it, and that is woken once for each batch that is finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import socket
import threading
import weakref
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
_live = 0


async def sleep(delay: float, result: Any = None) -> Any:
    """Await to `result` after `delay` seconds."""
    return await on_the_runtime(asyncio.sleep(delay, result))


async def hash_file(path: str | Path) -> str:
    """Await to the SHA-256 digest of the file at `path`, in hexadecimal."""
    return await on_the_runtime(
        asyncio.to_thread(lambda: hashlib.sha256(Path(path).read_bytes()).hexdigest())
    )


async def fail(message: str) -> None:
    """Raise `ValueError` with `message`."""

    async def future() -> None:
        raise ValueError(message)

    await on_the_runtime(future())


async def yield_now() -> None:
    """Suspend once on the runtime and come back."""
    await on_the_runtime(asyncio.sleep(0))


async def pending() -> None:
    """Never complete."""
    await on_the_runtime(asyncio.Event().wait())


def live_futures() -> int:
    """Return how many futures exist now: each from its first step until it is finished."""
    return _live


async def on_the_runtime(future: Coroutine[Any, Any, _T]) -> _T:
    """Run `future` on the runtime, and park here until it has come in.

    When this is cancelled, the future is cancelled first, and has ended when this raises.
    """
    in_flight = InFlight(future, EventLoop.running())
    cancelled: BaseException | None = None
    while not in_flight.delivered:
        in_flight.parked = asyncio.get_running_loop().create_future()
        try:
            await in_flight.parked
        except GeneratorExit:
            in_flight.cancel()
            raise  # a request to exit takes no "not yet"
        except BaseException as error:
            cancelled = error
            in_flight.cancel()
    if cancelled:
        raise cancelled
    result: _T = in_flight.task.result()
    return result


class InFlight:
    """A future on the runtime: started there, ended there, and then posted."""

    def __init__(self, future: Coroutine[Any, Any, Any], event_loop: EventLoop) -> None:
        self.event_loop = event_loop
        self.delivered = False
        self.parked: asyncio.Future[None]
        runtime().call_soon_threadsafe(self.start, future)

    def start(self, future: Coroutine[Any, Any, Any]) -> None:
        global _live
        _live += 1
        self.task: asyncio.Task[Any] = runtime().create_task(future)
        self.task.add_done_callback(self.end)

    def end(self, task: asyncio.Task[Any]) -> None:
        global _live
        _live -= 1
        self.event_loop.post(self)

    def cancel(self) -> None:
        runtime().call_soon_threadsafe(lambda: self.task.cancel())


class EventLoop:
    """A running loop: its mailbox, and the wire that rings its bell."""

    @staticmethod
    def running() -> EventLoop:
        loop = asyncio.get_running_loop()
        if loop not in _event_loops:
            _event_loops[loop] = EventLoop(loop)
        return _event_loops[loop]

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox: list[InFlight] = []
        self.lock = threading.Lock()
        self.loop = weakref.ref(loop)
        self.bell, self.answer = socket.socketpair()
        self.answer.setblocking(False)
        try:
            loop.add_reader(self.answer, self.deliver)
            self.watches = True
        except NotImplementedError:
            self.watches = False

    def post(self, in_flight: InFlight) -> None:
        with self.lock:
            self.mailbox.append(in_flight)
            first = len(self.mailbox) == 1
        if first:
            with contextlib.suppress(OSError, RuntimeError):  # the loop is closed
                self.ring()

    def ring(self) -> None:
        self.bell.send(b"\0")
        if not self.watches and (loop := self.loop()):
            loop.call_soon_threadsafe(self.deliver)

    def deliver(self) -> None:
        self.answer.recv(64)  # first: what is posted after this rings again
        with self.lock:
            mail, self.mailbox = self.mailbox, []
        for in_flight in mail:
            in_flight.delivered = True
            if not in_flight.parked.done():
                in_flight.parked.set_result(None)

    def __del__(self) -> None:
        self.bell.close()
        self.answer.close()


_event_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoop]
_event_loops = weakref.WeakKeyDictionary()


@functools.cache
def runtime() -> asyncio.AbstractEventLoop:
    """Return the loop that runs the futures, in a thread that does not keep the process alive."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="runtime").start()
    return loop
