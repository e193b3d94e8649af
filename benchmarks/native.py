"""The functions of chapter 04 in asyncio's own: what every other way is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

live = 0


@contextmanager
def counted() -> Iterator[None]:
    global live
    live += 1
    try:
        yield
    finally:
        live -= 1


async def sleep(delay: float, result: Any = None) -> Any:
    with counted():
        return await asyncio.sleep(delay, result)


async def yield_now() -> None:
    with counted():
        await asyncio.sleep(0)


async def pending() -> None:
    with counted():
        await asyncio.get_running_loop().create_future()


async def fail(message: str) -> None:
    raise ValueError(message)


async def stop_iteration() -> None:
    raise StopIteration("value")


def live_futures() -> int:
    return live
