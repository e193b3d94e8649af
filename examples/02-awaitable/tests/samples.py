"""What the tests await, besides the chapter's own classes."""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from typing import Any


@types.coroutine
def ask(request: object = None) -> Generator[object, object, object]:
    """Yield `request` once; return what is sent in answer. A generator-based coroutine."""
    return (yield request)


async def give(value: Any) -> Any:
    """A coroutine that never suspends."""
    return value


async def native(awaitable: Any) -> Any:
    """`await` itself: the reference."""
    return await awaitable


class Returns:
    """An awaitable whose `__await__` returns whatever it was given."""

    def __init__(self, anything: object) -> None:
        self.anything = anything

    def __await__(self) -> Any:
        return self.anything


def outcome(call: Callable[[], object]) -> tuple[str, object]:
    """Return what `call()` does, in a form that can be compared with another's."""
    try:
        return "returns", call()
    except Exception as error:
        return "raises", (type(error), str(error))


def run(awaitable: Any) -> Any:
    """Await something that never suspends, and return its result."""
    coroutine = native(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        coroutine.close()
    raise AssertionError("it suspended")
