"""What each function does, on every loop: native, in plain Python and in Rust alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import anyio
import pytest

from conftest import Hook, Run, cancelled_when, turns


async def give(value: Any = None) -> Any:
    await turns(1)
    return value


async def fail() -> None:
    await turns(1)
    raise ValueError("no")


def test_call_gives_the_very_result(book: ModuleType, run: Run) -> None:
    async def add(one: list[int], other: list[int]) -> list[int]:
        await turns(1)
        return one if other else other

    async def main() -> bool:
        one: list[int] = []
        return await book.call(add, one, [1]) is one

    assert run(main)


def test_call_all_gives_the_results_in_order(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        slow, quick = Hook("slow"), Hook("quick")
        quick.go.set()

        async def releases() -> str:
            await quick()
            slow.go.set()  # the first can only end after the second has begun: all are at it
            return "quick"

        return await book.call_all([slow, releases]), await book.call_all([])

    assert run(main) == (["slow", "quick"], [])


def test_call_all_waits_for_those_that_an_error_cancels(book: ModuleType, run: Run) -> None:
    async def main() -> None:
        hooks = [Hook(), Hook()]

        async def fails() -> None:
            for hook in hooks:
                await hook.begun.wait()
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await book.call_all([hooks[0], fails, hooks[1]])
        assert [hook.ends for hook in hooks] == [1, 1]

    run(main)


def test_first_waits_for_those_that_come_too_late(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        late = [Hook(), Hook()]

        async def wins() -> str:
            for hook in late:
                await hook.begun.wait()
            return "won"

        return await book.first([late[0], wins, late[1]]), [hook.ends for hook in late]

    assert run(main) == ("won", [1, 1])


def test_with_timeout_raises_when_the_function_has_ended(book: ModuleType, run: Run) -> None:
    async def main() -> int:
        hook = Hook()
        with pytest.raises(TimeoutError):
            await book.with_timeout(hook, 0.01)
        return hook.ends

    assert run(main) == 1


def test_with_timeout_gives_what_comes_in_time(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        return await book.with_timeout(lambda: give("in time"), 1_000)

    assert run(main) == "in time"


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_retry_goes_on_until_it_succeeds(book: ModuleType, run: Run, failures: int) -> None:
    calls = 0

    async def function() -> int:
        nonlocal calls
        calls += 1
        await turns(1)
        if calls <= failures:
            raise ValueError(calls)
        return calls

    async def main() -> Any:
        return await book.retry(function, 4, 0.0001)

    assert run(main) == failures + 1 == calls


def test_retry_raises_the_last_error_as_it_is(book: ModuleType, run: Run) -> None:
    errors: list[ValueError] = []

    async def function() -> None:
        errors.append(ValueError(len(errors)))
        raise errors[-1]

    async def main() -> None:
        await book.retry(function, 3, 0)

    with pytest.raises(ValueError, match="2") as raised:
        run(main)
    assert raised.value is errors[-1]
    assert len(errors) == 3


def test_retry_is_no_reason_to_ignore_a_cancellation(book: ModuleType, run: Run) -> None:
    async def main() -> int:
        hook = Hook()
        await cancelled_when(hook.begun, lambda: book.retry(hook, 10, 0))
        return hook.ends

    assert run(main) == 1


def test_map_concurrently_keeps_the_order_and_the_limit(book: ModuleType, run: Run) -> None:
    at_work, most = 0, 0

    async def double(item: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await turns(10 - item % 10)
        at_work -= 1
        return 2 * item

    async def main() -> Any:
        return await book.map_concurrently(double, range(50), 7)

    assert run(main) == list(range(0, 100, 2))
    assert most == 7


class Items:
    """An async generator that says when it is closed, and perhaps fails at its end."""

    def __init__(self, *items: Any, error: Exception | None = None) -> None:
        self.items, self.error, self.closed = items, error, anyio.Event()

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            for item in self.items:
                await turns(1)
                yield item
            if self.error:
                raise self.error
        finally:
            with anyio.CancelScope(shield=True):
                await turns(1)
            self.closed.set()


def test_collect_makes_a_list(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        items = Items(1, 2, 3)
        return await book.collect(items), items.closed.is_set()

    assert run(main) == ([1, 2, 3], True)


def test_collect_raises_what_the_iterable_raises(book: ModuleType, run: Run) -> None:
    error = KeyError("half-way")

    async def main() -> None:
        await book.collect(Items(1, 2, error=error))

    with pytest.raises(KeyError) as raised:
        run(main)
    assert raised.value is error


def test_collect_takes_an_iterator_that_is_no_generator(book: ModuleType, run: Run) -> None:
    class CountsDown:
        left = 3

        def __aiter__(self) -> CountsDown:
            return self

        async def __anext__(self) -> int:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return self.left

    async def main() -> Any:
        return await book.collect(CountsDown())

    assert run(main) == [2, 1, 0]


def test_collect_closes_the_iterable_when_it_is_cancelled(book: ModuleType, run: Run) -> None:
    async def main() -> bool:
        hook, items = Hook(), Items(1)

        async def waits() -> AsyncIterator[Any]:
            async for item in items:
                yield item
            try:
                yield await hook()
            finally:
                hook.ends += 10

        await cancelled_when(hook.begun, lambda: book.collect(waits()))
        return items.closed.is_set() and hook.ends == 11

    assert run(main)


@pytest.mark.parametrize("name", ["call", "call_all", "first", "with_timeout", "retry"])
def test_an_error_is_raised_as_it_is(book: ModuleType, run: Run, name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "call": (fail,),
        "call_all": ([fail],),
        "first": ([fail],),
        "with_timeout": (fail, 1_000),
        "retry": (fail, 2, 0),
    }

    async def main() -> None:
        await getattr(book, name)(*arguments[name])

    with pytest.raises(ValueError, match="no"):
        run(main)


@pytest.mark.parametrize("name", ["call", "call_all", "first", "with_timeout", "retry", "map"])
def test_each_is_cancelled_when_the_await_is(book: ModuleType, run: Run, name: str) -> None:
    """And its `finally` has run, with all that it awaits, when the `await` raises."""

    async def main() -> int:
        hook = Hook()
        calls = {
            "call": lambda: book.call(hook),
            "call_all": lambda: book.call_all([hook]),
            "first": lambda: book.first([hook]),
            "with_timeout": lambda: book.with_timeout(hook, 1_000),
            "retry": lambda: book.retry(hook, 3, 0),
            "map": lambda: book.map_concurrently(lambda item: hook(), [1], 1),
        }
        await cancelled_when(hook.begun, calls[name])
        return hook.ends

    assert run(main) == 1
