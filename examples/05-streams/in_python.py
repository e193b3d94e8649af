"""The chapter's streams in plain Python: the same parts under the same names.

Where the Rust has tokio, this has an event loop of its own in a thread: the runtime. A task there
polls the stream and runs ahead of whoever takes its items. The streams are native async generators:
those of `native.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import native

_T = TypeVar("_T")

BUDGET = 128
"""So many items in a row are handed over without a suspension. Then other tasks have a turn."""


class Buffer(Generic[_T]):
    """Items that are made and not taken. Whoever makes them is at most `ahead` in front."""

    def __init__(self, ahead: int) -> None:
        self.ahead = max(ahead, 1)
        self.items: deque[_T] = deque()
        self.failure: BaseException | None = None
        self.is_closed = False  # nobody takes what is made from now on
        self.is_over = False  # nothing more is made
        self.lock = threading.Lock()
        self.wakers: set[asyncio.Future[None]] = set()

    def put(self, item: _T) -> None:
        """Add an item. Who waits for one is woken, and until it looks, more may come: so the loop
        is woken once a batch.
        """
        with self.lock:
            if not self.is_closed:
                self.items.append(item)
        self.wake()

    def take(self) -> _T:
        """Take the first item. Whoever makes them is woken when half of the room is free."""
        with self.lock:
            item = self.items.popleft()
            half = len(self.items) <= self.ahead // 2
        if half:
            self.wake()
        return item

    def close(self) -> None:
        """Drop all items, and what is put in later."""
        with self.lock:
            self.is_closed, self.failure = True, None
            self.items.clear()
        self.wake()

    def end(self, failure: BaseException | None = None) -> None:
        """Nothing more is made. To be called when the stream is gone."""
        with self.lock:
            self.failure = None if self.is_closed else failure
            self.is_over = True
        self.wake()

    async def room(self) -> None:
        await self.until(lambda: self.is_closed or len(self.items) < self.ahead)

    async def item(self) -> None:
        await self.until(lambda: bool(self.items) or self.is_closed or self.is_over)

    async def over(self) -> None:
        await self.until(lambda: self.is_over)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Suspend until this is so, on whatever loop runs here."""
        while waker := self.waker_unless(is_so):
            try:
                await waker
            finally:
                with self.lock:
                    self.wakers.discard(waker)

    def waker_unless(self, is_so: Callable[[], bool]) -> asyncio.Future[None] | None:
        """Look and register under one lock: what comes between the two would wake nobody."""
        with self.lock:
            if is_so():
                return None
            waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.wakers.add(waker)
            return waker

    def wake(self) -> None:
        with self.lock:
            wakers, self.wakers = self.wakers, set()
        for waker in wakers:
            with contextlib.suppress(RuntimeError):  # its loop is closed
                waker.get_loop().call_soon_threadsafe(finish, waker)


def finish(waker: asyncio.Future[None]) -> None:
    if not waker.done():
        waker.set_result(None)


class Producer(Generic[_T]):
    """The task on the runtime that polls a stream. It does not know the iterator: one that nobody
    holds is gone at once, and ends this.
    """

    alive: ClassVar[set[int]] = set()

    def __init__(self, stream: AsyncGenerator[_T, None], buffer: Buffer[_T]) -> None:
        self.stream, self.buffer = stream, buffer
        self.is_started = False
        self.alive.add(id(self))

    def start(self) -> None:
        """Nothing is made before the first step."""
        self.is_started = True
        runtime().call_soon_threadsafe(self.spawn)

    def spawn(self) -> None:
        self.task = runtime().create_task(self.poll())
        self.task.add_done_callback(self.ended)

    async def poll(self) -> None:
        async with contextlib.aclosing(self.stream):
            async for item in self.stream:
                self.buffer.put(item)
                await self.buffer.room()

    def ended(self, task: asyncio.Task[None]) -> None:
        """The stream is exhausted, has failed, or was cancelled."""
        self.alive.discard(id(self))
        self.buffer.end(None if task.cancelled() else task.exception())

    def cancel(self) -> None:
        """Drop the stream, on the runtime if it has started there."""
        if self.is_started:
            runtime().call_soon_threadsafe(lambda: self.task.cancel())
        else:
            self.alive.discard(id(self))
            self.buffer.end()


