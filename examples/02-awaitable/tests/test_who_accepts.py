"""The README's tables of who accepts an awaitable that is not a coroutine, checked here and now."""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from awaitable import WithoutIter

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


async def create_task(x: Any) -> Any:
    return await asyncio.create_task(x)


async def ensure_future(x: Any) -> Any:
    return await asyncio.ensure_future(x)


async def gather(x: Any) -> Any:
    (result,) = await asyncio.gather(x)
    return result


async def wait_for(x: Any) -> Any:
    return await asyncio.wait_for(x, timeout=60)


async def shield(x: Any) -> Any:
    return await asyncio.shield(x)


async def task_group(x: Any) -> Any:
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(x)
    except* TypeError as errors:
        raise errors.exceptions[0] from None
    return task.result()


async def plain_await(x: Any) -> Any:
    return await x


def in_a_loop(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: asyncio.run(function(x))


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "`await x`": in_a_loop(plain_await),
    "`asyncio.run(x)`": asyncio.run,
    "`asyncio.create_task(x)`": in_a_loop(create_task),
    "`TaskGroup.create_task(x)`": in_a_loop(task_group),
    "`asyncio.ensure_future(x)`": in_a_loop(ensure_future),
    "`asyncio.gather(x)`": in_a_loop(gather),
    "`asyncio.wait_for(x, 60)`": in_a_loop(wait_for),
    "`asyncio.shield(x)`": in_a_loop(shield),
    "`inspect.isawaitable(x)`": inspect.isawaitable,
    "`asyncio.iscoroutine(x)`": asyncio.iscoroutine,
}


def answer(question: Callable[[Any], Any], x: Any) -> str:
    """Return the table's cell: the result, or the type of the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a coroutine of asyncio's own was never awaited
        try:
            return f"`{question(x)!r}`"
        except Exception as error:
            return type(error).__name__


def column(title: str) -> dict[str, str]:
    """Return the cells for the Python that runs, of the README's table that begins with `title`."""
    table = README[README.index(f"| {title} |") :].split("\n\n")[0]
    head, _, *rows = ([cell.strip() for cell in line.split("|")] for line in table.splitlines())
    here = next(i for i, versions in enumerate(head) if VERSION in versions.split(", "))
    return {row[1]: row[here] for row in rows}


def test_the_tables_ask_these_questions() -> None:
    assert list(column("`x = Ready(5)`")) == list(QUESTIONS)
    assert set(column("`x = WithoutIter(5)`")) < set(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_accepts_an_awaitable(book: ModuleType, question: str) -> None:
    expected = column("`x = Ready(5)`")[question]
    assert answer(QUESTIONS[question], book.Ready(5)) == expected


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_needs_iter(question: str) -> None:
    with_iter, without = column("`x = Ready(5)`"), column("`x = WithoutIter(5)`")
    expected = without.get(question, with_iter[question])
    assert answer(QUESTIONS[question], WithoutIter(5)) == expected
