"""`trace`: the protocol as data, the language of this book's diagrams and tests."""

from __future__ import annotations

import asyncio
import inspect
from types import ModuleType

import pytest

from samples import Finishes, ask, hello_after


def test_a_coroutine_that_suspends_twice(book: ModuleType) -> None:
    assert book.trace(hello_after(2)) == [
        ("send", None),
        ("yield", None),
        ("send", None),
        ("yield", None),
        ("send", None),
        ("return", "hello"),
    ]


def test_a_request_is_recorded_and_answered_with_none(book: ModuleType) -> None:
    messages = book.trace(ask("water"))
    assert messages == [("send", None), ("yield", "water"), ("send", None), ("return", None)]


def test_an_exception_is_the_last_message_and_keeps_its_traceback(book: ModuleType) -> None:
    async def fails() -> None:
        raise LookupError("nothing here")

    (sent, (last, error)) = book.trace(fails())
    assert (sent, last) == (("send", None), "raise")
    assert isinstance(error, LookupError)
    assert error.__traceback__ is not None


def test_a_future_says_that_nobody_waited_for_it(book: ModuleType) -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    *messages, (last, error) = book.trace(future)
    assert messages == [("send", None), ("yield", future), ("send", None)]
    assert (last, str(error)) == ("raise", "await wasn't used with future")
    future.cancel()
    loop.close()


@pytest.mark.parametrize("ending", [asyncio.CancelledError, GeneratorExit])
def test_a_cancellation_is_recorded_like_any_exception(
    book: ModuleType, ending: type[BaseException]
) -> None:
    async def ends() -> None:
        raise ending

    assert type(book.trace(ends())[-1][1]) is ending


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_not_swallowed(
    book: ModuleType, ending: type[BaseException]
) -> None:
    async def ends() -> None:
        raise ending

    with pytest.raises(ending):
        book.trace(ends())


def test_a_trace_without_end_stops_at_its_timeout(book: ModuleType) -> None:
    awaitable = Finishes()
    coroutine = awaitable.asking_for("more")  # kept, or dropping it would close it
    with pytest.raises(TimeoutError, match=r"^not done within 0\.0 seconds$"):
        book.trace(coroutine, timeout=0)
    assert awaitable.finished
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