class AsyncIterator(Generic[_T]):
    """Iterates over a stream that a task on the runtime polls."""

    def __init__(
        self, stream: AsyncGenerator[_T, None], ahead: int, *, ends_when_cancelled: bool = False
    ) -> None:
        self.buffer = Buffer[_T](ahead)
        self.producer = Producer(stream, self.buffer)
        self.ends_when_cancelled = ends_when_cancelled
        self.is_stepping, self.in_a_row = False, 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T:
        if self.is_stepping:
            raise RuntimeError("anext(): asynchronous generator is already running")
        self.is_stepping = True
        try:
            return await self.step()
        except asyncio.CancelledError:
            if self.ends_when_cancelled:
                await self.aclose()
            raise
        finally:
            self.is_stepping = False

    async def step(self) -> _T:
        """Wait until there is an item, and then take it. A cancellation comes while it waits, and
        finds nothing taken.
        """
        if not (self.producer.is_started or self.buffer.is_closed):
            self.producer.start()
        if not self.may_go_on():
            await asyncio.sleep(0)
        if not self.buffer.items:
            self.in_a_row = 0
            await self.buffer.item()
        if self.buffer.items:
            return self.buffer.take()
        failure, self.buffer.failure = self.buffer.failure, None
        raise failure or StopAsyncIteration

    def may_go_on(self) -> bool:
        """A step that is ready does not suspend: without this, a loop over such runs alone."""
        self.in_a_row = self.in_a_row + 1 if self.in_a_row < BUDGET else 0
        return self.in_a_row > 0

    def close(self) -> None:
        if not self.buffer.is_closed:
            self.buffer.close()
            self.producer.cancel()

    async def aclose(self) -> None:
        """Drop the stream, and return when it is gone."""
        self.close()
        await self.buffer.over()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self.close()


@functools.cache
def runtime() -> asyncio.AbstractEventLoop:
    """Return the loop that polls the streams, in a thread that does not keep the process alive."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="runtime").start()
    return loop


def count(n: int) -> AsyncIterator[int]:
    """Return a stream of 0 to n - 1, every item ready at once."""
    return AsyncIterator(native.count(n), 1024)


def ticks(interval: float, n: int) -> AsyncIterator[int]:
    """Return a stream of 0 to n - 1, one each `interval` seconds."""
    return AsyncIterator(native.ticks(interval, n), 1)


def lines(path: str | Path) -> AsyncIterator[str]:
    """Return a stream of the lines of a text file, without their ends."""
    return AsyncIterator(native.lines(path), 256)


def failing(n: int) -> AsyncIterator[int]:
    """Return a stream of 0 to n - 1, which then raises `ValueError`."""
    return AsyncIterator(native.failing(n), 16)


class Counter:
    """How many items have been made. The stream has this, and not the iterator: see `Producer`."""

    made = 0


async def counted(n: int, counter: Counter) -> AsyncGenerator[int, None]:
    for number in range(n):
        counter.made += 1
        yield number


class Produced(AsyncIterator[int]):
    """A stream that tells how many items it has made."""

    def __init__(self, n: int, ahead: int) -> None:
        self.counter = Counter()
        super().__init__(counted(n, self.counter), ahead)

    @property
    def made(self) -> int:
        """How many items have been made."""
        return self.counter.made


def produce(n: int, ahead: int = 16) -> Produced:
    """Return a stream of 0 to n - 1, made at most `ahead` items in front of whoever takes them."""
    return Produced(n, ahead)


class Sender(native.Sender):
    """Sends items into a stream of `channel`, from any thread."""

    def put(self, verb: str, value: Any = None) -> None:
        runtime().call_soon_threadsafe(self.queue.put_nowait, (verb, value))


def channel(
    ahead: int = 16, *, ends_when_cancelled: bool = False
) -> tuple[Sender, AsyncIterator[Any]]:
    """Return a sender, and a stream of what it sends."""
    sender = Sender()
    stream = native.received(sender.queue)
    return sender, AsyncIterator(stream, ahead, ends_when_cancelled=ends_when_cancelled)


def live_streams() -> int:
    """Return how many streams exist now."""
    return len(Producer.alive)
