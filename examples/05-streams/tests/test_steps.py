"""One step at a time, nothing before the first, a bound on what waits, and turns for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import trio
import trio.testing

import in_python
import rust_streams
from conftest import Open, Run, all_of, comes_to, parked, taken, turns, wait_until
from rust_streams import count, count_batches, failing, live_streams, produce, produce_batches

WORDS = r"^anext\(\): asynchronous generator is already running$"


def test_a_second_step_at_once_is_refused(channel: Open, run: Run) -> None:
    async def main() -> Any:
        sender, stream = channel()
        first = await parked(anext(stream))
        for _ in range(3):
            with pytest.raises(RuntimeError, match=WORDS):
                await anext(stream)
        sender.send("first")
        return await first  # it is none the worse

    assert run(main) == "first"


def test_in_the_words_of_a_native_generator(run: Run) -> None:
    from native import channel

    async def main() -> Any:
        sender, stream = channel()
        first = await parked(anext(stream))
        with pytest.raises(RuntimeError, match=WORDS):
            await anext(stream)
        sender.send("first")
        return await first

    assert run(main) == "first"


def test_a_second_step_at_once_under_trio(rust_channel: Open) -> None:
    async def main() -> list[Any]:
        sender, stream = rust_channel()
        seen: list[Any] = []

        async def step() -> None:
            seen.append(await anext(stream))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(step)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match=WORDS):
                await anext(stream)
            sender.send("first")
        return seen

    assert trio.run(main) == ["first"]


def test_a_step_that_was_refused_leaves_the_way_free(channel: Open, run: Run) -> None:
    async def main() -> list[Any]:
        sender, stream = channel()
        first = await parked(anext(stream))
        with pytest.raises(RuntimeError, match=WORDS):
            await anext(stream)
        first.cancel()
        await asyncio.wait([first])
        sender.send("first")
        return [await anext(stream)]

    assert run(main) == ["first"]


def test_steps_may_be_made_in_any_order(rust_channel: Open, run: Run) -> None:
    """They begin when they are awaited, and not when they are made."""

    async def main() -> list[Any]:
        sender, stream = rust_channel()
        sender.send("first")
        sender.send("second")
        steps = [stream.__anext__(), stream.__anext__()]
        return [await steps[1], await steps[0]]

    assert run(main) == ["first", "second"]


def test_nothing_is_made_before_the_first_step(ours: ModuleType, run: Run) -> None:
    async def main() -> list[int]:
        stream = ours.produce(100)
        step = stream.__anext__()
        await asyncio.sleep(0.01)
        seen = [stream.made]
        assert await step == 0
        await comes_to(lambda: stream.made > 1)
        return [*seen, ours.live_streams()]

    assert run(main) == [0, 1]


def test_nothing_starts_the_runtime_before_the_first_step() -> None:
    import subprocess
    import sys

    program = """
import threading
from pathlib import Path
from rust_streams import count, produce
streams = [count(1), produce(1)]
threads = Path("/proc/self/task")
assert threading.active_count() == 1
assert not threads.exists() or len(list(threads.iterdir())) == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_one_that_was_never_awaited_is_warned_of() -> None:
    """A step is a coroutine, as those of a native generator are not."""
    with pytest.warns(RuntimeWarning, match=r"^coroutine 'count' was never awaited$"):
        count(1).__anext__()
    assert live_streams() == 0


