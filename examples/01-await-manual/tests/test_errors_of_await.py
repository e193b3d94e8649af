"""Odd awaitables: what cannot be awaited gets the error of `await` itself, on each Python."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from odd_lookups import ODD_LOOKUPS
from samples import Returns, ask, hello_after, outcome


async def native(awaitable: Any) -> Any:
    """`await` itself: the reference."""
    return await awaitable


def native_drive(awaitable: Any) -> Any:
    coroutine = native(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        coroutine.close()


class Outer:
    class Nested:
        def __await__(self) -> Any:
            return Outer.NoIterator()

    class NoIterator:
        pass


class Raises:
    def __await__(self) -> Any:
        raise KeyError("in __await__")


class AttributeErrorInside:
    def __await__(self) -> Any:
        raise AttributeError("in __await__")


def finished() -> Any:
    coroutine = hello_after(0)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return coroutine


def closed() -> Any:
    coroutine = hello_after(0)
    coroutine.close()
    return coroutine


def finished_generator() -> Any:
    generator = ask()
    assert list(generator) == [None]
    return generator


def plain_generator() -> Any:
    return (step for step in range(0))


async def async_generator() -> Any:
    yield 1


def returns_coroutine() -> Any:
    coroutine = hello_after(0)
    coroutine.close()
    return Returns(coroutine)


ODD: dict[str, Callable[[], Any]] = {
    **ODD_LOOKUPS,
    "a number": lambda: 5,
    "None": lambda: None,
    "a class": lambda: Returns,
    "a function instead of its call": lambda: hello_after,
    "a plain generator": plain_generator,
    "an async generator": async_generator,
    "a class in a class": Outer.NoIterator,
    "a class in a class, whose __await__ returns another": Outer.Nested,
    "__await__ raises": Raises,
    "__await__ raises AttributeError": AttributeErrorInside,
    "__await__ returns a number": lambda: Returns(5),
    "__await__ returns an iterable": lambda: Returns([None]),
    "__await__ returns None": lambda: Returns(None),
    "__await__ returns a coroutine": returns_coroutine,
    "__await__ returns a generator-based coroutine": lambda: Returns(ask()),
    "a coroutine already awaited": finished,
    "a coroutine already closed": closed,
    "a generator-based coroutine already awaited": finished_generator,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_drive_and_await_say_the_same(book: ModuleType, make: Callable[[], Any]) -> None:
    expected = outcome(lambda: native_drive(make()))
    assert outcome(lambda: book.drive(make())) == expected


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_trace_raises_it_or_ends_in_it(book: ModuleType, make: Callable[[], Any]) -> None:
    def end_of_trace() -> object:
        last, value = book.trace(make())[-1]
        if last == "raise":
            raise value
        return value

    assert outcome(end_of_trace) == outcome(lambda: native_drive(make()))


def test_a_second_driver_is_refused_and_does_not_disturb_the_first(book: ModuleType) -> None:
    shared = hello_after(1)
    first = native(shared)
    first.send(None)
    second_driver = outcome(lambda: book.drive(shared))
    first_driver = outcome(lambda: first.send(None))
    assert [second_driver, first_driver] == [
        ("raises", (RuntimeError, "coroutine is being awaited already")),
        ("raises", (StopIteration, "hello")),
    ]


def test_a_running_coroutine_is_refused(book: ModuleType) -> None:
    async def drives_itself() -> object:
        return outcome(lambda: book.drive(itself))

    itself = drives_itself()
    assert book.drive(itself) == ("raises", (ValueError, "coroutine already executing"))
