"""The first stream, a future an item: it is right, it is slow, and it loses items."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conftest import Run, all_of, turns, wait_until
from recording import trace
from rust_streams import count, first_try_count, live_futures


def test_it_is_right(run_anywhere: Run) -> None:
    async def main() -> list[int]:
        return await all_of(first_try_count(100))

    assert run_anywhere(main) == list(range(100))


def test_it_suspends_for_each_item() -> None:
    """Though every item is there: each is fetched from another thread."""

    streams: list[Any] = [first_try_count(100), count(100)]
    assert [suspensions(stream, 100) for stream in streams] == [100, 0]


def suspensions(stream: Any, steps: int) -> int:
    traces = [trace(stream.__anext__()) for _ in range(steps)]
    return sum(verb == "yield" for messages in traces for verb, _ in messages)


def test_it_loses_the_item_that_a_cancelled_step_took(run_beside_workers: Run) -> None:
    """The future has ended and brings 0. The Task is cancelled before it is resumed."""

    async def main() -> int:
        stream = first_try_count(10)
        task = asyncio.create_task(stream.__anext__())
        await turns(1)
        wait_until(lambda: live_futures() == 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await anext(stream)

    assert run_beside_workers(main) == 1
