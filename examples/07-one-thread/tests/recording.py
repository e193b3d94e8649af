"""What goes between an event loop, its runtime and a coroutine, recorded while the loop runs."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import in_python
import one_thread

Messages = list[tuple[str, Any]]


def trace(coroutine: Coroutine[Any, Any, Any]) -> Messages:
    """Run the coroutine on a fresh loop, and return all messages in order. A future that it waits
    for, and an exception, are given by the name of their class.
    """
    messages: Messages = []
    one_thread.run(recorded(coroutine, messages))
    return messages


async def recorded(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> None:
    """Await the coroutine, and add what goes to and fro to `messages`."""
    await pass_on(coroutine, messages)


async def parked(messages: Messages, times: int) -> None:
    """Wait until what is recorded has parked so many times."""
    while messages.count(("yield", "Future")) < times:
        await asyncio.sleep(0)


@types.coroutine
def pass_on(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> Generator[Any, Any, None]:
    verb, value = "send", None
    while True:
        messages.append((verb, shown(value)))
        try:
            yielded = getattr(coroutine, verb)(value)
        except StopIteration as end:
            messages.append(("return", end.value))
            return
        except BaseException as error:
            messages.append(("raise", shown(error)))
            raise
        messages.append(("yield", shown(yielded)))
        try:
            verb, value = "send", (yield yielded)
        except BaseException as error:
            verb, value = "throw", error


def shown(value: Any) -> Any:
    return None if value is None else type(value).__name__


def parties(coroutine: Coroutine[Any, Any, Any]) -> list[tuple[str, str, str]]:
    """Run a coroutine of the twin, and return all messages, each with its sender and its receiver:
    what `trace` records, and the calls between the parts of the twin.
    """
    recorder = Recorder(coroutine.__name__)  # type: ignore[attr-defined]
    with ExitStack() as stack:
        for patch in recorder.patches():
            stack.enter_context(patch)
        in_python.run(recorded(coroutine, recorder))
    return recorder.messages


class Recorder(Messages):
    """Writes down each call before it is made, from the first step of the coroutine to its end."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.messages: list[tuple[str, str, str]] = []
        self.listens = False

    def patches(self) -> list[Any]:
        selector, runtime, future = in_python.Selector, in_python.Runtime, in_python.InFlight
        return [
            self.patch(selector, "select", "event loop", "selector"),
            self.patch(runtime, "push", self.name, "runtime"),
            self.patch(runtime, "wait", "selector", "runtime"),
            self.patch(runtime, "call_later", "future", "runtime"),
            self.patch(future, "poll", "runtime", "future"),
            self.patch(future, "deliver", "selector", "Task"),
        ]

    def patch(self, owner: type, method: str, sender: str, receiver: str) -> Any:
        original = getattr(owner, method)

        def recorded(itself: Any, *arguments: Any) -> Any:
            if self.listens:
                texts = ", ".join(text(it) for it in arguments)
                who = "runtime" if self.is_woken(method) else sender
                self.messages.append((who, f"{method}({texts})", receiver))
            return original(itself, *arguments)

        return mock.patch.object(owner, method, recorded)

    def is_woken(self, method: str) -> bool:
        """The second `push` is that of the waker, which a timer of the runtime calls."""
        return method == "push" and any("push" in message for _, message, _ in self.messages)

    def append(self, message: tuple[str, Any]) -> None:
        """What goes between the Task and the coroutine."""
        verb, value = message
        self.listens = verb != "return"
        if verb in {"send", "throw"}:
            self.messages.append(("Task", f"{verb}({value!r})", self.name))
        else:
            self.messages.append((self.name, f"{verb} {value!r}", "Task"))


def text(argument: Any) -> str:
    if callable(argument):
        return "wake"
    return "future" if isinstance(argument, in_python.InFlight) else repr(argument)
