"""The solutions to the README's exercises do what the exercises ask for, and so shall yours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import rust_futures
from conftest import Run

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
