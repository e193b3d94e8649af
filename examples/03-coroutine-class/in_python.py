"""A coroutine class in plain Python: the twin of `src/`, without its odd corners.

The class is the folder `src/coroutine/`; a body has one method, `resume`, as in its `body.rs`. It
is told what comes in, and returns what comes out: `("yield", value)` or `("return", value)`.
Missing here are the forms of `throw` with several arguments, and the differences between versions.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable
from typing import Any, Protocol

Step = tuple[str, Any]


class Body(Protocol):
    awaits: Any

    def resume(self, verb: str, value: Any) -> Step: ...


class Coroutine:
    """What every coroutine has, whatever its body does."""

    def __init__(self, name: str, body: Body) -> None:
        self.__name__ = self.__qualname__ = name
        self._body = body
        self._state = "created"

    def __await__(self) -> Any:
        if self._state == "suspended":  # two would take each other's steps
            raise RuntimeError("coroutine is being awaited already")
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        self._refuse_if_running_or_over()
        if self._state == "created" and value is not None:
            raise TypeError("can't send non-None value to a just-started coroutine")
        return self._resume("send", value)

    def throw(self, error: BaseException) -> Any:
        self._refuse_if_running_or_over()
        if self._state == "created":
            self._state = "closed"
            raise error
        return self._resume("throw", error)

    def close(self) -> None:
        if self._state in {"created", "closed"}:
            self._state = "closed"
            return
        self._refuse_if_running_or_over()
        try:
            self._resume("close", None)
        except (GeneratorExit, StopIteration):
            return
        raise RuntimeError("coroutine ignored GeneratorExit")

    def _refuse_if_running_or_over(self) -> None:
        if self._state == "running":
            raise ValueError("coroutine already executing")
        if self._state == "closed":
            raise RuntimeError("cannot reuse already awaited coroutine")

    def _resume(self, verb: str, value: Any) -> Any:
        self._state = "running"
        try:
            kind, result = self._body.resume(verb, value)
        except StopIteration as error:
            self._state = "closed"
            raise RuntimeError("coroutine raised StopIteration") from error
        except BaseException:
            self._state = "closed"
            raise
        if kind == "return":
            self._state = "closed"
            raise StopIteration(result) if result is not None else StopIteration
        self._state = "suspended"
        return result

    def __del__(self) -> None:
        if self._state == "created":
            message = f"coroutine '{self.__qualname__}' was never awaited"
            warnings.warn(message, RuntimeWarning, stacklevel=1)
        self.close()

    @property
    def cr_await(self) -> Any:
        return self._body.awaits if self._state == "suspended" else None

    @property
    def cr_running(self) -> bool:
        return self._state == "running"

    @property
    def cr_suspended(self) -> bool:
        return self._state == "suspended"

    def __repr__(self) -> str:
        return f"<coroutine object {self.__qualname__} at {id(self):#x}>"


class Ended:
    awaits = None

    def resume(self, verb: str, value: Any) -> Step:
        return "return", "Ended"


class Countdown:
    """Suspends `left` times. All that it has to remember between two steps is that number."""

    awaits = None

    def __init__(self, left: int) -> None:
        self.left = left

    def resume(self, verb: str, value: Any) -> Step:
        if verb == "throw":
            raise value
        if verb == "close":
            raise GeneratorExit
        if self.left == 0:
            return "return", "liftoff"
        self.left -= 1
        return "yield", None


class Delegate:
    """`return await awaitable`: passes on all that comes in, and all that comes out."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable
        self.awaits: Any = None

    def resume(self, verb: str, value: Any) -> Step:
        if self.awaits is None:
            self.awaits = self.awaitable.__await__()
        try:
            return "yield", self.pass_on(verb, value)
        except StopIteration as stop:
            return "return", stop.value

    def pass_on(self, verb: str, value: Any) -> Any:
        if verb == "send":
            return next(self.awaits) if value is None else self.awaits.send(value)
        if verb == "close" or isinstance(value, GeneratorExit):
            if close := getattr(self.awaits, "close", None):
                close()
            raise value or GeneratorExit
        if throw := getattr(self.awaits, "throw", None):
            return throw(value)
        raise value


def my_coroutine() -> Coroutine:
    return Coroutine("my_coroutine", Ended())


def countdown(n: int) -> Coroutine:
    return Coroutine("countdown", Countdown(n))


def delegate(awaitable: Awaitable[Any]) -> Coroutine:
    return Coroutine("delegate", Delegate(awaitable))
