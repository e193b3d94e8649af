"""After `os.fork()` the child can iterate, and the parent goes on."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Open, all_of, parked, taken
from rust_streams import channel, count, live_streams, produce, ticks
from soak import Often

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # From 3.12 Python says that threads and forks do not go together. That is the point here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]
WORDS = r"^a Rust stream cannot be used on the other side of a fork$"


def in_child(function: Callable[[], object]) -> int:
    """Return the exit code of a child that runs this, and then nothing else."""
    child = os.fork()
    if not child:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    return ends(child)


def ends(child: int) -> int:
    """Return the exit code of a child. If that hangs, the watchdog of the test ends the wait."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def many() -> None:
    assert live_streams() == 0  # those of the parent are not here
    lists = await asyncio.gather(*(all_of(make(100)) for make in (count, produce) * 20))
    assert lists == [list(range(100))] * 40
    assert await all_of(ticks(0.001, 3)) == [0, 1, 2]


def test_the_child_can_iterate_and_so_can_the_parent() -> None:
    asyncio.run(many())
    assert in_child(lambda: asyncio.run(many())) == 0
    asyncio.run(many())


@pytest.mark.parametrize("make", [count, produce])
def test_what_the_parent_began_the_child_cannot_take(make: Callable[[int], Any]) -> None:
    async def main() -> list[int]:
        stream = make(100)
        seen = await taken(stream, 10)

        def child() -> None:
            asyncio.run(refused(stream))

        assert in_child(child) == 0
        return [*seen, *await all_of(stream)]

    async def refused(stream: Any) -> None:
        with pytest.raises(RuntimeError, match=WORDS):
            await anext(stream)
        await stream.aclose()  # its copy, which is nothing

    assert asyncio.run(main()) == list(range(100))


def test_nor_what_it_has_not_begun() -> None:
    stream = produce(10)

    def child() -> None:
        with pytest.raises(RuntimeError, match=WORDS):
            asyncio.run(taken(stream, 1))

    assert in_child(child) == 0
    assert asyncio.run(all_of(stream)) == list(range(10))


def test_a_child_lets_go_of_its_copy_and_the_parent_does_not_notice(rust_channel: Open) -> None:
    async def main() -> Any:
        sender, stream = rust_channel()
        held = [stream, await parked(stream.__anext__())]
        del stream

        def child() -> None:
            held.clear()
            gc.collect()

        assert in_child(child) == 0
        sender.send("still there")
        return await held.pop()

    assert asyncio.run(main()) == "still there"


def test_from_inside_a_loop_with_streams_out() -> None:
    async def main() -> None:
        streams = [produce(1_000, ahead) for ahead in (1, 16, 1_000)]
        seen = [await taken(stream, 5) for stream in streams]
        assert in_child(lambda: asyncio.run(many())) == 0
        for begun, stream in zip(seen, streams, strict=True):
            assert [*begun, *await all_of(stream)] == list(range(1_000))

    asyncio.run(main())


def test_a_fork_of_a_fork() -> None:
    asyncio.run(many())

    def child() -> None:
        asyncio.run(many())
        assert in_child(lambda: asyncio.run(many())) == 0
        asyncio.run(many())

    assert in_child(child) == 0


def work(number: int) -> int:
    last: int = asyncio.run(taken(produce(number + 1), number + 1))[-1]
    return last


@pytest.mark.skipif(sys.platform == "darwin", reason="multiprocessing does not fork there")
def test_a_pool_of_multiprocessing_that_forks() -> None:
    asyncio.run(many())
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(20)) == list(range(20))


def test_forks_while_workers_make_items(often: Often) -> None:
    """A child would hang on a lock that was copied taken."""

    async def main() -> None:
        async def busy() -> None:
            async for _ in produce(10**18, 64):
                await asyncio.sleep(0)

        task = asyncio.create_task(busy())
        for _ in range(often(50, 1_000)):
            await asyncio.sleep(0)
            assert in_child(lambda: asyncio.run(many())) == 0
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


def test_forks_while_another_thread_drops_streams_of_objects(often: Often) -> None:
    """PyO3 keeps a list of the objects that were dropped by threads that are not attached."""

    async def work() -> None:
        while not ended.is_set():
            sender, stream = channel(5_000)
            for _ in range(5_000):
                sender.send(object())
            await taken(stream, 10)
            await stream.aclose()

    asyncio.run(many())
    ended = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    try:
        for _ in range(often(50, 2_000)):
            assert in_child(lambda: asyncio.run(many_objects())) == 0
    finally:
        ended.set()
        thread.join()


async def many_objects() -> None:
    sender, stream = channel()
    for _ in range(20):
        sender.send(object())
    await anext(stream)
    await stream.aclose()


@pytest.mark.parametrize("end", ["close", "drop", "exit"])
def test_a_child_lets_go_of_a_step_of_its_parent_in_silence(end: str) -> None:
    program = f"""
import asyncio, gc, os, sys
from rust_streams import channel, live_streams
async def begin():
    step = stream.__anext__()
    step.send(None)
    return step
sender, stream = channel()
loop = asyncio.new_event_loop()
step = loop.run_until_complete(begin())
child = os.fork()
if not child:
    if {end!r} == "close":
        step.close()
    if {end!r} == "drop":
        del step, stream
        gc.collect()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert live_streams() == 1
step.close()
loop.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
