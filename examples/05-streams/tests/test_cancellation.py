"""A cancelled step loses nothing. A stream may be told to end with it instead."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest
import trio

import native
import rust_streams
from conftest import Open, Run, all_of, comes_to, parked, runs_on, turns, wait_until
from rust_streams import live_streams, produce, ticks
from soak import Often

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the loop of one thread")


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_a_cancelled_step_would_have_brought_is_for_the_next(channel: Open, run: Run) -> None:
    async def main() -> list[Any]:
        sender, stream = channel()
        for _ in range(3):
            await cancelled(await parked(anext(stream)))
        sender.send("first")
        sender.send("second")
        return [await anext(stream), await anext(stream)]

    assert run(main) == ["first", "second"]


def test_a_native_generator_is_at_its_end_then(run: Run) -> None:
    async def main() -> Any:
        sender, stream = native.channel()
        await cancelled(await parked(anext(stream)))
        sender.send("first")
        return await anext(stream, "end")

    assert run(main) == "end"


def test_an_item_that_had_come_when_its_step_was_cancelled(run_beside_workers: Run) -> None:
    """It has been made, the loop has been woken, and has not looked."""

    async def main() -> list[int]:
        stream = produce(10, 1)
        seen = []
        for number in range(5):
            task = asyncio.create_task(stream.__anext__())
            await turns(1)
            wait_until(lambda number=number: stream.made > number)  # type: ignore[misc]
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                seen.append(await task)
        return [*seen, *await all_of(stream)]

    assert run_beside_workers(main) == list(range(10))


@unix
def test_an_item_that_had_come_on_the_loops_own_thread() -> None:
    """The loop makes it while it waits, and would resume the step after whoever cancels it."""

    async def main() -> list[int]:
        stream = produce(10, 1)
        step = asyncio.create_task(stream.__anext__())
        while stream.made == 0:
            await turns(1)
        await cancelled(step)
        return await all_of(stream)

    assert runs_on("one thread")(main) == list(range(10))


def test_a_step_that_was_cancelled_before_it_began(channel: Open, run: Run) -> None:
    async def main() -> Any:
        sender, stream = channel()
        await cancelled(asyncio.create_task(stream.__anext__()))
        sender.send("first")
        return await anext(stream)

    assert run(main) == "first"


def test_a_step_that_was_closed_or_dropped(rust_channel: Open, run: Run) -> None:
    """As it is when its Task is destroyed."""

    async def main() -> Any:
        sender, stream = rust_channel()
        for _ in range(3):
            closed = stream.__anext__()
            closed.send(None)
            closed.close()
            dropped = stream.__anext__()
            dropped.send(None)
            del dropped
            gc.collect()
        sender.send("first")
        return await anext(stream)

    assert run(main) == "first"


def test_a_tick_goes_on_while_nobody_waits_for_it(run: Run) -> None:
    """A step that is cancelled each time before the tick comes: the stream waits once, not anew."""

    async def main() -> list[int]:
        stream = ticks(0.02, 3)
        seen: list[int] = []
        while len(seen) < 3:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.003):
                    seen.append(await anext(stream))
        return seen

    assert run(main) == [0, 1, 2]


STREAMS: dict[str, Callable[[int], Any]] = {
    "produce, 1 ahead": lambda n: produce(n, 1),
    "produce, 16 ahead": lambda n: produce(n, 16),
    "produce, 1,024 ahead": lambda n: produce(n, 1_024),
    "count": rust_streams.count,
}


class Hazard:
    """Cancels at random: each step that is under way, at a moment when an item may be coming."""

    def __init__(self, seed: int, times: int) -> None:
        self.chance, self.times, self.cancelled = random.Random(seed), times, 0

    def wait(self) -> float:
        return self.chance.choice([0, 0, 0.00001, 0.00005, 0.0002])

    async def by_a_timeout(self, stream: Any) -> Any:
        async with asyncio.timeout(self.wait()):
            return await anext(stream)

    async def by_cancel(self, stream: Any) -> Any:
        task = asyncio.create_task(stream.__anext__())
        await turns(self.chance.randrange(4))
        task.cancel()
        return await task

    async def by_a_scope(self, stream: Any) -> Any:
        with trio.move_on_after(self.wait()) as scope:
            if self.chance.random() < 0.3:
                scope.cancel()
            return await anext(stream)
        raise TimeoutError

    async def by_a_scope_of_anyio(self, stream: Any) -> Any:
        with anyio.move_on_after(self.wait()) as scope:
            if self.chance.random() < 0.3:
                scope.cancel()
            return await anext(stream)
        raise TimeoutError

    async def go_through(self, stream: Any, ways: Sequence[Callable[[Any], Any]]) -> list[Any]:
        """Take items by steps that are cancelled, until enough were: then take the rest."""
        seen = []
        while self.cancelled < self.times:
            try:
                seen.append(await self.chance.choice(ways)(stream))
            except (TimeoutError, asyncio.CancelledError):
                self.cancelled += 1
            except StopAsyncIteration:
                return seen
        await stream.aclose()
        return seen


@pytest.mark.parametrize("name", STREAMS)
def test_steps_cancelled_at_random_lose_nothing(name: str, run: Run, often: Often) -> None:
    hazard = Hazard(5, often(1_000, 10_000))
    ways = [hazard.by_a_timeout, hazard.by_cancel, hazard.by_a_scope_of_anyio]

    async def main() -> list[int]:
        return await hazard.go_through(STREAMS[name](10**9), ways)

    seen = run(main)
    assert seen == list(range(len(seen)))
    assert hazard.cancelled == hazard.times
    assert seen


@pytest.mark.parametrize("name", STREAMS)
def test_steps_cancelled_at_random_by_scopes_of_trio(name: str, often: Often) -> None:
    rarely = 10 if name == "count" else 1  # its steps seldom suspend
    hazard = Hazard(5, often(500, 10_000) // rarely)
    ways = [hazard.by_a_scope, hazard.by_a_scope_of_anyio]

    async def main() -> list[int]:
        return await hazard.go_through(STREAMS[name](10**9), ways)

    seen = trio.run(main)
    assert seen == list(range(len(seen)))
    assert hazard.cancelled == hazard.times
    assert seen


def test_told_to_end_a_stream_ends_with_the_step_that_is_cancelled(channel: Open, run: Run) -> None:
    async def main() -> list[Any]:
        sender, stream = channel(ends_when_cancelled=True)
        sender.send("first")
        seen = [await anext(stream)]
        await cancelled(await parked(anext(stream)))
        return [*seen, await anext(stream, "end"), await anext(stream, "end")]

    assert run(main) == ["first", "end", "end"]


def test_when_the_step_raises_then_the_stream_has_been_dropped(
    rust_channel: Open, run: Run
) -> None:
    seen: list[int] = []

    async def step(stream: Any) -> None:
        try:
            await anext(stream)
        except asyncio.CancelledError as error:
            seen.append(live_streams())
            assert error.args == ("enough",)
            raise

    async def main() -> None:
        sender, stream = rust_channel(ends_when_cancelled=True)
        task = asyncio.create_task(step(stream))
        await turns(5)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(BrokenPipeError):
            sender.send("too late")
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(main)
    assert seen == [0]


def test_told_to_end_it_ends_with_a_scope_of_trio(rust_channel: Open) -> None:
    async def main() -> list[Any]:
        _sender, stream = rust_channel(ends_when_cancelled=True)
        with trio.move_on_after(0.001):
            await anext(stream)
        return [live_streams(), await anext(stream, "end")]

    assert trio.run(main) == [0, "end"]


def test_told_to_end_it_ends_with_a_step_that_is_closed(rust_channel: Open, run: Run) -> None:
    """As a generator does whose step is closed: that throws GeneratorExit into it."""

    async def main() -> Any:
        _sender, stream = rust_channel(ends_when_cancelled=True)
        step = stream.__anext__()
        step.send(None)
        step.close()
        wait_until(lambda: live_streams() == 0)  # a worker may be polling it
        return await anext(stream, "end")

    assert run(main) == "end"


def test_told_to_end_it_ends_though_items_are_there(run: Run) -> None:
    """Cancelled while it gives way to other tasks, as a generator is that awaits `sleep(0)`."""

    async def main() -> list[Any]:
        sender, stream = rust_streams.channel(1_000, inline=True, ends_when_cancelled=True)
        for number in range(500):
            sender.send(number)

        async def consume() -> None:
            async for number in stream:
                seen.append(number)

        seen: list[int] = []
        task = asyncio.create_task(consume())
        await turns(1)
        await cancelled(task)
        return [len(seen), live_streams(), await anext(stream, "end")]

    assert run(main) == [128, 0, "end"]


async def test_a_step_that_waits_in_a_task_nobody_holds_goes_on() -> None:
    """What is in flight is kept alive by the loop: the collector takes no Task along."""
    sender, stream = rust_streams.channel()
    seen: list[Any] = []

    async def job() -> None:
        seen.append(await anext(stream))

    asyncio.ensure_future(job())  # noqa: RUF006  # nobody holds it: that is the point
    await turns(5)
    gc.collect()
    sender.send("come")
    await comes_to(lambda: bool(seen))
    assert seen == ["come"]
