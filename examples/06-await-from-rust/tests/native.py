"""The chapter's functions as native coroutines of asyncio: what the others are compared with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, TypeVar

from in_python import join, race

_Item = TypeVar("_Item")
_T = TypeVar("_T")
Function = Callable[[], Awaitable[_T]]


async def call(function: Callable[..., Awaitable[_T]], *args: Any) -> _T:
    return await function(*args)


async def call_all(functions: Iterable[Function[_T]]) -> list[_T]:
    return await join([call(function) for function in functions])


async def first(functions: Iterable[Function[_T]]) -> _T:
    return await race([call(function) for function in functions])


async def with_timeout(function: Function[_T], seconds: float) -> _T:
    async with asyncio.timeout(seconds):
        return await function()


async def retry(function: Function[_T], attempts: int, base: float) -> _T:
    for attempt in range(attempts - 1):
        try:
            return await function()
        except Exception:
            await asyncio.sleep(base * 2**attempt)
    return await function()


async def map_concurrently(
    function: Callable[[_Item], Awaitable[_T]], items: Iterable[_Item], limit: int
) -> list[_T]:
    slots = asyncio.Semaphore(limit)

    async def one(item: _Item) -> _T:
        async with slots:
            return await function(item)

    return await join([one(item) for item in items])


async def collect(iterable: AsyncIterable[_T]) -> list[_T]:
    return [item async for item in iterable]


def live_futures() -> int:
    return 0
