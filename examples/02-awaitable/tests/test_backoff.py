"""`Backoff`: the middle man at work. Nothing here waits for a clock."""

from __future__ import annotations

import asyncio
import math
from types import ModuleType
from typing import Any

import pytest

from samples import ask, native, run


@pytest.mark.parametrize(
    ("attempt", "delay"), [(0, 0.1), (1, 0.2), (3, 0.8), (7, 10.0), (5000, 10.0), (2**40, 10.0)]
)
def test_the_delay_doubles_up_to_the_cap(book: ModuleType, attempt: int, delay: float) -> None:
    assert book.Backoff(attempt).delay == delay


def test_base_and_cap_are_the_callers_choice(book: ModuleType) -> None:
    assert book.Backoff(4, base=1, cap=5).delay == 5.0
    assert book.Backoff(4, base=0).delay == 0.0
    assert book.Backoff(5000, base=0).delay == 0.0
    assert book.Backoff(5000, base=1, cap=math.inf).delay == 2.0**1023


def test_awaiting_it_is_awaiting_a_sleep_of_that_delay(
    book: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays = []

    async def sleep(delay: float) -> object:
        delays.append(delay)
        return await ask("wake me later")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    coroutine = native(book.Backoff(3))
    assert coroutine.send(None) == "wake me later"
    assert delays == [0.8]
    coroutine.close()


async def test_it_sleeps_on_the_running_loop(book: ModuleType) -> None:
    assert await book.Backoff(0, base=0) is None


def test_without_a_running_loop_it_raises_what_sleep_raises(book: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        run(book.Backoff(0))


@pytest.mark.parametrize(
    "arguments",
    [{"attempt": -1}, {"base": -1}, {"cap": -1}, {"base": math.nan}, {"cap": math.nan}],
    ids=str,
)
def test_a_delay_that_makes_no_sense_is_refused(
    book: ModuleType, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"^attempt, base and cap must be non-negative$"):
        book.Backoff(**{"attempt": 0, **arguments})


def test_its_repr_says_how_long(book: ModuleType) -> None:
    assert repr(book.Backoff(3)) == "<Backoff of 0.8 seconds>"
