"""While Rust works, the loop goes on, and so does the interpreter."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Run, wait_until
from rust_futures import (
    beat,
    compute,
    first_try_compute,
    hash_file,
    live_futures,
    pending,
    sleep,
)
from soak import Often

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


@unix
def test_while_a_file_keeps_it_waiting_the_loop_goes_on(run_anywhere: Run, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def main() -> str:
        coroutine = hash_file(fifo)
        writer = threading.Thread(target=lambda: gate.wait() and fifo.write_bytes(b"at last"))
        writer.start()
        for _ in range(100):
            await sleep(0)  # the loop goes on: these come back while that one waits
        gate.set()
        digest = await coroutine
        writer.join()
        return digest

    gate = threading.Event()
    assert run_anywhere(main) == hashlib.sha256(b"at last").hexdigest()


def test_many_hashes_at_once(run: Run, tmp_path: Path) -> None:
    contents = [os.urandom(200_000) for _ in range(50)]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)

    async def main() -> list[str]:
        return await asyncio.gather(*(hash_file(tmp_path / str(number)) for number in range(50)))

    assert run(main) == [hashlib.sha256(content).hexdigest() for content in contents]


def beating(run: Callable[[], object]) -> object:
    """Run this while another thread does nothing but call `beat`."""
    ended = threading.Event()

    def beats() -> None:
        while not ended.is_set():
            beat()

    thread = threading.Thread(target=beats)
    thread.start()
    try:
        return run()
    finally:
        ended.set()
        thread.join()


def test_other_threads_run_while_rust_computes(run: Run) -> None:
    assert beating(lambda: run(compute)) is True


@pytest.mark.skipif(not GIL, reason="without a GIL there is nothing to hold")
def test_but_not_by_the_first_bridge() -> None:
    async def main() -> bool:
        return await first_try_compute()

    assert beating(lambda: asyncio.run(main())) is False


def test_a_great_many_in_flight_at_once(run: Run, often: Often) -> None:
    number = often(20_000, 100_000)

    async def main() -> int:
        tasks = [asyncio.create_task(sleep(0.01, number)) for number in range(number)]
        tasks.append(asyncio.create_task(pending()))
        await asyncio.sleep(0)
        assert live_futures() > 0
        total = sum([await task for task in tasks[:-1]])
        tasks.pop().cancel()
        return total

    assert run(main) == number * (number - 1) // 2
    wait_until(lambda: live_futures() == 0)
