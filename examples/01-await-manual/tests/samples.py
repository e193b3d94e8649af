"""What the tests await: coroutines, objects with `__await__`, generators, and bad ones of each."""

from __future__ import annotations

import _thread
import itertools
import signal
import types
from collections.abc import Callable, Generator, Iterable
from typing import Any


@types.coroutine
def ask(request: object = None) -> Generator[object, object, object]:
    """Yield `request` once; return what is sent in answer. A generator-based coroutine."""
    return (yield request)


async def hello_after(turns: int) -> str:
    for _ in range(turns):
        await ask()
    return "hello"


class Steps:
    """An awaitable whose iterator is any iterator at all: it has no `send`, `throw` or `close`."""

    def __init__(self, steps: Iterable[Any]) -> None:
        self.steps = iter(steps)

    def __await__(self) -> Any:  # an iterator, where `Awaitable` would have a generator
        return self.steps


class PressesCtrlC:
    """Each of its steps does what Ctrl-C does, and runs no bytecode; `presses` are to come."""

    def __init__(self) -> None:
        self.presses = itertools.repeat(signal.SIGINT, 100_000)

    def __await__(self) -> Any:
        return map(_thread.interrupt_main, self.presses)


class Returns:
    """An awaitable whose `__await__` returns whatever it was given."""

    def __init__(self, anything: object) -> None:
        self.anything = anything

    def __await__(self) -> Any:
        return self.anything


class Finishes:
    """A coroutine that says when its `finally` block has run."""

    finished = False

    async def asking_for(self, request: object) -> None:
        try:
            while True:
                await ask(request)
        finally:
            self.finished = True


def outcome(call: Callable[[], object]) -> tuple[str, object]:
    """Return what `call()` does, in a form that can be compared with another's."""
    try:
        return "returns", call()
    except Exception as error:
        return "raises", (type(error), str(error))
