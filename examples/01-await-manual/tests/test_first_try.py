"""The loop that everyone writes first: when it works, and when it does not."""

from __future__ import annotations

import asyncio

import pytest

from await_manual import drive, first_try
from samples import ask, hello_after


def test_it_works_where_nothing_is_asked_of_an_event_loop() -> None:
    assert first_try(hello_after(3)) == "hello"


def test_it_tells_an_awaitable_that_it_was_served_when_it_was_not() -> None:
    answers = []

    async def asks() -> None:
        answers.append(await ask("water"))

    first_try(asks())
    assert answers == [None]  # no water, and no error
    with pytest.raises(RuntimeError, match="'water'"):
        drive(asks())


def test_its_error_for_a_pending_future_blames_the_future() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    with pytest.raises(RuntimeError, match="await wasn't used with future"):
        first_try(future)
    future.cancel()
    loop.close()


def test_it_finds_what_await_does_not_see() -> None:
    class OnTheInstance:
        def __init__(self) -> None:
            self.__await__ = lambda: iter(())

    assert first_try(OnTheInstance()) is None  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="await"):
        drive(OnTheInstance())  # type: ignore[arg-type]


def test_it_is_the_second_driver_that_await_refuses_to_be() -> None:
    async def outer() -> object:
        return await shared

    shared = hello_after(2)
    first = outer()
    first.send(None)
    with pytest.raises(RuntimeError, match="being awaited already"):
        drive(shared)
    assert first_try(shared) == "hello"  # the result is stolen from its first driver
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        first.send(None)


def test_a_generator_based_coroutine_has_no_method_of_that_name() -> None:
    with pytest.raises(AttributeError, match="__await__"):
        first_try(ask())
