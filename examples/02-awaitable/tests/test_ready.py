"""`Ready`: any value comes out of `await` as it went in."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples import Returns, give, native, run
from tracing import trace

VALUES: list[object] = [
    None,
    5,
    "hello",
    (),
    (1, 2),
    [],
    ValueError("as a value"),
    StopIteration(3),
    ValueError,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_value_is_given_back_as_it_is(book: ModuleType, value: object) -> None:
    assert run(book.Ready(value)) is value
    assert run(give(value)) is value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.tuples(inner, inner)))
def test_tuples_of_tuples_are_not_spread(book: ModuleType, value: object) -> None:
    assert run(book.Ready(value)) is value


def test_it_never_suspends(book: ModuleType) -> None:
    assert trace(give("hello")) == [("send", None), ("return", "hello")]
    assert trace(book.Ready("hello")) == [("send", None), ("return", "hello")]


def test_it_can_be_awaited_again_like_a_future_and_unlike_a_coroutine(book: ModuleType) -> None:
    ready, coroutine = book.Ready("hello"), give("hello")
    assert [run(ready), run(ready)] == ["hello", "hello"]
    assert run(coroutine) == "hello"
    with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
        run(coroutine)


def test_it_is_an_iterator_that_is_always_at_its_end(book: ModuleType) -> None:
    ready = book.Ready("hello")
    assert ready.__await__() is ready
    assert iter(ready) is ready
    assert list(ready) == []
    with pytest.raises(StopIteration, match="hello"):
        next(ready)


async def test_asyncio_takes_it_where_it_takes_awaitables(book: ModuleType) -> None:
    assert await book.Ready(1) == 1
    results: list[object] = await asyncio.gather(book.Ready(1), book.Ready((2, 3)))
    assert results == [1, (2, 3)]
    assert await asyncio.wait_for(book.Ready(None), timeout=60) is None
    assert await asyncio.shield(book.Ready("x")) == "x"


def test_its_repr_shows_the_value(book: ModuleType) -> None:
    assert repr(book.Ready("hello")) == "Ready('hello')"


def test_it_can_be_subscripted_in_annotations(book: ModuleType) -> None:
    assert book.Ready[int].__origin__ is book.Ready


def test_it_needs_just_one_value(book: ModuleType) -> None:
    with pytest.raises(TypeError, match="value"):
        book.Ready()
    with pytest.raises(TypeError, match="2"):
        book.Ready(1, 2)


class Held:
    """Something whose end can be seen, and that can hold what holds it."""

    owner: object = None


def test_a_cycle_through_it_is_collected(book: ModuleType) -> None:
    held = Held()
    held.owner = book.Ready(held)
    end = weakref.ref(held)
    del held
    gc.collect()
    assert end() is None


def test_awaiting_it_a_thousand_times_leaves_nothing_behind(book: ModuleType) -> None:
    held = Held()
    end = weakref.ref(held)
    ready = book.Ready(held)
    for _ in range(1000):
        assert run(ready) is held
    del ready, held
    assert end() is None


def test_many_threads_may_await_the_same_one(book: ModuleType) -> None:
    ready = book.Ready((1, 2))
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.extend(run(ready) for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(1, 2)] * 2000


def test_a_ready_can_stand_behind_another_await(book: ModuleType) -> None:
    assert run(native(Returns(book.Ready(5)))) == 5
