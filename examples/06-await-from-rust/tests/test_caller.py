"""From where Rust can call Python: a worker, a task spawned by hand, a thread of one's own."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import trio

import await_from_rust
from await_from_rust import (
    LoopHandle,
    call,
    call_both_ways,
    call_from_nowhere,
    call_from_task,
    call_from_thread,
    call_from_worker,
)
from conftest import LOOPS, Hook, Run, cancelled_when, runs_on, turns, wait_until

Anywhere = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody's")


@pytest.fixture(params=[call, call_from_worker, call_from_task, call_from_thread])
def call_it(request: pytest.FixtureRequest) -> Anywhere:
    function: Anywhere = request.param
    return function


async def give(value: Any) -> Any:
    await turns(1)
    return value


def test_the_result_comes_back(run_anywhere: Run, call_it: Anywhere) -> None:
    result = object()

    async def main() -> None:
        assert await call_it(lambda: give(result)) is result

    run_anywhere(main)


def test_so_does_the_error_with_its_traceback(run_anywhere: Run, call_it: Anywhere) -> None:
    error = ValueError("no")

    async def raises() -> None:
        await turns(1)
        raise error

    async def main() -> None:
        await call_it(raises)

    with pytest.raises(ValueError, match="no") as raised:
        run_anywhere(main)
    assert raised.value is error
    assert raised.traceback[-1].name == "raises"


def test_it_runs_on_the_thread_of_the_loop(run_anywhere: Run, call_it: Anywhere) -> None:
    async def main() -> None:
        async def thread() -> int:
            await turns(1)
            return threading.get_ident()

        assert await call_it(thread) == threading.get_ident()

    run_anywhere(main)


def test_it_finds_the_context_of_the_coroutine(run_anywhere: Run, call_it: Anywhere) -> None:
    """A copy of it: what it changes is seen by itself only, as in any Task."""

    async def reads_and_writes() -> str:
        await turns(1)
        found = variable.get()
        variable.set("the function's")
        return found

    async def main() -> None:
        variable.set("the coroutine's")
        assert await call_it(reads_and_writes) == "the coroutine's"
        assert variable.get() == "the coroutine's"

    run_anywhere(main)


def test_what_cannot_be_awaited_is_refused_as_by_await(
    run_anywhere: Run, call_it: Anywhere
) -> None:
    async def awaits_it() -> None:
        await 5  # type: ignore[misc]

    async def main() -> None:
        with pytest.raises(TypeError) as expected:
            await awaits_it()
        with pytest.raises(TypeError) as raised:
            await call_it(lambda: 5)
        assert str(raised.value) == str(expected.value)

    run_anywhere(main)


def test_a_task_that_nobody_awaits_and_that_has_no_handle_is_told(run_anywhere: Run) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="no coroutine awaits"):
            await call_from_nowhere(lambda: give(1))

    run_anywhere(main)


def test_a_handle_and_the_future_itself_at_once(run_anywhere: Run) -> None:
    """Each lets the other go on: neither could end alone."""

    async def main() -> Any:
        one, other = Hook("one"), Hook("other")

        async def first() -> Any:
            other.go.set()
            return await one()

        async def second() -> Any:
            one.go.set()
            return await other()

        return await call_both_ways(first, second)

    assert run_anywhere(main) == ("one", "other")


def test_a_task_spawned_by_hand_is_not_waited_for(run_anywhere: Run) -> None:
    """It may outlive the coroutine. When it is dropped, the function is cancelled all the same."""

    async def main() -> None:
        hook = Hook()
        await cancelled_when(hook.begun, lambda: call_from_task(hook))
        hook.go.set()
        while not hook.ends:
            await turns(1)

    run_anywhere(main)


@pytest.mark.parametrize("name", [*LOOPS, "trio"])
def test_a_thread_of_ones_own_has_a_handle(name: str) -> None:
    results: list[Any] = []

    async def main() -> None:
        variable.set("where it was made")
        handle = LoopHandle()
        variable.set("later")

        async def reads() -> Any:
            await turns(1)
            return threading.get_ident(), variable.get()

        threads = [
            threading.Thread(target=lambda: results.append(handle.call(reads))) for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        while len(results) < 10:
            await turns(1)
        for thread in threads:
            thread.join()

    runs_on(name)(main)
    assert results == [(threading.get_ident(), "where it was made")] * 10


def test_without_a_loop_there_is_no_handle() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        LoopHandle()


def test_a_coroutine_without_a_loop_raises(run_anywhere: Run) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        call(lambda: give(1)).send(None)


def test_a_handle_to_a_closed_loop_says_so(loop_factory: Any) -> None:
    async def make() -> LoopHandle:
        return LoopHandle()

    loop = loop_factory()
    handle = loop.run_until_complete(make())
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        handle.call(lambda: give(1))


def test_a_handle_to_a_run_of_trio_that_is_over_says_so() -> None:
    async def make() -> LoopHandle:
        return LoopHandle()

    handle = trio.run(make)
    with pytest.raises(RuntimeError, match="closed"):
        handle.call(lambda: give(1))


def test_a_loop_that_is_closed_meanwhile_lets_nobody_wait(loop_factory: Any) -> None:
    handles: list[LoopHandle] = []
    errors: list[BaseException] = []
    begun: list[asyncio.Event] = []

    async def make() -> None:
        handles.append(LoopHandle())
        begun.append(asyncio.Event())

    async def forever() -> None:
        begun[0].set()
        await asyncio.Event().wait()

    def waits() -> None:
        try:
            handles[0].call(forever)
        except BaseException as error:
            errors.append(error)

    loop = loop_factory()
    loop.run_until_complete(make())
    thread = threading.Thread(target=waits)
    thread.start()
    loop.run_until_complete(begun[0].wait())
    loop.close()
    gc.collect()
    thread.join()
    assert [type(error) for error in errors] == [RuntimeError]
    assert "closed" in str(errors[0])


def test_an_awaitable_of_another_loop_is_refused(run_anywhere: Run) -> None:
    other = asyncio.new_event_loop()
    future = other.create_future()

    async def main() -> None:
        with pytest.raises((RuntimeError, TypeError)):
            await call(lambda: future)

    run_anywhere(main)
    other.close()


def test_what_a_handle_keeps_is_freed_with_it(loop_factory: Any) -> None:
    class Big:
        """Something that must not be kept."""

    big: contextvars.ContextVar[Any] = contextvars.ContextVar("big")

    async def inside() -> weakref.ref[Any]:
        value = Big()
        big.set(value)
        assert await call_from_task(lambda: give(1)) == 1
        LoopHandle()
        return weakref.ref(value)

    async def main() -> None:
        end = await asyncio.create_task(inside(), context=contextvars.copy_context())
        while end() is not None:
            await asyncio.sleep(0.001)  # it is dropped on the thread of the loop, soon
            gc.collect()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def test_nothing_of_it_is_left(run_anywhere: Run, call_it: Anywhere) -> None:
    async def main() -> None:
        for _ in range(50):
            await call_it(lambda: give(1))

    run_anywhere(main)
    wait_until(lambda: await_from_rust.live_futures() == 0)
