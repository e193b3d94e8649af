"""Ten thousand calls at once: timeouts, cancellations and errors mixed. Each ends once."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import anyio
import pytest

import await_from_rust
from conftest import LOOPS, Run, in_trio, runs_on, turns
from soak import Often


class Storm:
    """Counts, for each call, how often its function has begun and ended."""

    def __init__(self, size: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.begun, self.ended = [0] * size, [0] * size

    async def function(self, number: int, turns_to_take: int, fails: bool) -> int:
        self.begun[number] += 1
        try:
            await turns(turns_to_take)
            if fails:
                raise ValueError(number)
            return number
        finally:
            with anyio.CancelScope(shield=True):
                await turns(1)
            self.ended[number] += 1

    async def call(self, number: int) -> None:
        """Await one call, of one kind or another, and check what it brings."""
        long = self.random.random() < 0.3
        fails = self.random.random() < 0.2
        function = lambda: self.function(number, 1_000_000 if long else 3, fails)  # noqa: E731
        try:
            if long:
                with anyio.fail_after(self.random.random() / 10):
                    await self.random.choice(LONG)(function)
                raise AssertionError("nobody waits that long")
            assert await await_from_rust.call(function) == number
            assert not fails
        except TimeoutError:
            assert long
        except ValueError as error:
            assert fails
            assert error.args == (number,)
        assert self.ended[number] == self.begun[number] <= 1


LONG: list[Any] = [
    await_from_rust.call,
    lambda function: await_from_rust.with_timeout(function, 0.05),
    lambda function: await_from_rust.call_all([function]),
    lambda function: await_from_rust.first([function]),
]


def test_ten_thousand_calls(run_anywhere: Run, often: Often) -> None:
    for seed in range(often(1, 30)):
        storm = Storm(10_000, seed)

        async def main(storm: Storm = storm) -> int:
            async with anyio.create_task_group() as group:
                for number in range(len(storm.begun)):
                    group.start_soon(storm.call, number)
            return 0 if in_trio() else len(asyncio.all_tasks()) - 1

        assert run_anywhere(main) == 0
        assert storm.ended == storm.begun
        assert sum(storm.ended) > 5_000  # the others were cancelled before they began
        assert await_from_rust.live_futures() == 0


@pytest.mark.parametrize("name", [*LOOPS, "trio"])
def test_threads_that_fight_for_the_interpreter_stop_no_call(name: str, often: Often) -> None:
    """And no lock of the user's can close a circle: who serves a call may wait for one."""
    lock, ended = threading.Lock(), threading.Event()

    def fights() -> None:
        """Holds the lock, and the interpreter, and calls into the module."""
        while not ended.is_set():
            with lock:
                sum(range(100))
                await_from_rust.call(turns, 1).close()
                await_from_rust.live_futures()

    async def locks(number: int) -> int:
        with lock:
            await_from_rust.live_futures()
        await turns(1)
        with lock:
            return number

    async def main() -> None:
        for _ in range(often(1, 200)):
            numbers = range(1_000)
            calls = [lambda number=number: locks(number) for number in numbers]
            assert await await_from_rust.call_all(calls) == [*numbers]
            assert await await_from_rust.map_concurrently(locks, numbers, 100) == [*numbers]

    threads = [threading.Thread(target=fights) for _ in range(4)]
    threads += [threading.Thread(target=runs_on(name), args=(main,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads[4:]:
        thread.join()
    ended.set()
    for thread in threads[:4]:
        thread.join()
