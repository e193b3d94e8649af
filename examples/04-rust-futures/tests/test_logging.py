"""What Rust logs reaches Python's `logging`, and no worker waits for Python to get it there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import pytest

from conftest import Run, turns
from rust_futures import collect_logs, hash_file, live_futures, next_logs


async def forward() -> None:
    """Hand on what Rust logs, until it is cancelled: the Task that a program starts for it."""
    while True:
        for name, level, message in await next_logs():
            logging.getLogger(name).log(level, "%s", message)


def test_a_task_hands_the_logs_to_python(
    run_anywhere: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    collect_logs(logging.DEBUG)

    async def main() -> None:
        await hash_file(tmp_path / "file")
        for name, level, message in await next_logs():
            logging.getLogger(name).log(level, "%s", message)

    with caplog.at_level(logging.DEBUG):
        run_anywhere(main)
    records = [record for record in caplog.records if record.name.startswith("rust_futures")]
    assert [(record.name, record.levelname, record.getMessage()) for record in records] == [
        ("rust_futures.functions", "DEBUG", f"hashing {tmp_path / 'file'}")
    ]


async def test_the_task_runs_beside_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collect_logs(logging.DEBUG)
    (tmp_path / "file").write_bytes(b"content")
    with caplog.at_level(logging.DEBUG):
        task = asyncio.create_task(forward())
        await asyncio.gather(*(hash_file(tmp_path / "file") for _ in range(100)))
        while sum("hashing" in record.getMessage() for record in caplog.records) < 100:
            await turns(1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_cancelled_next_loses_nothing(tmp_path: Path) -> None:
    collect_logs(logging.DEBUG)
    task = asyncio.create_task(next_logs())
    await turns(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (tmp_path / "file").write_bytes(b"content")
    await hash_file(tmp_path / "file")
    assert len(await next_logs()) == 1


def test_to_log_waits_for_nobody_who_holds_the_interpreter(tmp_path: Path) -> None:
    """A worker logs and finishes while this thread never lets go of Python."""
    collect_logs(logging.DEBUG)
    (tmp_path / "file").write_bytes(b"content")

    async def main() -> int:
        coroutine = hash_file(tmp_path / "file")
        coroutine.send(None)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1_000)  # nobody who asks for the GIL gets it
        try:
            while live_futures():
                pass
        finally:
            sys.setswitchinterval(interval)
        coroutine.close()
        return len(await next_logs())

    assert asyncio.run(main()) == 1


def test_below_the_level_nothing_is_kept(tmp_path: Path) -> None:
    collect_logs(logging.INFO)
    (tmp_path / "file").write_bytes(b"content")

    async def main() -> bool:
        await hash_file(tmp_path / "file")
        task = asyncio.create_task(next_logs())
        await turns(3)
        done = task.done()
        task.cancel()
        return done

    assert asyncio.run(main()) is False
