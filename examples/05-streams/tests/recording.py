"""Records for the README: what a Task, a step and the parts of the twin say to each other, and each
change of an iterator's state.
"""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest import mock

import in_python

Messages = list[tuple[str, Any]]
Message = tuple[str, str, str]


def trace(coroutine: Coroutine[Any, Any, Any]) -> Messages:
    """Run the coroutine on a fresh loop, and return all messages in order. A future that it waits
    for, and an exception, are given by the name of their class.
    """
    messages: Messages = []

    async def main() -> None:
        await recorded(coroutine, messages)

    asyncio.run(main())
    return messages


async def recorded(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> Any:
    """Await the coroutine, and add what goes to and fro to `messages`."""
    return await pass_on(coroutine, messages)


@types.coroutine
def pass_on(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> Generator[Any, Any, Any]:
    verb, value = "send", None
    while True:
        messages.append((verb, shown(value)))
        try:
            yielded = getattr(coroutine, verb)(value)
        except StopIteration as end:
            messages.append(("return", end.value))
            return end.value
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


class Recorder(Messages):
    """A Task takes steps of a stream of the twin. `release` has an item made: without it, chance
    would say what comes first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.gates = [threading.Event() for _ in range(2)]
        self.stream = in_python.AsyncIterator(self.released(), ahead=2)

    async def released(self) -> AsyncGenerator[int, None]:
        for number, gate in enumerate(self.gates):
            await asyncio.to_thread(gate.wait)
            yield number

    async def release(self, number: int) -> None:
        """Have this item made, and wait until it has been put into the buffer."""
        self.gates[number].set()
        while not any(text == f"put({number})" for _, text, _ in self.messages):
            await asyncio.sleep(0)

    async def step(self) -> Any:
        return await recorded(self.stream.__anext__(), self)

    async def suspended(self) -> asyncio.Task[Any]:
        """Return a Task whose step has suspended."""
        task = asyncio.create_task(self.step())
        while ("step", "yield 'Future'", "Task") not in self.messages:
            await asyncio.sleep(0)
        return task

    def append(self, message: tuple[str, Any]) -> None:
        """What goes between the Task and the step."""
        verb, value = message
        if verb in {"send", "throw"}:
            self.messages.append(("Task", f"{verb}({value!r})", "step"))
        else:
            self.messages.append(("step", f"{verb} {value!r}", "Task"))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Write down each call between the parts before it is made."""
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            for owner, method, src, dst in [
                (in_python.Producer, "start", "step", "producer"),
                (in_python.Buffer, "put", "producer", "buffer"),
                (in_python.Buffer, "take", "step", "buffer"),
                (loop, "call_soon_threadsafe", "buffer", "event loop"),
                (in_python, "finish", "event loop", "Task"),
            ]:
                stack.enter_context(self.patch(owner, method, src, dst))
            yield

    def patch(self, owner: Any, method: str, src: str, dst: str) -> Any:
        original = getattr(owner, method)

        def recorded(*arguments: Any) -> Any:
            shown = [it.__name__ if callable(it) else repr(it) for it in arguments]
            shown = [it for it in shown if "<" not in it]  # itself, and futures
            self.messages.append((src, f"{method}({', '.join(shown)})", dst))
            return original(*arguments)

        recorded.__name__ = method
        return mock.patch.object(owner, method, recorded)


def two_steps() -> list[Message]:
    """The first step waits for its item. The second finds it."""
    recorder = Recorder()

    async def main() -> None:
        with recorder.listening():
            step = await recorder.suspended()
            await recorder.release(0)
            await step
            await recorder.release(1)
            await recorder.step()
        await recorder.stream.aclose()

    asyncio.run(main())
    return recorder.messages


def cancelled_step() -> list[Message]:
    """The first step is cancelled while it waits. The second takes what that would have brought."""
    recorder = Recorder()

    async def main() -> None:
        with recorder.listening():
            step = await recorder.suspended()
            step.cancel()
            with suppress(asyncio.CancelledError):
                await step
            await recorder.release(0)
            await recorder.step()
        recorder.gates[1].set()
        await recorder.stream.aclose()

    asyncio.run(main())
    return recorder.messages


def changes() -> list[Message]:
    """Return each state of an iterator, what changes it, and the state after that."""
    return asyncio.run(all_changes())


async def all_changes() -> list[Message]:
    """Go through a whole life, and then end others in each way, from each state."""
    first = Life()
    await first.through("anext", "item", "anext", "cancellation", "anext", "StopAsyncIteration")
    for before in ([], ["anext"], ["anext", "item"]):
        life = Life(first.changes)
        await life.through(*before, "aclose")
    failing = Life(first.changes)
    await failing.through("anext", "error")
    return list(dict.fromkeys(first.changes))


class Life:
    """The life of one iterator of the twin, with each change of its state."""

    def __init__(self, changes: list[Message] | None = None) -> None:
        self.changes = [] if changes is None else changes
        self.sender, self.stream = in_python.channel()
        self.task: asyncio.Task[Any] | None = None
        self.causes: dict[str, Callable[[], Any]] = {
            "item": lambda: self.sender.send("item"),
            "error": lambda: self.sender.fail("failed"),
            "StopAsyncIteration": self.sender.close,
            "cancellation": lambda: self.task and self.task.cancel(),
        }
        self.changes.append(("[*]", "call", self.state()))

    def state(self) -> str:
        if self.stream.buffer.is_closed or self.stream.buffer.is_over:
            return "Ended"
        if self.stream.is_stepping:
            return "Stepping"
        return "Resting" if self.stream.producer.is_started else "Created"

    async def through(self, *causes: str) -> None:
        for cause in causes:
            before = self.state()
            await self.happens(cause)
            self.changes.append((before, cause, self.state()))

    async def happens(self, cause: str) -> None:
        if cause == "anext":
            self.task = asyncio.create_task(self.stream.__anext__())
            while not self.stream.is_stepping:
                await asyncio.sleep(0)
        elif cause == "aclose":
            await self.stream.aclose()
        else:
            self.causes[cause]()
        if cause != "anext" and self.task:
            await asyncio.wait([self.task])
            self.task.cancelled() or self.task.exception()
