"""A stream belongs to no loop: begun on one, it goes on on another, and outlives a closed one."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

import rust_streams
from conftest import LOOPS, NewLoop, Open, Run, all_of, parked, taken, turns, wait_until
from rust_streams import count, live_streams, produce, ticks
from soak import Often

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the loop of one thread")
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
MAKE: dict[str, Callable[[int], Any]] = {"count": count, "produce": produce}


@pytest.fixture(params=MAKE)
def make(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    """Return a function that returns a stream of 0 to n - 1."""
    return MAKE[request.param]


def test_begun_on_one_loop_it_goes_on_on_others(make: Callable[[int], Any]) -> None:
    stream = make(1_000)
    seen: list[int] = []

    async def take() -> None:
        seen.extend(await taken(stream, 100))

    for _ in range(2):
        for new in LOOPS.values():
            with asyncio.Runner(loop_factory=new) as runner:
                runner.run(take())
        trio.run(take)
    assert seen == list(range(len(seen)))
    assert asyncio.run(all_of(stream)) == list(range(len(seen), 1_000))


def test_a_loop_closed_while_a_step_waits(rust_channel: Open, loop_factory: NewLoop) -> None:
    """What comes then is for the next step, on whatever loop that is awaited."""
    sender, stream = rust_channel()
    for _ in range(3):
        loop = loop_factory()
        task = loop.create_task(stream.__anext__())
        loop.run_until_complete(turns(5))
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
        del task, loop
        gc.collect()
    for number in range(3):
        sender.send(number)
    assert asyncio.run(taken(stream, 3)) == [0, 1, 2]


@unix
def test_a_loop_closed_takes_no_stream_with_it(run: Run) -> None:
    """Spawned on a loop with a runtime of its own, it goes on on the next one, also for a step that
    waits there meanwhile.
    """
    sender, stream = rust_streams.channel()
    loop = rust_streams.event_loop()
    loop.run_until_complete(parked(stream.__anext__())).cancel()
    loop.run_until_complete(turns(2))

    async def main() -> list[Any]:
        step = await parked(anext(stream))
        loop.close()
        sender.send("first")
        sender.send("second")
        sender.close()
        return [await step, *await all_of(stream)]

    assert run(main) == ["first", "second"]


def test_a_step_whose_loop_is_closed_says_so(rust_channel: Open) -> None:
    async def main() -> Any:
        step = stream.__anext__()
        step.send(None)
        return step

    _sender, stream = rust_channel()
    step = asyncio.run(main())
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        step.send(None)


def test_where_no_loop_runs(make: Callable[[int], Any], rust_channel: Open) -> None:
    """One that has to wait has nobody to wait with."""
    _sender, stream = rust_channel()
    with pytest.raises(RuntimeError, match="no running event loop"):
        stream.__anext__().send(None)
    with pytest.raises(RuntimeError, match="no running event loop"):
        stream.__anext__().send(None)  # the first has left the way free
    assert asyncio.run(all_of(make(3))) == [0, 1, 2]


def test_many_loops_in_many_threads_at_once(
    make: Callable[[int], Any], run: Run, often: Often
) -> None:
    results: list[list[int]] = []

    async def main() -> list[int]:
        return await all_of(make(1_000))

    def work() -> None:
        for _ in range(often(3, 50)):
            results.append(run(main))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(1_000))] * 8 * often(3, 50)


def test_one_stream_for_many_threads(make: Callable[[int], Any], often: Often) -> None:
    """Each item arrives once. Who comes when a step is under way is refused, and comes again."""
    number = often(5_000, 200_000)
    stream, seen = make(number), []

    async def main() -> None:
        while True:
            try:
                item = await anext(stream, None)
            except RuntimeError as error:
                assert "already running" in str(error)
                continue
            if item is None:
                return
            seen.append(item)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(number))


def test_closed_by_one_thread_while_another_takes(often: Often) -> None:
    for _ in range(often(50, 5_000)):
        stream = produce(10**9, 4)
        begun = threading.Event()

        async def take(stream: Any = stream, begun: threading.Event = begun) -> list[int]:
            seen = []
            async for number in stream:
                seen.append(number)
                begun.set()
            return seen

        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.extend(asyncio.run(take())))  # noqa: B023
        thread.start()
        begun.wait()
        asyncio.run(closes(stream))
        thread.join()
        assert seen == list(range(len(seen)))


async def closes(stream: Any) -> None:
    await stream.aclose()


@linux
def test_streams_come_and_go_without_a_trace(run_anywhere: Run, often: Often) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        await all_of(count(10))
        await all_of(produce(10))
        async for _ in produce(1_000):
            break
        await ticks(100, 1).aclose()

    for _ in range(3):
        run_anywhere(main)
    gc.collect()
    files, blocks = open_files(), sys.getallocatedblocks()
    for _ in range(often(100, 3_000)):
        run_anywhere(main)
    gc.collect()
    wait_until(lambda: open_files() <= files)  # what earlier tests left may have gone meanwhile
    assert sys.getallocatedblocks() - blocks < 1_000


def test_steps_come_and_go_without_a_trace(run: Run, often: Often) -> None:
    """Taken, cancelled, refused, closed: no object stays."""

    async def main() -> int:
        from rust_streams import channel

        sender, stream = channel()

        async def each() -> None:
            task = await parked(stream.__anext__())
            with pytest.raises(RuntimeError, match="already running"):
                await anext(stream)
            task.cancel()
            await asyncio.wait([task])
            sender.send(None)
            await anext(stream)

        for _ in range(20):
            await each()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(often(300, 10_000)):
            await each()
        gc.collect()
        return sys.getallocatedblocks() - before

    assert run(main) < 1_000


def test_a_million_items_leave_nothing(make: Callable[[int], Any], often: Often) -> None:
    async def main() -> int:
        total = 0
        async for number in make(often(100_000, 10_000_000)):
            total += number
        return total

    asyncio.run(main())
    gc.collect()
    before = sys.getallocatedblocks()
    number = often(100_000, 10_000_000)
    assert asyncio.run(main()) == number * (number - 1) // 2
    gc.collect()
    assert sys.getallocatedblocks() - before < 1_000
    assert live_streams() == 0


def test_trio_inside_asyncio() -> None:
    """A guest run of trio, and its host: they take from one stream in turn."""
    stream, seen = produce(100), []

    async def guest() -> None:
        seen.extend(await taken(stream, 50))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        (await ended).unwrap()
        seen.extend(await all_of(stream))

    asyncio.run(main())
    assert seen == list(range(100))
