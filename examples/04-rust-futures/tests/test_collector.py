"""The collector takes what nobody will ever wake, and nothing that is in flight."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conftest import LOOPS, Run, turns
from rust_futures import inline_sleep, live_futures, pending, sleep
from soak import Often

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.mark.parametrize("function", [sleep, inline_sleep], ids=["spawned", "inline"])
def test_a_thread_that_makes_garbage_takes_no_task_along(
    run: Run, often: Often, function: Callable[[float], Coroutine[Any, Any, None]]
) -> None:
    number = often(500, 200_000)
    done: list[int] = []

    async def job() -> None:
        await function(0.0005)
        done.append(1)

    async def main() -> None:
        for _ in range(0, number, 100):
            for _ in range(100):
                asyncio.ensure_future(job())  # noqa: RUF006  # nobody holds them: that is the point
            await turns(2)
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0)

    with collecting():
        run(main)
    assert len(done) == number


@contextmanager
def collecting() -> Iterator[None]:
    """Make garbage, and collect it, in another thread."""
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            circle: list[Any] = []
            circle.append(circle)
            gc.collect()

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("kind", ["asyncio", "cannot watch"])
def test_a_task_goes_with_its_loop_though_nobody_closed_that(kind: str) -> None:
    """What waits for a loop that is garbage waits in vain: both are freed."""
    loop = LOOPS[kind]()
    task = loop.create_task(pending())
    loop.run_until_complete(turns(3))
    ends: list[weakref.ref[Any]] = [weakref.ref(task), weakref.ref(loop)]
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    del task
    gc.collect()
    assert all(end() for end in ends)  # the loop could still run
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del loop
        gc.collect()
    assert [end() for end in ends] == [None, None]
    assert live_futures() == 0


def test_a_task_whose_loop_is_closed_is_freed(loop_factory: NewLoop) -> None:
    loop = loop_factory()
    task = loop.create_task(pending())
    loop.run_until_complete(turns(3))
    end = weakref.ref(task)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    loop.close()
    del task
    gc.collect()
    assert end() is None
