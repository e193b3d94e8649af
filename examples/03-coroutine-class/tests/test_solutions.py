"""The second exercise of the README, solved: see `src/solutions.rs`."""

from __future__ import annotations

import asyncio

import pytest
from native import turn

from coroutine_class import both, countdown, my_coroutine
from tracing import trace


def test_it_awaits_one_after_the_other() -> None:
    turns = [("send", None), ("yield", None)]
    messages = trace(both(countdown(1), countdown(2)))
    assert messages == [*turns * 3, ("send", None), ("return", ("liftoff", "liftoff"))]


def test_results_that_are_tuples_stay_whole() -> None:
    pair = asyncio.run(both(asyncio.sleep(0, (1, 2)), my_coroutine()))
    assert pair == ((1, 2), "Ended")


def test_what_is_thrown_in_arrives_where_it_stands() -> None:
    async def catches() -> str:
        try:
            await turn()
        except LookupError:
            return "caught"
        return "nothing"

    coroutine = both(my_coroutine(), catches())
    coroutine.send(None)
    with pytest.raises(StopIteration) as stop:
        coroutine.throw(LookupError())
    assert stop.value.value == ("Ended", "caught")


def test_cr_await_follows() -> None:
    first, second = countdown(1), countdown(1)
    coroutine = both(first, second)
    coroutine.send(None)
    assert coroutine.cr_await is first
    coroutine.send(None)
    assert coroutine.cr_await is second
    coroutine.close()
