"""What goes between a Task, the parts of the bridge and what Rust calls, recorded as it runs."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack
from functools import wraps
from typing import Any
from unittest import mock

import bridge_in_python as bridge

Message = tuple[str, str, str]
Hook = Callable[[], Coroutine[Any, Any, Any]]


def trace(coroutine: Coroutine[Any, Any, Any], cancels: asyncio.Event | None = None) -> list[str]:
    """Run a coroutine in a Task, perhaps cancel that when the event comes, and return the messages
    that go between them.
    """
    recorder = Recorder("coroutine")
    asyncio.run(run(recorder.listen(coroutine), cancels))
    return [text for *who, text, whom in recorder.messages if recorder.name in (*who, whom)]


def parties(
    function: Callable[[Hook], Coroutine[Any, Any, Any]],
    hook: Hook,
    cancels: asyncio.Event | None = None,
) -> list[Message]:
    """Run a function of the twin on a hook in a Task, perhaps cancel that when the event comes, and
    return all messages, each with its sender and its receiver: what goes between a Task and what it
    runs, and between the parts of the twin.
    """
    recorder = Recorder(function.__name__)
    with ExitStack() as stack:
        for patch in recorder.patches():
            stack.enter_context(patch)
        coroutine = function(recorder.recorded(hook))
        asyncio.run(run(recorder.listen(coroutine), cancels))
    return recorder.messages


async def run(coroutine: Coroutine[Any, Any, Any], cancels: asyncio.Event | None) -> None:
    task = asyncio.ensure_future(coroutine)
    if cancels:
        await cancels.wait()
        task.cancel()
    await asyncio.wait([task])


@types.coroutine
def between(
    recorder: Recorder, driver: str, name: str, coroutine: Coroutine[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """Drive the coroutine in the driver's place."""
    verb, value = "send", None
    while True:
        recorder.add(driver, f"{verb}({shown(value)!r})", name)
        try:
            yielded = getattr(coroutine, verb)(value)
        except StopIteration as end:
            recorder.add(name, f"return {end.value!r}", driver)
            return end.value
        except BaseException as error:
            recorder.add(name, f"raise {shown(error)!r}", driver)
            raise
        recorder.add(name, f"yield {shown(yielded)!r}", driver)
        try:
            verb, value = "send", (yield yielded)
        except BaseException as error:
            verb, value = "throw", error


class Recorder:
    """Writes down each call before it is made: so none can be overtaken by what it causes."""

    def __init__(self, name: str) -> None:
        self.name, self.messages = name, list[Message]()
        self.suspended = threading.Event()

    def patches(self) -> list[Any]:
        queue, wakeup, runtime = bridge.ReadyQueue, bridge.Wakeup, bridge.runtime()
        return [
            self.patch(queue, "push", "worker", "ready queue"),
            self.patch(wakeup, "wake", "worker", "event loop"),
            self.patch(wakeup, "drain", "event loop", "event loop"),
            self.patch(queue, "take_all", "event loop", "ready queue"),
            self.patch(bridge.Request, "cancel", "event loop", "Task of its own"),
            mock.patch.object(runtime, "call_soon_threadsafe", self.to_the_worker(runtime)),
        ]

    def patch(self, owner: type, method: str, sender: str, receiver: str) -> Any:
        original = getattr(owner, method)

        @wraps(original)
        def recorded(itself: Any, *arguments: Any) -> Any:
            self.add(sender, f"{method}({names(arguments)})", receiver)
            return original(itself, *arguments)

        return mock.patch.object(owner, method, recorded)

    def to_the_worker(self, runtime: asyncio.AbstractEventLoop) -> Callable[..., Any]:
        """The worker begins when the coroutine has suspended: else either could be the first."""
        original = runtime.call_soon_threadsafe

        def recorded(callback: Callable[..., Any], *arguments: Any, context: Any = None) -> Any:
            text = f"call_soon_threadsafe({callback.__name__})"
            self.add(self.who(), text, "worker")

            def held() -> None:
                self.suspended.wait()
                callback(*arguments)

            return original(held, context=context)

        return recorded

    def who(self) -> str:
        """Return who runs on the loop's thread."""
        return self.name if asyncio.current_task() is self.task else "Task of its own"

    def recorded(self, hook: Hook) -> Hook:
        async def recorded() -> Any:
            if self.who() != self.name:
                self.add("event loop", "send(None)", self.who())
            return await between(self, self.who(), hook.__name__, hook())

        return recorded

    async def listen(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        loop = asyncio.get_running_loop()
        create_future, self.task = loop.create_future, asyncio.current_task()

        def recorded_future() -> asyncio.Future[Any]:
            future = create_future()
            if asyncio.current_task() is self.task:
                future.add_done_callback(self.woken)
            return future

        with mock.patch.object(loop, "create_future", recorded_future):
            await between(self, "Task", self.name, coroutine)

    def add(self, sender: str, text: str, receiver: str) -> None:
        self.messages.append((sender, text, receiver))
        if receiver == self.name:
            self.suspended.clear()
        elif sender == self.name and receiver == "Task":
            self.suspended.set()

    def woken(self, waiter: asyncio.Future[Any]) -> None:
        if not waiter.cancelled():
            self.add("event loop", f"set_result({waiter.result()!r})", "Task")


def names(arguments: tuple[Any, ...]) -> str:
    return ", ".join(getattr(it, "func", it).__name__ for it in arguments)


def shown(value: Any) -> Any:
    return None if value is None else type(value).__name__
