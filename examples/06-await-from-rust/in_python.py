"""The functions of this chapter in plain Python, over `bridge_in_python.py`: the twin.

Each is a future of the runtime, which asks Python for what only Python has.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
)
from typing import Any, TypeVar

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
        return [item async for item in bridge.async_iter(lambda: iterable)]

    return await bridge.spawn(future())


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
