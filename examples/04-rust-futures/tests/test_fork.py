"""After `os.fork()` the child can await, and the parent goes on."""

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

from conftest import turns
from rust_futures import (
    live_futures,
    pending,
    ready,
    sleep,
    yield_now,
)
from soak import Often

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # From 3.12 Python says that threads and forks do not go together. That is the point here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


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
    assert live_futures() == 0  # those of the parent are not here
    await asyncio.gather(*(sleep(0.001) for _ in range(100)), *(yield_now() for _ in range(100)))


def test_the_child_can_await_and_so_can_the_parent() -> None:
    asyncio.run(yield_now())
    assert in_child(lambda: asyncio.run(many())) == 0
    asyncio.run(many())


def test_from_inside_a_loop_with_futures_out() -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(sleep(0.05, number)) for number in range(50)]
        tasks.append(asyncio.create_task(pending()))
        await turns(3)

        def child() -> None:
            asyncio.run(many())
            tasks.clear()  # what belongs to the parent is forgotten, and not dropped
            gc.collect()

        assert in_child(child) == 0
        assert await asyncio.gather(*tasks[:-1]) == list(range(50))
        assert live_futures() == 1
        tasks.pop().cancel()

    asyncio.run(main())


def test_what_the_parent_began_the_child_cannot_end() -> None:
    async def main() -> None:
        coroutine: Any = pending()
        coroutine.send(None)

        def child() -> None:
            with pytest.raises(RuntimeError, match="other side of a fork"):
                coroutine.send(None)

        assert in_child(child) == 0
        assert live_futures() == 1
        coroutine.close()

    asyncio.run(main())


def test_a_fork_of_a_fork() -> None:
    asyncio.run(yield_now())

    def child() -> None:
        asyncio.run(many())
        assert in_child(lambda: asyncio.run(many())) == 0
        asyncio.run(many())

    assert in_child(child) == 0


def work(number: int) -> int:
    return asyncio.run(sleep(0.001, number))


@pytest.mark.skipif(sys.platform == "darwin", reason="multiprocessing does not fork there")
def test_a_pool_of_multiprocessing_that_forks() -> None:
    asyncio.run(yield_now())
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(20)) == list(range(20))
    asyncio.run(yield_now())


def test_forks_while_workers_finish_futures(often: Often) -> None:
    async def main() -> None:
        async def busy() -> None:
            while not ended:
                await asyncio.gather(*(yield_now() for _ in range(200)))

        task = asyncio.create_task(busy())
        for _ in range(often(20, 500)):
            await turns(1)
            assert in_child(lambda: None) == 0  # it would hang on a lock that was copied taken
        ended.append(True)
        await task

    ended: list[bool] = []
    asyncio.run(main())


def test_forks_while_another_thread_polls_inline(often: Often) -> None:
    async def busy() -> None:
        while not ended.is_set():
            await ready()
            ready().close()

    ended = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=(busy(),))
    thread.start()
    for _ in range(often(100, 3_000)):
        assert in_child(lambda: None) == 0  # it would hang on a lock that was copied taken
    ended.set()
    thread.join()


def drops_objects(ended: threading.Event) -> None:
    """Drop futures that hold Python objects, detached: PyO3 keeps a list of such objects."""
    while not ended.is_set():
        sleep(1, object()).close()


def closes_loops(ended: threading.Event) -> None:
    """The same by closing loops, with many futures in flight."""

    async def start() -> list[asyncio.Task[Any]]:
        tasks = [asyncio.ensure_future(sleep(100, object())) for _ in range(300)]
        await turns(3)
        return tasks

    while not ended.is_set():
        loop = asyncio.new_event_loop()
        for task in loop.run_until_complete(start()):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()


def in_another_thread(work: Callable[[threading.Event], None]) -> Callable[[], None]:
    """Start this in a thread, and return what ends it."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


@pytest.mark.parametrize("work", [drops_objects, closes_loops])
def test_forks_while_another_thread_drops_objects(
    often: Often, work: Callable[[threading.Event], None]
) -> None:
    """The lock of that list is not copied locked: no child hangs, whether it awaits or exits."""

    def awaits() -> None:
        sleep(1, object()).close()
        asyncio.run(sleep(0))

    asyncio.run(yield_now())
    end = in_another_thread(work)
    try:
        for number in range(often(100, 3_000)):
            if number % 2:
                assert in_child(awaits) == 0
            elif not (child := os.fork()):
                os._exit(0)
            else:
                assert ends(child) == 0
    finally:
        end()


@pytest.mark.parametrize("work", [drops_objects, closes_loops])
def test_subprocesses_with_a_function_to_call_before(
    often: Often, work: Callable[[threading.Event], None]
) -> None:
    """`preexec_fn` runs what is registered for forks."""
    asyncio.run(yield_now())
    end = in_another_thread(work)
    try:
        for _ in range(often(20, 500)):
            done = subprocess.run([sys.executable, "-S", "-c", ""], preexec_fn=int, check=False)
            assert done.returncode == 0
    finally:
        end()


@pytest.mark.parametrize("end", ["close", "drop", "exit"])
def test_a_child_lets_go_of_a_coroutine_of_its_parent_in_silence(end: str) -> None:
    program = f"""
import asyncio, gc, os, sys
from rust_futures import live_futures, pending
async def begin():
    coroutine = pending()
    coroutine.send(None)
    return coroutine
loop = asyncio.new_event_loop()
coroutine = loop.run_until_complete(begin())
child = os.fork()
if not child:
    if {end!r} == "close":
        coroutine.close()
    if {end!r} == "drop":
        del coroutine
        gc.collect()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert live_futures() == 1
coroutine.close()
loop.close()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
