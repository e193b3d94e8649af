"""A future that must not be dropped half-way runs to its end. Then the cancellation is raised."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from conftest import Run, turns, wait_until
from rust_futures import live_futures, write_both

NewLoop = Callable[[], asyncio.AbstractEventLoop]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A named pipe: who opens it for writing waits until somebody reads."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def reads(fifo: Path) -> threading.Thread:
    """Read all from the pipe, in a thread: that lets the writer go on."""
    thread = threading.Thread(target=lambda: seen.append(fifo.read_bytes()))
    seen.clear()
    thread.start()
    return thread


seen: list[bytes] = []
where = pytest.mark.parametrize("inline", [False, True], ids=["spawned", "inline"])


@where
def test_it_writes_both(run_anywhere: Run, tmp_path: Path, inline: bool) -> None:
    async def main() -> None:
        await write_both(tmp_path / "file", b"one", b"two", inline=inline)

    run_anywhere(main)
    assert (tmp_path / "file").read_bytes() == b"onetwo"


@where
def test_cancelled_it_writes_both_before_the_cancellation_is_raised(
    run: Run, fifo: Path, inline: bool
) -> None:
    async def main() -> None:
        task = asyncio.create_task(write_both(fifo, b"one", b"two", inline=inline))
        await turns(3)
        for _ in range(3):
            task.cancel("enough")
            await turns(3)
            assert not task.done()  # it has not written yet
        reader = reads(fifo)
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        reader.join()
        assert caught.value.args == ("enough",)

    run(main)
    assert seen == [b"onetwo"]


def test_a_scope_of_trio_waits_for_it(fifo: Path) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_both, fifo, b"one", b"two")
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
            threads.append(reads(fifo))

    threads: list[threading.Thread] = []
    trio.run(main)
    threads[0].join()
    assert seen == [b"onetwo"]


@where
async def test_its_error_is_the_context_of_the_cancellation(fifo: Path, inline: bool) -> None:
    more_than_a_pipe_holds = bytes(1 << 20)
    task = asyncio.create_task(write_both(fifo, more_than_a_pipe_holds, b"", inline=inline))
    await turns(3)
    task.cancel()
    await turns(3)
    reader = await asyncio.to_thread(os.open, fifo, os.O_RDONLY)
    os.close(reader)  # nobody will read
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__context__, BrokenPipeError)


@where
async def test_closed_half_way_it_goes_on_by_itself(fifo: Path, inline: bool) -> None:
    coroutine = write_both(fifo, b"one", b"two", inline=inline)
    coroutine.send(None)
    coroutine.close()
    assert live_futures() == 1
    reads(fifo).join()
    assert seen == [b"onetwo"]
    wait_until(lambda: live_futures() == 0)


@where
def test_when_its_loop_is_closed_it_goes_on_by_itself(
    fifo: Path, inline: bool, loop_factory: NewLoop
) -> None:
    loop = loop_factory()
    task = loop.create_task(write_both(fifo, b"one", b"two", inline=inline))
    loop.run_until_complete(turns(3))
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    reads(fifo).join()
    assert seen == [b"onetwo"]
    wait_until(lambda: live_futures() == 0)


def test_before_it_has_begun_it_is_dropped_as_any_other(tmp_path: Path) -> None:
    write_both(tmp_path / "file", b"one", b"two").close()
    assert live_futures() == 0
    assert not (tmp_path / "file").exists()
