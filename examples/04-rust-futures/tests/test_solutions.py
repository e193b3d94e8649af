"""The solutions to the README's exercises do what the exercises ask for, and so shall yours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import rust_futures
from conftest import Run, open_if_read

Both = Callable[[Path, Path], Coroutine[Any, Any, tuple[str, str]]]


@pytest.fixture(params=["my_hash_both", "hash_both"])
def both(request: pytest.FixtureRequest) -> Both:
    """The function in `src/exercises.rs`, once it is written, and ours."""

    chosen: Any = getattr(rust_futures, request.param)

    def both(first: Path, second: Path) -> Coroutine[Any, Any, tuple[str, str]]:
        try:
            made: Coroutine[Any, Any, tuple[str, str]] = chosen(first, second)
        except NotImplementedError as error:
            pytest.skip(str(error))
        return made

    return both


def test_both_digests_in_order(both: Both, run_anywhere: Run, tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_text(file.name)

    async def main() -> tuple[str, str]:
        return await both(*files)

    digests = [hashlib.sha256(name).hexdigest() for name in (b"one", b"two")]
    assert list(run_anywhere(main)) == digests


def test_the_one_that_fails_is_named(both: Both, run_anywhere: Run, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")

    async def main() -> tuple[str, str]:
        return await both(tmp_path / "one", tmp_path / "missing")

    with pytest.raises(FileNotFoundError, match="missing"):
        run_anywhere(main)


unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


@pytest.fixture
def pipes(tmp_path: Path) -> list[Path]:
    """Two named pipes: who reads one waits until somebody writes."""
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        os.mkfifo(path)
    return paths


@unix
def test_both_are_read_at_the_same_time(both: Both, pipes: list[Path]) -> None:
    """The second is written first. Who reads them one after the other waits for ever."""

    def write() -> None:
        for path in reversed(pipes):
            path.write_bytes(path.name.encode())

    async def main() -> tuple[str, str]:
        coroutine = both(*pipes)
        writer = threading.Thread(target=write)
        writer.start()
        digests = await coroutine
        writer.join()
        return digests

    digests = [hashlib.sha256(name).hexdigest() for name in (b"one", b"two")]
    assert list(asyncio.run(main())) == digests


@unix
def test_the_other_is_not_waited_for(both: Both, pipes: list[Path], tmp_path: Path) -> None:
    async def main() -> None:
        with contextlib.suppress(FileNotFoundError):
            await both(pipes[0], tmp_path / "missing")
            pytest.fail("it is missing")

    asyncio.run(main())  # nobody has written to the pipe
    if writer := open_if_read(pipes[0]):
        os.close(writer)
