"""The coroutines of the chapter as `async def` has them: the reference for the other two."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Generator
from typing import TypeVar

T = TypeVar("T")


@types.coroutine
def turn() -> Generator[None, None, None]:
    yield


async def my_coroutine() -> str:
    return "Ended"


async def countdown(n: int) -> str:
    for _ in range(n):
        await turn()
    return "liftoff"


async def delegate(awaitable: Awaitable[T]) -> T:
    return await awaitable
