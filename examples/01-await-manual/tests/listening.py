"""Who says what to whom where coroutines await each other: listeners in between write it down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Message = tuple[str, str, str]
"""Who sends, what, and who receives it."""


class Listener:
    """Stands between two parties, and passes on what they say. It has the four methods of a
    coroutine, so a Task can run it.
    """

    def __init__(self, messages: list[Message], caller: str, called: str, awaitable: Any) -> None:
        self.messages, self.caller, self.called = messages, caller, called
        self.steps = awaitable.__await__()

    def __await__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        return self.pass_on("send", value)

    def throw(self, error: BaseException) -> Any:
        return self.pass_on("throw", error)

    def close(self) -> Any:
        return self.steps.close()

    def pass_on(self, verb: str, value: Any) -> Any:
        self.messages.append((self.caller, f"{verb}({value!r})", self.called))
        try:
            yielded = getattr(self.steps, verb)(value)
        except StopIteration as stop:
            self.answer(f"return {stop.value!r}")
            raise
        except BaseException as error:
            self.answer(f"raise {error!r}")
            raise
        self.answer(f"yield {yielded!r}")
        return yielded

    def answer(self, text: str) -> None:
        self.messages.append((self.called, text, self.caller))


def listen(
    messages: list[Message], names: tuple[str, ...], make: Callable[[Any], Any], awaitable: Any
) -> Listener:
    """Return what the first of `names` drives: coroutines, each made by `make` of the next, with a
    listener before each. The last of `names` is that of `awaitable`.
    """
    *outer, innermost = pairwise(names)
    listener = Listener(messages, *innermost, awaitable)
    for caller, called in reversed(outer):
        listener = Listener(messages, caller, called, make(listener))
    return listener


def parties(make: Callable[[Any], Any], awaitable: Any, *names: str) -> list[Message]:
    """Drive such coroutines to their end, answer each yield with None, and return all messages."""
    messages: list[Message] = []
    outermost = listen(messages, names, make, awaitable)
    with contextlib.suppress(StopIteration):
        while True:
            outermost.send(None)
    return messages
