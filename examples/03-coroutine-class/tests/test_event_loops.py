"""asyncio, uvloop and trio take the coroutines as if they were native ones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import trio

from coroutine_class import FirstTry, countdown, delegate, my_coroutine

uvloop: Any = pytest.importorskip("uvloop") if sys.platform != "win32" else None

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    **({"uvloop": uvloop.new_event_loop} if uvloop else {}),
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Run a coroutine on a fresh loop of either kind."""

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main)

    return run


def test_run_takes_it_directly(book: ModuleType, run: Callable[[Any], Any]) -> None:
    assert run(book.my_coroutine()) == "Ended"
    assert run(book.countdown(3)) == "liftoff"
    assert run(book.delegate(asyncio.sleep(0, "slept"))) == "slept"


def test_tasks_groups_and_gather_take_it(book: ModuleType, run: Callable[[Any], Any]) -> None:
    async def main() -> list[object]:
        task = asyncio.create_task(book.countdown(2))
        async with asyncio.TaskGroup() as group:
            member = group.create_task(book.delegate(book.countdown(1)))
        gathered = await asyncio.gather(book.my_coroutine(), asyncio.shield(book.countdown(1)))
        return [await task, member.result(), *gathered]

    assert run(main()) == ["liftoff", "liftoff", "Ended", "liftoff"]


def test_tasks_take_turns(run: Callable[[Any], Any], book: ModuleType) -> None:
    order: list[str] = []

    class Says:
        def __init__(self, name: str) -> None:
            self.name = name

        def __await__(self) -> Any:
            for _ in range(2):
                order.append(self.name)
                yield

    async def main() -> None:
        await asyncio.gather(book.delegate(Says("a")), book.delegate(Says("b")))

    run(main())
    assert order == ["a", "b", "a", "b"]


def test_a_timeout_cancels_what_is_awaited(book: ModuleType, run: Callable[[Any], Any]) -> None:
    cancelled = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("yes")
            raise

    async def main() -> None:
        for way in (asyncio.timeout, asyncio.wait_for):
            with pytest.raises(TimeoutError):
                if way is asyncio.timeout:
                    async with asyncio.timeout(0):
                        await book.delegate(waits())
                else:
                    await asyncio.wait_for(book.delegate(waits()), timeout=0.01)

    run(main())
    assert cancelled == ["yes", "yes"]


def test_a_cancelled_countdown_stops(book: ModuleType, run: Callable[[Any], Any]) -> None:
    async def main() -> None:
        task = asyncio.create_task(book.countdown(10**9))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_take_it(book: ModuleType) -> None:
    async def main() -> list[object]:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        done = asyncio.create_task(book.my_coroutine())
        assert done.done()
        return [await done, await asyncio.create_task(book.countdown(2))]

    assert asyncio.run(main()) == ["Ended", "liftoff"]


def test_trio_takes_what_asks_for_nothing_or_in_its_own_words(book: ModuleType) -> None:
    assert trio.run(book.my_coroutine) == "Ended"

    async def main() -> object:
        return await book.delegate(trio.lowlevel.checkpoint())

    assert trio.run(main) is None


def test_a_trio_cancel_scope_reaches_what_is_awaited(book: ModuleType) -> None:
    async def main() -> bool:
        with trio.CancelScope() as scope:
            scope.cancel()
            await book.delegate(trio.sleep_forever())
        return scope.cancelled_caught

    assert trio.run(main)


def test_trio_refuses_a_bare_yield(book: ModuleType) -> None:
    with pytest.raises(TypeError, match="unrecognized yield message None"):
        trio.run(book.countdown, 1)


def test_the_first_try_can_be_awaited_and_not_started(run: Callable[[Any], Any]) -> None:
    async def main() -> str:
        with pytest.raises(TypeError, match="a coroutine was expected"):
            first_try: Any = FirstTry()
            asyncio.create_task(first_try)  # noqa: RUF006
        result: str = await FirstTry()
        return result

    assert run(main()) == "Ended"


def test_rust_all_the_way_down(run: Callable[[Any], Any]) -> None:
    tower: Any = countdown(2)
    for _ in range(50):
        tower = delegate(tower)
    assert run(tower) == "liftoff"
    assert run(delegate(my_coroutine())) == "Ended"
