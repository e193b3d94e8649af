"""The solutions to the README's exercises do what the exercises ask for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from conftest import Run
from rust_futures import hash_both


def test_both_digests_in_order(run_anywhere: Run, tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_text(file.name)

    async def main() -> tuple[str, str]:
        return await hash_both(*files)

    digests = [hashlib.sha256(name).hexdigest() for name in (b"one", b"two")]
    assert list(run_anywhere(main)) == digests


def test_the_one_that_fails_is_named(run_anywhere: Run, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")

    async def main() -> tuple[str, str]:
        return await hash_both(tmp_path / "one", tmp_path / "missing")

    with pytest.raises(FileNotFoundError, match="missing"):
        run_anywhere(main)
