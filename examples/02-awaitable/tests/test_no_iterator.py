"""`NoIterator`: having `__await__` is not enough."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from awaitable import Handoff, NoIterator
from samples import native, outcome, run

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


def test_a_rust_class_without_an_iterator_is_refused_as_well() -> None:
    expected = str(outcome(lambda: run(NoIterator())))
    if sys.version_info < (3, 15):  # see "A type's full name" in README.md
        expected = expected.replace("awaitable.NoIterator", "NoIterator")
    awaitable: Any = NoIterator()
    assert str(outcome(lambda: run(Handoff(awaitable)))) == expected
