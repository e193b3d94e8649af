"""The states of the twin's loop, recorded while it is woken in each way that there is."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import in_python

Change = tuple[str, str, str]
"""A state, what changed it, and the next state."""

ask_kernel: Callable[[Any, float | None], list[Any]] = selectors.DefaultSelector.select


def changes() -> set[Change]:
    """Run the twin's loop, and return all changes of its state."""
    recorder = Recorder()
    with ExitStack() as stack:
        for patch in recorder.patches():
            stack.enter_context(patch)
        in_python.run(recorder.each_way_to_wake())
    return recorder.changes


class Recorder:
    """Knows where the loop is. The clock is its own, and goes on only while the loop is parked."""

    def __init__(self) -> None:
        self.changes: set[Change] = set()
        self.state, self.now = "[*]", 0.0
        self.cause = ""
        """Why the state changes next, where what is called then does not tell."""
        self.socket, self.far_end = socket.socketpair()
        self.meanwhile: Callable[[], object] = nothing
        """What others do while the loop is parked."""

    async def each_way_to_wake(self) -> None:
        await in_python.sleep(1)
        await asyncio.sleep(1)
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        with self.socket, self.far_end:
            loop.add_reader(self.socket, heard.set)
            self.meanwhile = lambda: self.far_end.send(b"x")
            await heard.wait()
            loop.remove_reader(self.socket)
        heard.clear()
        self.meanwhile = lambda: in_another_thread(loop.call_soon_threadsafe, heard.set)
        await heard.wait()

    def go(self, state: str, cause: str) -> None:
        if state != self.state:
            self.changes.add((self.state, cause, state))
        self.state = state

    def patches(self) -> Iterator[Any]:
        kernel, runtime = selectors.DefaultSelector, in_python.Runtime
        yield mock.patch.object(time, "monotonic", self.clock)
        yield mock.patch.object(kernel, "select", lambda *asked: self.ask_or_park(*asked))
        yield around(in_python.EventLoop, "run_forever", self.runs)
        yield around(in_python.Selector, "select", self.selects)
        yield around(runtime, "take_turn", self.takes_a_turn)
        yield around(runtime, "wait", self.waits)
        yield around(runtime, "poll_round", self.polls)
        yield around(in_python.InFlight, "wake", self.wakes)

    def clock(self) -> float:
        return self.now

    def runs(self, _: in_python.EventLoop) -> Iterator[None]:
        self.go("Running", "run_forever")
        yield
        self.go("[*]", "stop")

    def selects(self, selector: in_python.Selector) -> Iterator[None]:
        self.selector = selector
        self.go("Asking", "select")
        yield
        self.go("Running", self.cause)

    def takes_a_turn(self, _: in_python.Runtime) -> Iterator[None]:
        self.cause = "take_turn"
        yield
        self.cause = "turn over"

    def waits(self, runtime: in_python.Runtime) -> Iterator[None]:
        self.cause = "wait"
        yield
        self.cause = "ready" if runtime.ready else "timeout"

    def polls(self, _: in_python.Runtime) -> Iterator[None]:
        self.go("Polling", self.cause)
        yield

    def wakes(self, _: in_python.InFlight) -> Iterator[None]:
        self.cause = "wake"
        yield

    def ask_or_park(self, asked: selectors.BaseSelector, timeout: float | None) -> list[Any]:
        """What the loop asks is its inner selector. What the runtime asks is the kernel: it parks
        there, unless it only looks.
        """
        if asked is self.selector:
            self.go("Asking", "readable")
            self.cause = "events"
        elif timeout != 0:
            return self.park(asked, timeout)
        return ask_kernel(asked, 0)

    def park(self, kernel: selectors.BaseSelector, timeout: float | None) -> list[Any]:
        self.go("Parked", "park")
        meanwhile, self.meanwhile = self.meanwhile, nothing
        meanwhile()
        if readable := ask_kernel(kernel, 0):
            inside = [key.fileobj for key, _ in ask_kernel(self.selector, 0)]
            self.cause = "descriptor" if self.socket in inside else "call_soon_threadsafe"
            return readable
        assert timeout is not None, "parked for ever"
        self.now += timeout
        self.cause = "timeout"
        return []


def nothing() -> None: ...


def in_another_thread(call: Callable[..., object], *arguments: object) -> None:
    thread = threading.Thread(target=call, args=arguments)
    thread.start()
    thread.join()


def around(owner: type, method: str, recorded: Callable[[Any], Iterator[None]]) -> Any:
    """Have what the method does recorded: before it, up to a `yield`, and after it."""
    original = getattr(owner, method)

    def call(itself: Any, *rest: Any) -> Any:
        with contextmanager(recorded)(itself):
            return original(itself, *rest)

    return mock.patch.object(owner, method, call)
