"""What goes between an event loop and a coroutine, recorded while the loop runs."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import in_python

Messages = list[tuple[str, Any]]


def trace(coroutine: Coroutine[Any, Any, Any]) -> Messages:
    """Run the coroutine on a fresh loop, and return all messages in order. A future that it waits
    for, and an exception, are given by the name of their class.
    """
    messages: Messages = []

    async def main() -> None:
        await recorded(coroutine, messages)

    asyncio.run(main())
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


def parties(coroutine: types.CoroutineType[Any, Any, Any]) -> list[tuple[str, str, str]]:
    """Run a coroutine of the twin, and return all messages, each with its sender and its receiver:
    what `trace` records, and the calls between the parts of the twin.
    """
    recorder = Recorder(coroutine.__name__)
    with ExitStack() as stack:
        for patch in recorder.patches():
            stack.enter_context(patch)
        asyncio.run(recorder.listen(coroutine))
    return recorder.messages


class Recorder(Messages):
    """Writes down each call before it is made: so none can be overtaken by what it causes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.messages: list[tuple[str, str, str]] = []
        self.suspended = threading.Event()

    def patches(self) -> list[Any]:
        queue, wakeup, runtime = in_python.ReadyQueue, in_python.Wakeup, in_python.runtime()
        return [
            self.patch(queue, "push", "worker", "ready queue"),
            self.patch(wakeup, "wake", "worker", "event loop"),
            self.patch(wakeup, "drain", "event loop", "event loop"),
            self.patch(queue, "take_all", "event loop", "ready queue"),
            mock.patch.object(runtime, "call_soon_threadsafe", self.start(runtime)),
        ]

    def patch(self, owner: type, method: str, sender: str, receiver: str) -> Any:
        original = getattr(owner, method)

        def recorded(itself: Any, *arguments: Any) -> Any:
            shown = ", ".join(type(it).__name__ for it in arguments)
            self.messages.append((sender, f"{method}({shown})", receiver))
            return original(itself, *arguments)

        return mock.patch.object(owner, method, recorded)

    def start(self, runtime: asyncio.AbstractEventLoop) -> Callable[..., Any]:
        """The worker begins when the coroutine has suspended: else either could be the first."""
        original = runtime.call_soon_threadsafe

        def recorded(callback: Callable[..., Any], *arguments: Any, context: Any = None) -> Any:
            text = f"call_soon_threadsafe({callback.__name__})"
            self.messages.append((self.name, text, "worker"))

            def held() -> None:
                self.suspended.wait()
                callback(*arguments)

            return original(held, context=context)

        return recorded

    async def listen(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        loop = asyncio.get_running_loop()
        create_future = loop.create_future

        def recorded_future() -> asyncio.Future[Any]:
            future = create_future()
            future.add_done_callback(self.woken)
            return future

        with mock.patch.object(loop, "create_future", recorded_future):
            await recorded(coroutine, self)

    def woken(self, waiter: asyncio.Future[Any]) -> None:
        self.messages.append(("event loop", f"set_result({waiter.result()!r})", "Task"))

    def append(self, message: tuple[str, Any]) -> None:
        """What goes between the Task and the coroutine."""
        verb, value = message
        if verb in {"send", "throw"}:
            self.messages.append(("Task", f"{verb}({value!r})", self.name))
        else:
            self.messages.append((self.name, f"{verb} {value!r}", "Task"))
        if verb == "yield":
            self.suspended.set()
