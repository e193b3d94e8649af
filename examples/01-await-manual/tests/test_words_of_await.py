"""The README's table of what `await` says is what this Python says, and what `drive` says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from samples import Returns, hello_after

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
KEPT: list[Any] = []
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


async def foo() -> str:
    return "hello"


def awaited() -> Any:
    coroutine = hello_after(0)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return coroutine


def shared() -> Any:
    async def awaits(coroutine: Any) -> None:
        await coroutine

    coroutine = hello_after(1)
    KEPT.append(awaits(coroutine))  # dropped, it would close what it awaits
    KEPT[-1].send(None)
    return coroutine


class ReturnsInMain(Returns):
    """3.15 names a class with its module, but not where the module is `__main__`."""


ReturnsInMain.__module__, ReturnsInMain.__qualname__ = "__main__", "Returns"
ReturnsInMain.__name__ = "Returns"

OBJECTS: dict[str, Callable[[], Any]] = {
    "`5`": lambda: 5,
    "`foo`": lambda: foo,
    "`Returns(5)`": lambda: ReturnsInMain(5),
    "`shared`": shared,
    "`awaited`": awaited,
}


def words_in_the_readme() -> dict[str, str]:
    """Return this version's column of the table."""
    table = README[README.index("| | 3.11, 3.12, 3.13 |") :].split("\n\n")[0].replace("\\_", "_")
    head, _, *rows = ([cell.strip() for cell in line.split("|")] for line in table.splitlines())
    column = next(i for i, title in enumerate(head) if VERSION in title)
    return {row[1]: row[column] for row in rows}


def test_the_table_is_of_these_objects() -> None:
    assert list(words_in_the_readme()) == list(OBJECTS)


@pytest.mark.parametrize("name", OBJECTS)
def test_await_says_it(name: str) -> None:
    async def native() -> None:
        await OBJECTS[name]()

    with pytest.raises((TypeError, RuntimeError)) as caught:
        native().send(None)
    assert f"{caught.typename}: {caught.value}" == words_in_the_readme()[name]


@pytest.mark.parametrize("name", OBJECTS)
def test_drive_says_it(book: ModuleType, name: str) -> None:
    with pytest.raises((TypeError, RuntimeError)) as caught:
        book.drive(OBJECTS[name]())
    assert f"{caught.typename}: {caught.value}" == words_in_the_readme()[name]
