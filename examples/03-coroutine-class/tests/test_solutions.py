"""The solution to the README's second exercise does what it asks for, and so shall yours."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from native import turn

import coroutine_class
from coroutine_class import Coroutine, countdown, my_coroutine
from tracing import trace

Both = Callable[[Any, Any], Coroutine[tuple[Any, Any]]]


@pytest.fixture(params=["my_both", "both"])
def both(request: pytest.FixtureRequest) -> Both:
    """The function in `src/exercises.rs`, once it is written, and ours."""
    chosen: Both = getattr(coroutine_class, request.param)
    try:
        chosen(None, None).send(None)
    except NotImplementedError as error:
        pytest.skip(str(error))
    except TypeError:  # None cannot be awaited
        pass
    return chosen


def test_it_awaits_one_after_the_other(both: Both) -> None:
    turns = [("send", None), ("yield", None)]
    messages = trace(both(countdown(1), countdown(2)))
    assert messages == [*turns * 3, ("send", None), ("return", ("liftoff", "liftoff"))]


def test_results_that_are_tuples_stay_whole(both: Both) -> None:
    pair = asyncio.run(both(asyncio.sleep(0, (1, 2)), my_coroutine()))
    assert pair == ((1, 2), "Ended")


def test_what_is_thrown_in_arrives_where_it_stands(both: Both) -> None:
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


def test_cr_await_follows(both: Both) -> None:
    first, second = countdown(1), countdown(1)
    coroutine = both(first, second)
    coroutine.send(None)
    assert coroutine.cr_await is first
    coroutine.send(None)
    assert coroutine.cr_await is second
    coroutine.close()


class Waits:
    """An awaitable that suspends, and whose end can be seen."""

    coroutine: Any = None

    def __await__(self) -> Any:
        yield  # a generator, whose frame holds `self`


@pytest.mark.parametrize(("place", "steps"), [(0, 1), (1, 1), (1, 2)])
def test_a_cycle_through_what_it_holds_is_collected(both: Both, place: int, steps: int) -> None:
    held, other = Waits(), Waits()
    pair = (held, other) if place == 0 else (other, held)
    held.coroutine = both(*pair)
    for _ in range(steps):
        held.coroutine.send(None)
    end = weakref.ref(held)
    del held, pair
    gc.collect()
    assert end() is None
