"""How a stream ends: closed, dropped, left by `break`, while a step waits, while it is polled."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import rust_streams
from conftest import (
    Open,
    Run,
    comes_to,
    open_if_read,
    opened_for_writing,
    parked,
    streams,
    turns,
    wait_until,
)
from rust_streams import count, failing, live_streams, produce, read_blocking

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


def test_aclose_ends_a_step_that_waits(channel: Open, run: Run) -> None:
    """A native generator refuses: it is already running."""

    async def main() -> Any:
        _sender, stream = channel()
        task = await parked(anext(stream, "end"))
        await stream.aclose()
        return await task

    assert run(main) == "end"


def test_when_aclose_returns_the_stream_has_been_dropped(channel: Open, run: Run) -> None:
    async def main() -> list[int]:
        _sender, stream = channel()
        before = streams()
        task = await parked(anext(stream, "end"))
        await stream.aclose()
        after = streams()
        await task
        return [before, after]

    assert run(main) == [1, 0]


def test_aclose_ends_a_step_under_trio(rust_channel: Open) -> None:
    async def main() -> list[Any]:
        _sender, stream = rust_channel()
        seen: list[Any] = []

        async def step() -> None:
            seen.append(await anext(stream, "end"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(step)
            await trio.testing.wait_all_tasks_blocked()
            await stream.aclose()
            seen.append(live_streams())
        return seen

    assert sorted(trio.run(main), key=str) == [0, "end"]


def test_several_that_close_at_once(channel: Open, run: Run) -> None:
    async def main() -> list[Any]:
        _sender, stream = channel()
        task = await parked(anext(stream, "end"))
        closed = await asyncio.gather(*(stream.aclose() for _ in range(5)))
        return [*closed, await task]

    assert run(main) == [None] * 5 + ["end"]


def test_closed_it_does_not_fail_any_more(channel: Open, run: Run) -> None:
    """Though the error has come, after an item that nobody has taken."""

    async def main() -> Any:
        sender, stream = channel()
        sender.send("first")
        sender.send("second")
        sender.fail("failed")
        assert await anext(stream) == "first"
        await comes_to(lambda: streams() == 0)  # it is over, but for what has been made
        await stream.aclose()
        return await anext(stream, "end")

    assert run(main) == "end"


def test_aclose_on_another_loop_than_the_step(rust_channel: Open) -> None:
    """The step is woken on the loop where it waits."""
    _sender, stream = rust_channel()
    loop = asyncio.new_event_loop()

    async def step() -> Any:
        return await anext(stream, "end")

    task = loop.create_task(step())
    loop.run_until_complete(turns(5))
    asyncio.run(closes(stream))
    assert loop.run_until_complete(task) == "end"
    loop.close()


async def closes(stream: Any) -> None:
    await stream.aclose()


def test_aclose_of_one_that_was_not_begun(run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        stream = produce(10)
        await stream.aclose()
        return [live_streams(), stream.made, await anext(stream, "end")]

    assert run_anywhere(main) == [0, 0, "end"]


def test_break_and_then_nobody_holds_it(run_anywhere: Run) -> None:
    """A native generator waits for its loop to close it. The Rust stream is gone at once."""

    async def main() -> list[Any]:
        seen = []
        for stream in (count(10**9), rust_streams.channel(inline=True)[1]):
            async for number in stream:
                seen.append(number)
                if number == 3:
                    break
        del stream
        return [*seen, live_streams()]

    assert run_anywhere(main) == [0, 1, 2, 3, 0]


def test_break_out_of_one_that_a_worker_polls(run_anywhere: Run) -> None:
    """It goes with the poll that is under way, without the loop's help."""

    async def main() -> list[int]:
        seen = []
        async for number in produce(10**9):
            seen.append(number)
            if number == 3:
                break
        wait_until(lambda: live_streams() == 0)  # the loop does not turn meanwhile
        return seen

    assert run_anywhere(main) == [0, 1, 2, 3]


def test_dropped_by_an_error_it_lets_that_get_through(run: Run) -> None:
    """The `async for` that an error leaves drops the stream before anybody has caught the error."""

    async def main() -> None:
        with pytest.raises(ValueError, match="failed"):
            async for _ in failing(3):
                pass
        with pytest.raises(KeyError, match="by hand"):
            async for _ in count(3):
                raise KeyError("by hand")

    run(main)


def test_dropped_while_nobody_polls_it_is_gone_at_once(run: Run) -> None:
    async def main() -> int:
        sender, stream = rust_streams.channel(inline=True)
        sender.send("first")
        assert await anext(stream) == "first"
        del stream
        live = live_streams()
        with pytest.raises(BrokenPipeError):
            sender.send("second")
        return live

    assert run(main) == 0


def test_dropped_it_is_gone_without_the_loops_help(rust_channel: Open, run: Run) -> None:
    async def main() -> None:
        sender, stream = rust_channel()
        sender.send("first")
        assert await anext(stream) == "first"
        del stream
        wait_until(lambda: live_streams() == 0)
        with pytest.raises(BrokenPipeError):
            sender.send("second")

    run(main)


