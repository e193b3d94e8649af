"""The solutions to the README's exercises do what the exercises ask for, and so shall yours."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import awaitable
from awaitable import WithoutIter
from samples import outcome, run

REFUSED = ("raises", (RuntimeError, "cannot reuse already awaited Once"))


@pytest.fixture(params=["MyOnce", "Once"])
def once_class(request: pytest.FixtureRequest) -> Any:
    """The class in `src/exercises.rs`, once it is written, and ours."""
    chosen = getattr(awaitable, request.param)
    try:
        run(chosen(None))
    except NotImplementedError as error:
        pytest.skip(str(error))
    return chosen


def test_without_iter_await_misses_nothing() -> None:
    assert run(WithoutIter((1, 2))) == (1, 2)
    with pytest.raises(TypeError, match="not iterable"):
        iter(WithoutIter(5))  # type: ignore[call-overload]


def test_once_gives_its_value_once(once_class: Any) -> None:
    once = once_class((1, 2))
    assert run(once) == (1, 2)
    assert outcome(lambda: run(once)) == REFUSED
    assert outcome(lambda: run(once)) == REFUSED


def test_of_many_threads_one_gets_the_value(once_class: Any) -> None:
    for _ in range(50):
        once = once_class("mine")
        barrier = threading.Barrier(4)
        results: list[object] = []

        def race(once: Any = once, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            results.append(outcome(lambda: run(once)))  # noqa: B023

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results, key=str) == [REFUSED] * 3 + [("returns", "mine")]


def test_a_cycle_through_it_is_collected(once_class: Any) -> None:
    assert_collected(once_class)


def test_a_cycle_through_one_without_iter_is_collected() -> None:
    assert_collected(WithoutIter)


def assert_collected(cls: type) -> None:
    held: list[object] = []
    held.append(cls(held))
    marker = type("Marker", (), {})()
    held.append(marker)
    end = weakref.ref(marker)
    del held, marker
    gc.collect()
    assert end() is None
