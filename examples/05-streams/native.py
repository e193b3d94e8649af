"""What Python has of its own: the same functions as native async generators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any


async def count(n: int) -> AsyncGenerator[int, None]:
    """Yield 0 to n - 1, every item ready at once."""
    for number in range(n):
        yield number


async def ticks(interval: float, n: int) -> AsyncGenerator[int, None]:
    """Yield 0 to n - 1, each after `interval` seconds."""
    for number in range(n):
        await asyncio.sleep(interval)
        yield number


async def lines(path: str | Path) -> AsyncGenerator[str, None]:
    """Yield the lines of a text file, without their ends, read in another thread."""
    file = await asyncio.to_thread(open, path, encoding="utf-8")
    with file:
        while line := await asyncio.to_thread(file.readline):
            yield line.removesuffix("\n")


async def failing(n: int) -> AsyncGenerator[int, None]:
    """Yield 0 to n - 1, and then raise `ValueError`."""
    for number in range(n):
        yield number
    raise ValueError(f"failed after {n} items")


class Sender:
    """Sends items into a stream of `channel`, on the loop that iterates over it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def send(self, item: Any) -> None:
        """Send an item."""
        self.put("item", item)

    def fail(self, message: str) -> None:
        """End the stream with `ValueError`."""
        self.put("fail", message)

    def close(self) -> None:
        """End the stream."""
        self.put("end")

    def put(self, verb: str, value: Any = None) -> None:
        self.queue.put_nowait((verb, value))


def channel() -> tuple[Sender, AsyncGenerator[Any, None]]:
    """Return a sender, and a stream of what it sends."""
    sender = Sender()
    return sender, received(sender.queue)


async def received(queue: asyncio.Queue[tuple[str, Any]]) -> AsyncGenerator[Any, None]:
    """Yield what comes through `queue`, until its end."""
    while True:
        verb, value = await queue.get()
        if verb == "end":
            return
        if verb == "fail":
            raise ValueError(value)
        yield value
