"""Records for the README's pictures: what a Task, coroutines and a future say to each other, and
each change of a coroutine's state.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from contextvars import Context
from itertools import product
from typing import Any

from listening import Message, listen

Make = Callable[[Any], Any]
"""Makes a coroutine that awaits what it is given."""


class Future(asyncio.Future[str]):
    """Writes down what is asked of it, and whom it wakes."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self.messages = messages

    def add_done_callback(
        self, callback: Callable[[Any], object], /, *, context: Context | None = None
    ) -> None:
        name: str = callback.__name__  # type: ignore[attr-defined,unused-ignore]

        def recorded(future: Any) -> None:
            self.messages.append(("future", f"{name}({future!r})", "Task"))
            callback(future)

        self.messages.append(("Task", f"add_done_callback({name})", "future"))
        super().add_done_callback(recorded, context=context)

    def set_result(self, result: str, /) -> None:
        self.messages.append(("main", f"set_result({result!r})", "future"))
        super().set_result(result)

    def cancel(self, msg: Any = None) -> bool:
        self.messages.append(("Task", "cancel()", "future"))
        return super().cancel(msg)

    def __repr__(self) -> str:
        return "future"


class Task(asyncio.Task[str]):
    """Writes down that it is cancelled."""

    messages: list[Message]

    def cancel(self, msg: Any = None) -> bool:
        self.messages.append(("main", "cancel()", "Task"))
        return super().cancel(msg)


def nested_await(make: Make) -> list[Message]:
    """A Task runs `make(make(future))`. While it waits, `main` sets the future's result."""
    messages: list[Message] = []

    async def main() -> None:
        future = Future(messages)
        task = Task(listen(messages, ("Task", "outer", "inner", "future"), make, future))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        future.set_result("done")
        await task

    asyncio.run(main())
    return messages


def cancellation(make: Make) -> list[Message]:
    """A Task runs `make(make(make(future)))`. Recorded from where `main` cancels the Task."""
    messages: list[Message] = []

    async def main() -> None:
        names = ("Task", "outer", "middle", "innermost", "future")
        task = Task(listen(messages, names, make, Future(messages)))  # type: ignore[arg-type]
        task.messages = messages
        await asyncio.sleep(0)
        messages.clear()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    return messages


Change = tuple[str, str, str]
"""A state, what changed it, and the next state."""


class Inner:
    """Is awaited. It looks at the state of who awaits it, and answers as it is told."""

    coroutine: Any
    answer = "yield"
    state_of_coroutine: str | None = None

    def __await__(self) -> Any:
        return self

    def step(self, *_: object) -> None:
        self.state_of_coroutine = state_of(self.coroutine)
        if self.answer == "return":
            raise StopIteration
        if self.answer == "raise":
            raise LookupError

    __next__ = send = throw = close = step


def state_of(coroutine: Any) -> str:
    return inspect.getcoroutinestate(coroutine).removeprefix("CORO_").capitalize()


def changes(make: Make) -> set[Change]:
    """Do everything to a coroutine in every state, whatever it awaits does, and return all changes
    of its state. What changes nothing is left out.
    """
    seen: set[Change] = set()
    befores = ("new", "suspended", "closed")
    for before, verb, answer in product(
        befores, ("send", "throw", "close"), ("yield", "return", "raise")
    ):
        inner = Inner()
        coroutine = inner.coroutine = make(inner)
        seen.add(("[*]", "call", state_of(coroutine)))
        if before == "suspended":
            coroutine.send(None)
        elif before == "closed":
            coroutine.close()
        inner.answer, inner.state_of_coroutine = answer, None
        seen.update(changes_by(coroutine, inner, verb))
        coroutine.close()
    return {change for change in seen if change[0] != change[2]}


def changes_by(coroutine: Any, inner: Inner, verb: str) -> list[Change]:
    """Return one change, or the two of a body that ran in between."""
    arguments: dict[str, list[Any]] = {"send": [None], "throw": [OSError()], "close": []}
    before = state_of(coroutine)
    with contextlib.suppress(StopIteration, OSError, LookupError, RuntimeError):
        getattr(coroutine, verb)(*arguments[verb])
    if (running := inner.state_of_coroutine) is None:
        return [(before, verb, state_of(coroutine))]
    # After its `close` has returned, what awaits it raises GeneratorExit.
    ending = "raise" if verb == "close" else inner.answer
    return [(before, verb, running), (running, ending, state_of(coroutine))]