@pytest.mark.parametrize("ahead", [0, 1, 2, 16, 1_000])
def test_at_most_so_many_wait(ahead: int, ours: ModuleType, run: Run) -> None:
    """And as many do, once the worker has had the time."""
    most = max(ahead, 1)

    async def main() -> None:
        stream = ours.produce(10_000, ahead)
        for number in range(20):
            assert await anext(stream) == number
            assert stream.made <= number + 1 + most
        await comes_to(lambda: stream.made > 20 + most // 2)
        for number in range(20, 40 + most):
            assert await anext(stream) == number
            assert stream.made <= number + 1 + most

    run(main)


def test_it_fills_up_while_nobody_takes_and_then_rests(ours: ModuleType, run: Run) -> None:
    async def main() -> None:
        stream = ours.produce(1_000, 100)
        await anext(stream)
        await comes_to(lambda: stream.made >= 100)
        made = stream.made
        await asyncio.sleep(0.01)
        assert made <= stream.made <= 101

    run(main)


def test_at_most_so_many_wait_in_batches(run: Run) -> None:
    async def main() -> None:
        stream, taken = produce_batches(10_000, 7, 50), 0
        async for batch in stream:
            taken += len(batch)
            assert stream.made <= taken + 50
            if taken > 5_000:
                break

    run(main)


STREAMS: dict[str, Callable[[int], Any]] = {
    "count": count,
    "count_batches": lambda n: count_batches(n, 10),
    "produce": lambda n: produce(n, 1_024),
    "twin": in_python.count,
}


class CountsTurns:
    """Counts how many turns the loop has taken."""

    turns = 0

    async def run(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.mark.parametrize("name", STREAMS)
def test_other_tasks_have_their_turns(name: str, run: Run) -> None:
    """In a row 128 ready items are taken, after the one of the step that has suspended."""
    items = 10_000 if name == "twin" else 100_000

    async def main() -> int:
        counts, seen, at, most = CountsTurns(), 0, 0, 0
        task = asyncio.create_task(counts.run())
        await turns(1)
        async for _ in STREAMS[name](items):
            if counts.turns != at:
                at, seen = counts.turns, 0
            seen += 1
            most = max(most, seen)
        task.cancel()
        return most

    assert 1 <= run(main) <= 129


def test_other_tasks_of_trio_have_their_turns() -> None:
    async def main() -> int:
        counted, most, seen, at = [0], 0, 0, 0

        async def counts() -> None:
            while True:
                counted[0] += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(counts)
            await trio.lowlevel.checkpoint()
            async for _ in count(20_000):
                if counted[0] != at:
                    at, seen = counted[0], 0
                seen += 1
                most = max(most, seen)
            nursery.cancel_scope.cancel()
        return most

    assert 1 <= trio.run(main) <= 129


def test_a_native_generator_keeps_the_others_waiting(run: Run) -> None:
    import native

    async def main() -> int:
        counts = CountsTurns()
        task = asyncio.create_task(counts.run())
        await turns(1)
        before = counts.turns
        async for _ in native.count(10_000):
            pass
        task.cancel()
        return counts.turns - before

    assert run(main) == 0


def test_a_timeout_ends_a_loop_over_ready_items(run: Run) -> None:
    """A loop without an end that never suspended could not be cancelled."""

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                async for _ in count(10**18):
                    pass

    run(main)


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts how often it is woken to look what is ready."""

    wakeups = 0

    def add_reader(self, fd: Any, callback: Callable[[], None]) -> None:  # type: ignore[override]
        def counted() -> None:
            self.wakeups += 1
            callback()

        super().add_reader(fd, counted)


def test_what_is_there_is_taken_without_waking_the_loop() -> None:
    """However many were made while nobody waited."""

    async def main() -> int:
        stream = produce(2_000, 1_000)
        await anext(stream)
        wait_until(lambda: stream.made >= 1_000)
        before = loop.wakeups
        await taken(stream, 998)
        return loop.wakeups - before

    loop = Counting()
    assert loop.run_until_complete(main()) == 0
    loop.close()


def test_items_that_are_made_at_once_wake_the_loop_once() -> None:
    """The worker makes the second while the loop is on its way to the first."""

    async def main() -> int:
        stream = produce(1_000, 1_001)
        first = asyncio.ensure_future(stream.__anext__())
        await turns(1)
        wait_until(lambda: live_streams() == 0)  # all are there, and so is the end
        await first
        before = loop.wakeups
        await all_of(stream)
        return loop.wakeups - before

    loop = Counting()
    assert loop.run_until_complete(main()) == 0
    loop.close()


@pytest.mark.parametrize("inline", [False, True])
def test_a_step_of_one_that_has_failed_is_not_refused(inline: bool, run: Run) -> None:
    """An error ends the step: the next one may begin."""

    async def main() -> list[Any]:
        stream = failing(0, inline=inline)
        with pytest.raises(ValueError, match="failed"):
            await anext(stream)
        return [await anext(stream, "end"), await anext(stream, "end")]

    assert run(main) == ["end", "end"]


def test_the_class_is_the_same_for_all(rust_channel: Open) -> None:
    kinds = {type(stream) for stream in (count(1), failing(1), rust_channel()[1])}
    assert kinds == {rust_streams.AsyncIterator}
