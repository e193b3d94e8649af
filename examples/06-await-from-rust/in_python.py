"""The functions of this chapter in plain Python, over `bridge_in_python.py`: the twin.

Each is a future of the runtime, which asks Python for what only Python has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
)
from functools import partial
from typing import Any, Generic, TypeVar

import bridge_in_python as bridge

_Item = TypeVar("_Item")
_T = TypeVar("_T")
Function = Callable[[], Awaitable[_T]]


async def call(function: Callable[..., Awaitable[_T]], *args: Any) -> _T:
    """Await what `function(*args)` returns."""
    return await bridge.spawn(bridge.call(lambda: function(*args)))


async def call_in_task(function: Callable[..., Awaitable[_T]], *args: Any) -> _T:
    """Await it in the Task that awaits this."""
    return await bridge.spawn(bridge.call_in_task(lambda: function(*args)))


async def call_all(functions: Iterable[Function[_T]]) -> list[_T]:
    """Call all at once. The first error cancels the others, waits for them, and is raised."""
    functions = list(functions)

    async def future() -> list[_T]:
        return await join([bridge.call(function) for function in functions])

    return await bridge.spawn(future())


async def first(functions: Iterable[Function[_T]]) -> _T:
    """Await to what ends first. The others are cancelled and waited for."""
    functions = list(functions)

    async def future() -> _T:
        return await race([bridge.call(function) for function in functions])

    return await bridge.spawn(future())


async def with_timeout(function: Function[_T], seconds: float) -> _T:
    """Raise `TimeoutError` after so long, when the Python side has ended."""

    async def future() -> _T:
        async with asyncio.timeout(seconds):
            return await bridge.call(function)

    return await bridge.spawn(future())


async def retry(function: Function[_T], attempts: int, base: float) -> _T:
    """Call it up to so many times, after a delay that doubles from `base` seconds."""

    async def future() -> _T:
        for attempt in range(attempts - 1):
            try:
                return await bridge.call(function)
            except Exception:
                await asyncio.sleep(base * 2**attempt)
        return await bridge.call(function)

    return await bridge.spawn(future())


async def map_concurrently(
    function: Callable[[_Item], Awaitable[_T]], items: Iterable[_Item], limit: int
) -> list[_T]:
    """Call `function(item)` for each, at most `limit` at a time. The results are in order."""
    items = list(items)

    async def future() -> list[_T]:
        slots = asyncio.Semaphore(limit)

        async def one(item: _Item) -> _T:
            async with slots:
                return await bridge.call(lambda: function(item))

        return await join([one(item) for item in items])

    return await bridge.spawn(future())


async def collect(iterable: AsyncIterable[_T]) -> list[_T]:
    """Await to a list of the items."""

    async def future() -> list[_T]:
        items = bridge.async_iter(lambda: iterable, bridge.call_in_task)
        return [item async for item in items]

    return await bridge.spawn(future())


def merge(*iterables: AsyncIterable[_T]) -> Merge[_T]:
    """Give the items of all, as they come. The first error closes the others, and is raised."""
    return Merge(iterables)


class Merge(Generic[_T]):
    """An async iterator over several. A cancelled `await` of an item loses none."""

    def __init__(self, iterables: tuple[AsyncIterable[_T], ...]) -> None:
        self.iterables, self.streams = iterables, Streams[_T]()

    def __aiter__(self) -> Merge[_T]:
        return self

    async def __anext__(self) -> _T:
        self.streams.open(self.iterables)
        self.iterables = ()
        try:
            item = await bridge.spawn(self.streams.next())
        except Exception:
            await self.aclose()
            raise
        if not item:
            raise StopAsyncIteration
        return item[0]

    async def aclose(self) -> None:
        """Close them all, and wait until they are closed."""
        self.iterables = ()
        await bridge.spawn(self.streams.close())


async def serve(
    handler: Callable[[bytes], Awaitable[bytes]], host: str = "127.0.0.1", port: int = 0
) -> Server:
    """Answer each line that a client sends with what `await handler(line)` brings."""

    async def future() -> Server:
        server = Server(handler, bridge.Caller.current())
        await server.listen(host, port)
        return server

    return await bridge.spawn(future())


class Server:
    """A server. It ends at the end of `async with`, or by `close()`."""

    def __init__(self, handler: Callable[[bytes], Awaitable[bytes]], caller: bridge.Caller) -> None:
        self.handler, self.caller = handler, caller
        self.clients: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        self.server = await asyncio.start_server(self.accept, host, port)
        self.port: int = self.server.sockets[0].getsockname()[1]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.ensure_future(self.converse(reader, writer))
        self.clients.add(client)
        client.add_done_callback(self.clients.discard)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a client until it goes, or its handler fails."""
        with contextlib.closing(writer), contextlib.suppress(Exception):
            while (line := await reader.readline()).endswith(b"\n"):
                writer.write(await self.caller.call(partial(self.reply, line)))
                await writer.drain()

    async def reply(self, line: bytes) -> bytes:
        """Call the handler, on the loop's thread. Tell of its error: nobody else would."""
        try:
            return await self.handler(line)
        except Exception as error:
            context = {"message": "a server's handler failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            raise

    async def close(self) -> None:
        """End the server, and the handlers that are at work. Done when they have ended."""
        await bridge.spawn(self.end())

    async def end(self) -> None:
        self.server.close()
        await drop(self.clients)

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()


def live_futures() -> int:
    """Return how many futures exist now: each from its first step until it is finished."""
    return bridge.InFlight.alive


# What tokio and the crate futures-util bring to the Rust.


async def join(futures: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Run them at once. The first error drops the others, and is raised."""
    tasks = [asyncio.ensure_future(future) for future in futures]
    try:
        for ended in asyncio.as_completed(tasks):
            await ended
        return [task.result() for task in tasks]
    finally:
        await drop(tasks)


async def race(futures: Iterable[Coroutine[Any, Any, _T]]) -> _T:
    """Run them at once. The first that ends drops the others."""
    tasks = [asyncio.ensure_future(future) for future in futures]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        await drop(tasks)


async def drop(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Streams(Generic[_T]):
    """Several streams as one. What was asked for and has not come stays asked for."""

    def __init__(self) -> None:
        self.streams: list[AsyncGenerator[_T, None]] = []
        self.idle: list[AsyncGenerator[_T, None]] = []
        self.steps: dict[asyncio.Task[_T], AsyncGenerator[_T, None]] = {}

    def open(self, iterables: Iterable[AsyncIterable[_T]]) -> None:
        """Add these. Called on the thread of the loop that is to serve them."""
        for iterable in iterables:
            stream = bridge.async_iter(partial(same, iterable), bridge.Caller().call)
            self.streams.append(stream)
            self.idle.append(stream)

    async def next(self) -> tuple[_T] | None:
        """Return what comes first, or None at the end of all."""
        while self.idle:
            stream = self.idle.pop()
            self.steps[asyncio.ensure_future(step(stream))] = stream
        while self.steps:
            await asyncio.wait(self.steps, return_when=asyncio.FIRST_COMPLETED)
            ended = next(step for step in self.steps if step.done())
            stream = self.steps.pop(ended)
            with contextlib.suppress(StopAsyncIteration):
                item = ended.result()
                self.idle.append(stream)
                return (item,)
        return None

    async def close(self) -> None:
        await drop(self.steps)
        for stream in self.streams:
            await stream.aclose()
        self.streams, self.idle, self.steps = [], [], {}


async def step(stream: AsyncGenerator[_T, None]) -> _T:
    return await anext(stream)


def same(thing: _T) -> _T:
    return thing
