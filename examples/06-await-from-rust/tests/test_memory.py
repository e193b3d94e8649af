"""Nothing is kept that nobody needs, and nothing is freed that is still out."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from await_from_rust import (
    call,
    call_all,
    collect,
    first,
    live_futures,
    merge,
    serve,
    with_timeout,
)
from conftest import Hook, Run, turns
from soak import Often

NewLoop = Callable[[], asyncio.AbstractEventLoop]
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


class Big:
    """Something that must not be kept."""


async def quick() -> Big:
    await turns(1)
    return Big()


async def fail() -> None:
    await turns(1)
    raise ValueError("no")


async def items() -> Any:
    for _ in range(3):
        await turns(1)
        yield Big()


async def upper(line: bytes) -> bytes:
    await turns(1)
    return line.upper()


async def one_of_each() -> None:
    await call(quick)
    await call_all([quick, quick])
    hooks: list[Any] = [quick, Hook()]
    await first(hooks)
    await collect(items())
    merged = merge(items(), items())
    await anext(merged)
    await merged.aclose()
    async with (
        await serve(upper) as server,
        await anyio.connect_tcp("127.0.0.1", server.port) as client,
    ):
        await client.send(b"line\n")
        assert await client.receive() == b"LINE\n"
    with pytest.raises(ValueError, match="no"):
        await call_all([fail, *hooks])
    with pytest.raises(TimeoutError):
        await with_timeout(Hook(), 0.0001)


def test_calls_leave_no_memory_behind(run_anywhere: Run, often: Often) -> None:
    async def grows() -> int:
        for _ in range(20):
            await one_of_each()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(often(100, 10_000)):
            await one_of_each()
        gc.collect()
        return sys.getallocatedblocks() - before

    assert run_anywhere(grows) < 1_000


@linux
def test_loops_come_and_go_without_a_trace(run_anywhere: Run, often: Often) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    for _ in range(3):
        run_anywhere(one_of_each)
    gc.collect()
    files, blocks = open_files(), sys.getallocatedblocks()
    for _ in range(often(50, 2_000)):
        run_anywhere(one_of_each)
    gc.collect()
    assert open_files() <= files  # what earlier tests left may have gone meanwhile
    assert sys.getallocatedblocks() - blocks < 1_000


def test_function_arguments_and_result_are_freed(run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        async def function(argument: Big) -> tuple[Big, Big]:
            await turns(1)
            return argument, Big()

        argument, result = await call(function, Big())
        ends: list[weakref.ref[Any]] = [weakref.ref(it) for it in (function, argument, result)]
        del function, argument, result
        await turns(3)
        gc.collect()
        return [end() for end in ends]

    assert run_anywhere(main) == [None] * 3


def test_a_call_that_nobody_awaits_is_freed(run_anywhere: Run) -> None:
    """With all that it holds: an unawaited coroutine says so, this one is closed."""

    async def main() -> Any:
        async def function() -> None:
            raise AssertionError("nobody has awaited it")

        call(function).close()
        end = weakref.ref(function)
        del function
        gc.collect()
        return end()

    assert run_anywhere(main) is None


async def test_the_collector_takes_no_call_that_is_out() -> None:
    """Neither the Task that awaits nor the Task that Rust has made is held by anybody else."""
    done: list[int] = []

    async def job(number: int) -> None:
        async def function() -> int:
            gc.collect()
            await asyncio.sleep(0)
            return number

        done.append(await call(function))

    for number in range(20):
        asyncio.ensure_future(job(number))  # noqa: RUF006  # nobody holds them: that is the point
    while len(done) < 20:
        gc.collect()
        await asyncio.sleep(0)
    assert sorted(done) == list(range(20))


def test_what_a_closed_loop_leaves_is_freed(loop_factory: NewLoop) -> None:
    async def forever(argument: Big) -> None:
        await asyncio.Event().wait()

    async def start() -> asyncio.Task[Any]:
        big = Big()
        ends.append(weakref.ref(big))
        task: asyncio.Task[Any] = asyncio.ensure_future(call(forever, big))
        await turns(3)
        return task

    ends: list[weakref.ref[Any]] = []
    loop = loop_factory()
    task = loop.run_until_complete(start())
    ends += map(weakref.ref, asyncio.all_tasks(loop))
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    assert len(ends) == 3
    loop.close()
    assert live_futures() == 0
    del task, loop
    gc.collect()
    assert [end() for end in ends] == [None] * 3
