"""Awaitable classes in plain Python: the twins of those in `src/`.

`Handoff` is shorter here: what cannot be awaited gets an AttributeError. The Rust one refuses it in
the words of `await`, by `get_awaitable.rs`.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Awaitable, Generator
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")


class NoIterator:
    """Looks awaitable, but its `__await__` returns no iterator."""

    def __await__(self) -> Any:
        return self


class Ready(Generic[T]):
    """Resolves to `value`, without suspending, as often as it is awaited."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> NoReturn:
        raise StopIteration(self._value)

    def __repr__(self) -> str:
        return f"Ready({self._value!r})"


class Handoff(Generic[T]):
    """Resolves to what `awaitable` resolves to, by handing out its iterator."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        return self._awaitable.__await__()

    def __repr__(self) -> str:
        return f"Handoff({self._awaitable!r})"


class Backoff:
    """Awaits as `asyncio.sleep(delay)`; the delay, in seconds, doubles with each attempt."""

    def __init__(self, attempt: int, *, base: float = 0.1, cap: float = 10.0) -> None:
        if not (attempt >= 0 and base >= 0 and cap >= 0):
            raise ValueError("attempt, base and cap must be non-negative")
        attempt = operator.index(attempt)
        self.delay = min(base * 2.0 ** min(attempt, 1023), float(cap))

    def __await__(self) -> Generator[Any, Any, None]:
        return asyncio.sleep(self.delay).__await__()

    def __repr__(self) -> str:
        return f"<Backoff of {self.delay} seconds>"
