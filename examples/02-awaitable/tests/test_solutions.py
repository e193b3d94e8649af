"""The exercises of the README, solved: see `src/solutions.rs`."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from awaitable import Once, WithoutIter
from samples import outcome, run

REFUSED = ("raises", (RuntimeError, "cannot reuse already awaited Once"))


def test_without_iter_await_misses_nothing() -> None:
    assert run(WithoutIter((1, 2))) == (1, 2)
    with pytest.raises(TypeError, match="not iterable"):
        iter(WithoutIter(5))  # type: ignore[call-overload]


def test_once_gives_its_value_once() -> None:
    once = Once((1, 2))
    assert run(once) == (1, 2)
    assert outcome(lambda: run(once)) == REFUSED
    assert outcome(lambda: run(once)) == REFUSED


def test_of_many_threads_one_gets_the_value() -> None:
    for _ in range(50):
        once = Once("mine")
        barrier = threading.Barrier(4)
        results: list[object] = []

        def race(once: Once = once, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            results.append(outcome(lambda: run(once)))  # noqa: B023

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results, key=str) == [REFUSED] * 3 + [("returns", "mine")]


@pytest.mark.parametrize("cls", [Once, WithoutIter])
def test_cycles_through_them_are_collected(cls: type) -> None:
    held: list[object] = []
    held.append(cls(held))
    marker = type("Marker", (), {})()
    held.append(marker)
    end = weakref.ref(marker)
    del held, marker
    gc.collect()
    assert end() is None
