"""The solutions to the README's exercises do what the exercises ask for, and so shall yours."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rust_streams
from conftest import Run, all_of

Merged = Callable[[Path, Path], Any]
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


@pytest.fixture(params=["my_merged_lines", "merged_lines"])
def merged(request: pytest.FixtureRequest) -> Merged:
    """The function in `src/exercises.rs`, once it is written, and ours."""
    chosen: Any = getattr(rust_streams, request.param)

    def merged(first: Path, second: Path) -> Any:
        try:
            return chosen(first, second)
        except NotImplementedError as error:
            pytest.skip(str(error))

    return merged


def test_all_lines_of_both(merged: Merged, run_anywhere: Run, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1\n2\n3")
    (tmp_path / "two").write_text("a\nb\n")

    async def main() -> list[str]:
        return await all_of(merged(tmp_path / "one", tmp_path / "two"))

    seen = run_anywhere(main)
    assert [line for line in seen if line.isdigit()] == ["1", "2", "3"]
    assert [line for line in seen if line.isalpha()] == ["a", "b"]


def test_the_one_that_is_missing_is_named(merged: Merged, run: Run, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1\n")

    async def main() -> None:
        await all_of(merged(tmp_path / "one", tmp_path / "missing"))

    with pytest.raises(FileNotFoundError, match="missing"):
        run(main)


@unix
def test_each_line_as_it_comes(merged: Merged, run: Run, tmp_path: Path) -> None:
    """The second is written first. Who reads them one after the other waits for ever."""
    pipes = [tmp_path / "one", tmp_path / "two"]
    for pipe in pipes:
        os.mkfifo(pipe)

    async def main() -> list[str]:
        stream = merged(*pipes)
        writer = threading.Thread(target=write)
        writer.start()
        seen = [await anext(stream)]
        go_on.set()
        seen += await all_of(stream)
        await asyncio.to_thread(writer.join)
        return seen

    def write() -> None:
        for pipe in reversed(pipes):
            pipe.write_text(f"of {pipe.name}\n")
            go_on.wait()

    go_on = threading.Event()
    assert run(main) == ["of two", "of one"]
