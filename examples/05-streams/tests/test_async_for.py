"""Whatever iterates asynchronously iterates over a Rust stream, on every event loop."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import trio
from aioitertools import builtins, itertools
from aiostream import stream as operators

import in_python
import native
import rust_streams
from conftest import Open, Run, all_of, taken
from rust_streams import count, failing, lines, live_streams, produce, produce_batches, ticks

MAKE: dict[str, Callable[[int], Any]] = {
    "native": native.count,
    "twin": in_python.count,
    "inline": rust_streams.count,
    "spawned": rust_streams.produce,
}
INLINE_AND_SPAWNED = {name: MAKE[name] for name in ("inline", "spawned")}


@pytest.fixture(params=MAKE)
def make(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    """Return a function that returns a stream of 0 to n - 1."""
    return MAKE[request.param]


@pytest.fixture(params=INLINE_AND_SPAWNED)
def make_rust(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    return MAKE[request.param]


def test_async_for_and_its_else(make: Callable[[int], Any], run: Run) -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []
        async for number in make(3):
            seen.append(number)
        else:
            seen.append("else")
        return seen

    assert run(main) == [0, 1, 2, "else"]


def test_comprehensions(make_rust: Callable[[int], Any], run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        listed = [number * 2 async for number in make_rust(5) if number % 2]
        unique = {number % 3 async for number in make_rust(9)}
        mapped = {number: str(number) async for number in make_rust(2)}
        generated = (number async for number in make_rust(3))
        return [listed, unique, mapped, await all_of(generated)]

    assert run_anywhere(main) == [[2, 6], {0, 1, 2}, {0: "0", 1: "1"}, [0, 1, 2]]


def test_anext_and_aiter(make_rust: Callable[[int], Any], run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        stream = make_rust(2)
        assert aiter(stream) is stream
        seen = [await anext(stream), await anext(stream, "default"), await anext(stream, "default")]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        return seen

    assert run_anywhere(main) == [0, 1, "default"]


def test_async_with_and_aclosing(make_rust: Callable[[int], Any], run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []
        async with make_rust(1_000_000) as stream:
            seen.append(await anext(stream))
        seen += [live_streams(), await anext(stream, "closed")]
        async with contextlib.aclosing(make_rust(1_000_000)) as stream:
            seen.append(await anext(stream))
        seen += [live_streams(), await anext(stream, "closed")]
        with pytest.raises(KeyError):
            async with make_rust(1_000_000) as stream:
                raise KeyError
        return [*seen, live_streams()]

    assert run_anywhere(main) == [0, 0, "closed", 0, 0, "closed", 0]


def test_the_abstract_class_knows_it(make_rust: Callable[[int], Any]) -> None:
    stream = make_rust(1)
    assert isinstance(stream, collections.abc.AsyncIterator)
    assert isinstance(stream, contextlib.AbstractAsyncContextManager)


def test_a_timeout_around_a_step(channel: Open, run: Run) -> None:
    async def main() -> Any:
        sender, stream = channel()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await anext(stream)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.001)
        sender.send("sent")
        async with asyncio.timeout(100):
            return await anext(stream)

    assert run(main) == "sent"


def test_a_scope_of_trio_around_a_step(rust_channel: Open) -> None:
    async def main() -> Any:
        sender, stream = rust_channel()
        for _ in range(3):
            with trio.move_on_after(0.001) as scope:
                await anext(stream)
            assert scope.cancelled_caught
        sender.send("sent")
        with trio.fail_after(100):
            return await anext(stream)

    assert trio.run(main) == "sent"


def test_a_step_is_what_makes_a_task(make: Callable[[int], Any], run: Run) -> None:
    async def main() -> list[int]:
        stream = make(4)
        return [
            await asyncio.ensure_future(stream.__anext__()),
            await asyncio.wait_for(anext(stream), 100),
            await asyncio.shield(anext(stream)),
        ]

    assert run(main) == [0, 1, 2]


def eager(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """`asyncio.eager_task_factory`, whatever options the loop gives to it."""
    options["eager_start"] = True
    return asyncio.Task(coroutine, loop=loop, **options)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager Tasks came with 3.12")
def test_eager_tasks(make: Callable[[int], Any], run: Run) -> None:
    """They step a coroutine before there is a Task of it that runs."""

    async def main() -> Any:
        asyncio.get_running_loop().set_task_factory(eager)
        return await asyncio.gather(*(all_of(make(300)) for _ in range(20)))

    assert run(main) == [list(range(300))] * 20


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager Tasks came with 3.12")
def test_an_eager_task_of_ready_items_is_done_at_once() -> None:
    async def main() -> bool:
        asyncio.get_running_loop().set_task_factory(eager)
        return asyncio.ensure_future(all_of(count(100))).done()

    assert asyncio.run(main())


def test_many_at_once(make: Callable[[int], Any], run: Run) -> None:
    async def main() -> Any:
        return await asyncio.gather(*(all_of(make(100)) for _ in range(100)))

    assert run(main) == [list(range(100))] * 100


def test_many_at_once_under_trio(make_rust: Callable[[int], Any]) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(one)

    async def one() -> None:
        results.append(await all_of(make_rust(100)))

    results: list[list[int]] = []
    trio.run(main)
    assert results == [list(range(100))] * 100


def test_by_several_tasks_in_turn(make: Callable[[int], Any], run: Run) -> None:
    """A queue of work: each Task takes an item when no other is taking one."""

    async def main() -> list[int]:
        stream, lock, seen = make(300), asyncio.Lock(), []

        async def work() -> None:
            while True:
                async with lock:
                    number = await anext(stream, None)
                if number is None:
                    return
                seen.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(work() for _ in range(10)))
        return sorted(seen)

    assert run(main) == list(range(300))


def test_operators_of_aiostream(make_rust: Callable[[int], Any], run: Run) -> None:
    async def main() -> list[Any]:
        squares: Any = operators.map(make_rust(10), lambda number, *_: number * number)
        async with operators.chunks(squares, 4).stream() as chunks:
            chunked = await all_of(chunks)
        begun = await operators.list(operators.take(make_rust(1_000_000), 3))
        async with operators.merge(make_rust(50), make_rust(50)).stream() as merged:
            both = await all_of(merged)
        return [chunked, begun, sorted(both)]

    squares = [number * number for number in range(10)]
    chunks = [squares[:4], squares[4:8], squares[8:]]
    assert run(main) == [chunks, [0, 1, 2], sorted([*range(50)] * 2)]


def test_operators_of_aioitertools(make_rust: Callable[[int], Any], run: Run) -> None:
    async def main() -> list[Any]:
        return [
            await all_of(builtins.zip(make_rust(3), make_rust(2))),
            await all_of(builtins.enumerate(make_rust(2), 5)),
            await builtins.sum(make_rust(100)),
            await all_of(itertools.islice(make_rust(1_000_000), 2)),
            await all_of(itertools.chain(make_rust(2), make_rust(2))),
        ]

    whole = [[(0, 0), (1, 1)], [(5, 0), (6, 1)], 4950, [0, 1], [0, 1, 0, 1]]
    assert run(main) == whole


def test_debug_mode(make_rust: Callable[[int], Any], run: Run) -> None:
    async def main() -> list[int]:
        asyncio.get_running_loop().set_debug(True)
        return await all_of(make_rust(300))

    assert run(main) == list(range(300))


CALLS: dict[str, Callable[[], Any]] = {
    "count": lambda: count(10**18),
    "ticks": lambda: ticks(0, 10**18),
    "lines": lambda: lines("demo.py"),
    "produce": lambda: produce(10**18),
    "produce_batches": lambda: produce_batches(10**18, 10),
    "failing": lambda: failing(0),
}


@pytest.mark.parametrize("name", CALLS)
def test_dropped_without_a_step_it_says_nothing(name: str) -> None:
    """As a generator: what was not begun needs no end."""
    stream = CALLS[name]()
    assert live_streams() == 1
    del stream
    assert live_streams() == 0


def test_the_end_is_for_ever(make: Callable[[int], Any], run: Run) -> None:
    async def main() -> None:
        stream = make(3)
        await taken(stream, 3)
        for _ in range(300):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    run(main)


def test_an_error_comes_once_and_then_the_end(book: ModuleType, run: Run) -> None:
    async def main() -> None:
        stream = book.failing(1)
        assert await anext(stream) == 0
        with pytest.raises(ValueError, match="failed after 1 items"):
            await anext(stream)
        for _ in range(3):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(main)


@pytest.mark.parametrize("begun", [False, True])
def test_after_aclose_there_is_nothing(begun: bool, make: Callable[[int], Any], run: Run) -> None:
    async def main() -> None:
        stream = make(1_000)
        if begun:
            await anext(stream)
        for _ in range(3):
            assert await stream.aclose() is None
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    run(main)