def test_dropped_on_another_thread(rust_channel: Open, run: Run) -> None:
    async def main() -> None:
        sender, stream = rust_channel()
        sender.send("first")
        held = [stream, await anext(stream)]
        del stream
        await asyncio.to_thread(held.clear)
        wait_until(lambda: live_streams() == 0)

    run(main)


def test_dropped_where_no_loop_runs(rust_channel: Open, run: Run) -> None:
    async def main() -> Any:
        sender, stream = rust_channel()
        sender.send("first")
        assert await anext(stream) == "first"
        return [sender, stream]

    sender_and_stream = run(main)
    assert live_streams() == 1
    sender_and_stream.pop()
    wait_until(lambda: live_streams() == 0)


def test_a_step_that_waits_keeps_its_stream(rust_channel: Open, run: Run) -> None:
    """So `await anext(stream)` may hold the only reference."""

    async def main() -> Any:
        sender, stream = rust_channel()
        task = await parked(stream.__anext__())
        del stream
        gc.collect()
        sender.send("come")
        return await task

    assert run(main) == "come"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A named pipe: who reads it waits until somebody writes."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@unix
def test_aclose_waits_for_a_poll_under_way(fifo: Path, run_beside_workers: Run) -> None:
    order: list[str] = []

    async def main() -> None:
        stream = read_blocking(fifo)
        step = await parked(anext(stream, "end"))
        writer = await opened_for_writing(fifo)
        closing = asyncio.create_task(stream.aclose())
        await turns(10)
        assert not closing.done()
        assert live_streams() == 1
        order.append("released")
        os.close(writer)
        await closing
        order.append(f"closed, {live_streams()} left")
        order.append(await step)

    run_beside_workers(main)
    assert order == ["released", "closed, 0 left", "end"]


@unix
def test_aclose_that_is_cancelled_closes_all_the_same(fifo: Path, run_beside_workers: Run) -> None:
    """The cancellation is raised when the stream has been dropped."""
    order: list[str] = []

    async def main() -> None:
        stream = read_blocking(fifo)
        step = await parked(anext(stream, "end"))
        writer = await opened_for_writing(fifo)
        closing = asyncio.create_task(stream.aclose())
        await turns(5)
        closing.cancel()
        await turns(5)
        assert not closing.done()
        order.append("released")
        os.close(writer)
        with pytest.raises(asyncio.CancelledError):
            await closing
        order.append(f"{live_streams()} left")
        await step

    run_beside_workers(main)
    assert order == ["released", "0 left"]


@unix
def test_dropped_during_a_poll_it_goes_with_that_poll(fifo: Path) -> None:
    async def main() -> int:
        stream = read_blocking(fifo)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(stream)
        return await opened_for_writing(fifo)

    writer = asyncio.run(main())
    assert live_streams() == 1  # a poll cannot be interrupted
    os.close(writer)
    wait_until(lambda: live_streams() == 0)


@unix
def test_a_step_cancelled_during_a_poll_raises_at_once(fifo: Path, run_beside_workers: Run) -> None:
    """It gives up its wait, and not the poll: the next step takes what that brings."""

    async def main() -> Any:
        stream = read_blocking(fifo)
        step = await parked(anext(stream))
        writer = await opened_for_writing(fifo)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        os.write(writer, b"at last")
        os.close(writer)
        return await anext(stream)

    assert run_beside_workers(main) == "at last"


@unix
def test_trio_waits_for_a_poll_under_way_too(fifo: Path) -> None:
    async def main() -> list[Any]:
        stream = read_blocking(fifo)
        with trio.move_on_after(0.01):
            await anext(stream)
        while not (writer := open_if_read(fifo)):
            await trio.lowlevel.checkpoint()
        order: list[Any] = []

        async def close() -> None:
            await stream.aclose()
            order.append(live_streams())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(close)
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            order.append("released")
            os.close(writer)
        return order

    assert trio.run(main) == ["released", 0]


def test_a_circle_through_a_step_is_collected(rust_channel: Open) -> None:
    """A Task waits for a step, and the iterator is held by the Task alone."""

    async def main() -> weakref.ref[Any]:
        _sender, stream = rust_channel()

        class Holder:
            held: Any

        holder = Holder()
        holder.held = [stream, holder]
        step = stream.__anext__()
        step.send(None)
        holder.held.append(step)
        return weakref.ref(holder)

    end = asyncio.run(main())
    gc.collect()
    assert end() is None
    wait_until(lambda: live_streams() == 0)


def test_items_that_nobody_takes_are_freed(rust_channel: Open, run: Run) -> None:
    class Item:
        pass

    async def main() -> list[weakref.ref[Item]]:
        sender, stream = rust_channel(ahead=100)
        items = [Item() for _ in range(50)]
        ends = [weakref.ref(item) for item in items]
        for item in items:
            sender.send(item)
        await anext(stream)
        await stream.aclose()
        return ends

    ends = run(main)
    wait_until(lambda: gc.collect() >= 0 and not any(end() for end in ends))
