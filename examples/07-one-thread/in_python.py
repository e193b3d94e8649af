"""The loop in plain Python: an event loop that waits inside a second one.

The second one is a *runtime*, as tokio is for Rust: it polls futures, and waits for timers and for
descriptors. Its futures are coroutines that it steps itself; what they yield says who wakes them.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
Wake = Callable[[], None]
Future = Coroutine[Callable[[Wake], None], None, T]
"""Yields what is to be told of its waker."""


class Runtime:
    """Polls futures when they are woken. Waits for its timers, and for one descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.woken: deque[InFlight] = deque()
        self.ready: deque[InFlight] = deque()
        self.timers: list[tuple[float, int, Wake]] = []
        self.numbers = itertools.count()
        self.kernel = selectors.DefaultSelector()
        self.kernel.register(descriptor, selectors.EVENT_READ)

    def push(self, future: InFlight) -> None:
        self.woken.append(future)

    def call_later(self, seconds: float, wake: Wake) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.numbers), wake))

    def poll_round(self) -> None:
        """Poll those that have been woken, once each: what is woken meanwhile has its turn in the
        next round."""
        for _ in range(len(self.woken)):
            self.woken.popleft().poll()

    def park(self, limit: float | None) -> bool:
        """Wait for a timer, the descriptor or the limit. Is the descriptor readable?"""
        if self.woken:
            limit = 0
        elif self.timers:
            seconds = max(0, self.timers[0][0] - time.monotonic())
            limit = seconds if limit is None else min(limit, seconds)
        readable = bool(self.kernel.select(limit))
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()
        return readable

    def take_turn(self) -> bool:
        """Poll a round, look at the kernel, and poll what this has woken."""
        self.poll_round()
        readable = self.park(0)
        self.poll_round()
        return readable

    def wait(self, timeout: float | None) -> bool:
        """Wait until there is something for the loop to do. Is the descriptor readable?"""
        end = None if timeout is None else time.monotonic() + timeout
        readable = False
        while True:
            self.poll_round()
            left = None if end is None else end - time.monotonic()
            if self.ready or readable or (left is not None and left <= 0):
                return readable
            readable = self.park(left)

    def close(self) -> None:
        for future in self.woken:
            future.future.close()
        self.kernel.close()


class InFlight:
    """A future that has been started and has not come back."""

    def __init__(self, future: Future[Any], runtime: Runtime, waiter: asyncio.Future[None]) -> None:
        self.future, self.runtime, self.waiter = future, runtime, waiter
        self.result: Any = None

    def poll(self) -> None:
        try:
            tell = self.future.send(None)
        except StopIteration as end:
            self.result = end.value
            self.runtime.ready.append(self)
        else:
            tell(self.wake)

    def wake(self) -> None:
        self.runtime.push(self)

    def deliver(self) -> None:
        if not self.waiter.done():
            self.waiter.set_result(None)


class Selector(selectors.DefaultSelector):
    """A selector that waits in a runtime. asyncio asks it for events, as any other."""

    def __init__(self) -> None:
        super().__init__()
        self.runtime = Runtime(self.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        waits = not events and (timeout is None or timeout > 0)
        readable = self.runtime.wait(timeout) if waits else self.runtime.take_turn()
        while self.runtime.ready:
            self.runtime.ready.popleft().deliver()
        return super().select(0) if readable and not events else events

    def close(self) -> None:
        self.runtime.close()
        super().close()


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own, with such a selector."""

    def __init__(self) -> None:
        self.selector = Selector()
        super().__init__(self.selector)


def event_loop() -> EventLoop:
    return EventLoop()


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        return runner.run(main)


async def spawn(future: Future[T]) -> T:
    """Start a future on the runtime of the loop that runs, and await its result."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, EventLoop), "the running loop has no runtime"
    in_flight = InFlight(future, loop.selector.runtime, loop.create_future())
    loop.selector.runtime.push(in_flight)
    try:
        await in_flight.waiter
    finally:
        future.close()
    result: T = in_flight.result
    return result


class Tells:
    """Awaited in a future, it suspends that, and has `tell` told of its waker."""

    def __init__(self, tell: Callable[[Wake], None]) -> None:
        self.tell = tell

    def __await__(self) -> Generator[Callable[[Wake], None], None, None]:
        yield self.tell


async def sleeping(runtime: Runtime, seconds: float, result: T) -> T:
    await Tells(lambda wake: runtime.call_later(seconds, wake))
    return result


async def yielding() -> None:
    await Tells(lambda wake: wake())


async def sleep(seconds: float, result: Any = None) -> Any:
    """As `one_thread.sleep`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, EventLoop), "the running loop has no runtime"
    return await spawn(sleeping(loop.selector.runtime, seconds, result))


async def yield_now() -> None:
    """As `one_thread.yield_now`."""
    await spawn(yielding())
