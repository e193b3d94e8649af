"""The twin and the Rust do the same."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import pytest

import in_python
from conftest import turns
from one_thread import sleep, yield_now
from recording import parties, trace


def test_a_future_comes_in(book: ModuleType) -> None:
    assert book.run(book.sleep(0.001, "slept")) == "slept"


def test_many_at_once(book: ModuleType) -> None:
    async def main() -> list[Any]:
        sleeps = (book.sleep(number / 100_000, number) for number in range(100))
        return await asyncio.gather(*sleeps, *(book.yield_now() for _ in range(100)))

    assert book.run(main()) == [*range(100), *[None] * 100]


def test_beside_what_asyncio_does(book: ModuleType) -> None:
    async def main() -> tuple[Any, ...]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        answer, slept, *_ = await asyncio.gather(
            process.communicate(b"hello"), book.sleep(0.001, "slept"), asyncio.sleep(0.001)
        )
        return answer[0], slept

    assert book.run(main()) == (b"hello", "slept")


def test_cancelled_it_is_gone(book: ModuleType) -> None:
    async def main() -> str:
        task = asyncio.create_task(book.sleep(1_000))
        await turns(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return "cancelled"

    assert book.run(main()) == "cancelled"


def test_neither_side_starves_the_other(book: ModuleType) -> None:
    async def main() -> bool:
        async def always() -> None:
            while True:
                await book.yield_now()

        tasks = [asyncio.create_task(always()) for _ in range(100)]
        await asyncio.sleep(0.001)
        await book.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return True

    assert book.run(main())


def test_what_comes_in_is_delivered_in_the_turn_of_its_poll() -> None:
    messages = parties(in_python.sleep(0.001, "slept"))
    assert messages.index(("selector", "deliver()", "Task")) == len(messages) - 3


def test_what_goes_between_a_task_and_a_coroutine() -> None:
    begins = [("send", None), ("yield", None), ("send", None)]
    assert trace(yield_now()) == [*begins, ("return", None)]
    assert trace(sleep(0.001, "slept")) == [
        *begins,
        ("yield", "Future"),
        ("send", None),
        ("return", "slept"),
    ]
