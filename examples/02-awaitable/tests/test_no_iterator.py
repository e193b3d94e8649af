"""`NoIterator`: having `__await__` is not enough."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

from awaitable import NoIterator
from samples import native

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_it_looks_awaitable(book: ModuleType) -> None:
    assert inspect.isawaitable(book.NoIterator())


def test_awaiting_it_is_a_type_error_that_names_await(book: ModuleType) -> None:
    with pytest.raises(TypeError, match="__await__"):
        native(book.NoIterator()).send(None)


def test_the_readme_has_its_words() -> None:
    with pytest.raises(TypeError) as caught:
        native(NoIterator()).send(None)
    (row,) = (line for line in README.splitlines() if line.startswith("| 3.") and VERSION in line)
    assert f"TypeError: {caught.value}" in row.replace("\\_", "_")
