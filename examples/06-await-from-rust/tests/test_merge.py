"""Several async iterables as one: what comes, as it comes, and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import anyio
import pytest
from test_functions import Items

from conftest import Hook, Run, cancelled_when, turns


@pytest.fixture
def book(book: ModuleType) -> ModuleType:
    if not hasattr(book, "merge"):
        pytest.skip("Python has no such function of its own")
    return book


def test_all_items_come_and_those_of_one_in_order(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        iterables = [Items(*(f"{name}{number}" for number in range(10))) for name in "abc"]
        return [item async for item in book.merge(*iterables)]

    items = run(main)
    assert sorted(items) == sorted(f"{name}{number}" for name in "abc" for number in range(10))
    for name in "abc":
        mine = [item for item in items if item.startswith(name)]
        assert mine == sorted(mine)


def test_of_nothing_there_is_nothing(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        return [item async for item in book.merge()], [item async for item in book.merge(Items())]

    assert run(main) == ([], [])


class Slow:
    """An async iterator whose one item comes when it is let go."""

    def __init__(self) -> None:
        self.hook, self.closed = Hook("slow"), anyio.Event()

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            yield await self.hook()
        finally:
            with anyio.CancelScope(shield=True):
                await turns(2)
            self.closed.set()


def test_who_is_slow_does_not_hold_up_the_others(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        slow, items = Slow(), []
        async for item in book.merge(slow, Items(1, 2, 3)):
            items.append(item)
            if item == 3:
                slow.hook.go.set()
        return items

    assert run(main) == [1, 2, 3, "slow"]


def test_an_error_closes_the_others(book: ModuleType, run: Run) -> None:
    error = KeyError("half-way")

    async def main() -> Any:
        slow, items = Slow(), []
        with pytest.raises(KeyError) as raised:
            async for item in book.merge(slow, Items(1, 2, error=error)):
                items.append(item)
        assert raised.value is error
        return items, slow.closed.is_set(), slow.hook.ends

    assert run(main) == ([1, 2], True, 1)


def test_to_close_it_is_to_close_them_all(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        slow, items = Slow(), Items(1, 2, 3)
        merged = book.merge(slow, items)
        assert await anext(merged) == 1
        await merged.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(merged)
        return slow.closed.is_set(), items.closed.is_set()

    assert run(main) == (True, True)


def test_what_was_not_begun_is_closed_in_silence(book: ModuleType, run: Run) -> None:
    async def main() -> None:
        await book.merge(Items(1), Slow()).aclose()

    run(main)


def test_a_cancelled_await_loses_no_item(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        slow = Slow()
        merged = book.merge(slow, Items(1))
        assert await anext(merged) == 1

        async def awaits() -> Any:
            return await anext(merged)

        await cancelled_when(slow.hook.begun, awaits)
        slow.hook.go.set()
        return [item async for item in merged]

    assert run(main) == ["slow"]
