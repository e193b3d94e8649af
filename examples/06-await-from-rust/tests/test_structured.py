"""Structured cancellation: whoever drops a call waits for its end, and nothing of it gets lost."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
import trio

from await_from_rust import (
    both_in_task,
    call,
    call_all,
    call_from_worker,
    call_in_task,
    call_in_task_from_worker,
    call_uncancellable,
    collect,
    collect_by_task,
    first,
    live_futures,
    take,
    timeout_in_task,
    with_timeout,
)
from conftest import Hook, Main, Run, beside, cancelled_when, in_trio, turns

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nobody's")

OWN = pytest.mark.parametrize("call_it", [call, call_from_worker], ids=["inline", "spawned"])
IN_TASK = pytest.mark.parametrize(
    "call_it", [call_in_task, call_in_task_from_worker], ids=["inline", "spawned"]
)
BOTH = pytest.mark.parametrize(
    "call_it",
    [call, call_from_worker, call_in_task, call_in_task_from_worker],
    ids=["own-inline", "own-spawned", "in-task-inline", "in-task-spawned"],
)


@BOTH
def test_when_the_await_raises_the_function_has_ended(run_anywhere: Run, call_it: Any) -> None:
    async def main() -> int:
        hook = Hook()
        await cancelled_when(hook.begun, lambda: call_it(hook))
        return hook.ends

    assert run_anywhere(main) == 1


@IN_TASK
def test_in_the_task_it_is_as_if_the_coroutine_awaited(run_anywhere: Run, call_it: Any) -> None:
    """The same Task, and its context both ways."""

    async def main() -> None:
        async def function() -> Any:
            await turns(2)
            found = variable.get()
            variable.set("the function's")
            return this_task(), found

        variable.set("the coroutine's")
        assert await call_it(function) == (this_task(), "the coroutine's")
        assert variable.get() == "the function's"

    run_anywhere(main)


@OWN
def test_a_task_of_its_own_is_another(run_anywhere: Run, call_it: Any) -> None:
    async def main() -> None:
        async def function() -> Any:
            await turns(1)
            return this_task()

        assert await call_it(function) is not this_task()

    run_anywhere(main)


def this_task() -> Any:
    return trio.lowlevel.current_task() if in_trio() else asyncio.current_task()


@IN_TASK
async def test_in_the_task_a_cancellation_can_be_swallowed(call_it: Any) -> None:
    async def swallows() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "swallowed"

    begun = asyncio.Event()
    task = asyncio.ensure_future(call_it(swallows))
    await begun.wait()
    task.cancel()
    assert await task == "swallowed"


@IN_TASK
async def test_in_the_task_the_very_cancellation_is_raised(call_it: Any) -> None:
    seen: list[BaseException] = []

    async def function() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    async def outer() -> None:
        try:
            await call_it(function)
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    begun = asyncio.Event()
    task = asyncio.ensure_future(outer())
    await begun.wait()
    task.cancel("because")
    await asyncio.wait([task])
    assert task.cancelled()
    assert seen[0] is seen[1]
    assert seen[0].args == ("because",)


def test_a_timeout_fires_though_the_function_does_not_end(run_anywhere: Run) -> None:
    """It is cancelled then; a Task of its own hears of that wherever it waits.

    A timeout that is quicker than the Task cancels one that has not begun."""

    async def main() -> tuple[int, int]:
        hook, begun = Hook(), 0

        async def counted() -> None:
            nonlocal begun
            begun += 1
            await hook()

        while begun < 3:
            with pytest.raises(TimeoutError):
                await with_timeout(counted, 0.001)
        return begun, hook.ends

    assert run_anywhere(main) == (3, 3)


class Late:
    """A function that is called in the Task, and ends after the timeout around it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.begun, self.ended = error, False, False

    async def __call__(self) -> None:
        self.begun = True
        await anyio.sleep(0.05)
        self.ended = True
        if self.error:
            raise self.error


async def outlives_a_timeout(late: Late) -> None:
    """A timeout that comes before the function has begun says nothing: then once more."""
    seconds = 0.001
    while not late.begun:
        try:
            await timeout_in_task(late, seconds)
        except TimeoutError:
            if late.begun:
                raise
        seconds *= 2


def test_in_the_task_a_timeout_waits_for_the_function(run_anywhere: Run) -> None:
    late = Late()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await outlives_a_timeout(late)

    run_anywhere(main)
    assert late.ended


def test_in_the_task_what_a_dropped_call_raises_is_raised(run_anywhere: Run) -> None:
    """Nobody else hears of it."""

    async def main() -> None:
        with pytest.raises(ValueError, match="late"):
            await outlives_a_timeout(Late(ValueError("late")))

    run_anywhere(main)


def test_in_the_task_one_is_awaited_after_the_other(run_anywhere: Run) -> None:
    async def main() -> Any:
        order: list[str] = []

        def function(name: str) -> Main:
            async def runs() -> str:
                order.append(f"{name} begins")
                await turns(3)
                order.append(f"{name} ends")
                return name

            return runs

        assert await both_in_task(function("one"), function("other")) == ("one", "other")
        return order

    assert run_anywhere(main) == ["one begins", "one ends", "other begins", "other ends"]


@OWN
def test_an_error_that_nobody_hears_is_told(run_anywhere: Run, call_it: Any, capsys: Any) -> None:
    """The call has been cancelled, and its `finally` fails. It is told as each library does."""
    told: list[Any] = []
    begun: Any = None

    async def fails() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("in the end")

    async def main() -> None:
        nonlocal begun
        begun = anyio.Event()
        if not in_trio():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        await cancelled_when(begun, lambda: call_it(fails))
        await turns(3)
        gc.collect()

    before, sys.unraisablehook = sys.unraisablehook, lambda it: told.append(it.exc_value)
    try:
        run_anywhere(main)
    finally:
        sys.unraisablehook = before
    assert [str(error) for error in told] == ["in the end"]


@BOTH
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_ends_it(run_anywhere: Run, call_it: Any, kind: Any) -> None:
    """And the coroutine may catch it, as where it awaits natively."""

    async def ends() -> None:
        await turns(1)
        raise kind("now")

    async def main() -> None:
        with pytest.raises(kind, match="now"):
            await call_it(ends)
        await call_it(ends)

    with pytest.raises(kind, match="now"):
        run_anywhere(main)


@BOTH
def test_an_asyncio_cancellation_that_python_code_raises(run_on_asyncio: Run, call_it: Any) -> None:
    error = asyncio.CancelledError("by hand")

    async def raises() -> None:
        await turns(1)
        raise error

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError) as raised:
            await call_it(raises)
        assert raised.value is error

    run_on_asyncio(main)


@BOTH
def test_a_stop_iteration_is_an_error(run_anywhere: Run, call_it: Any) -> None:
    async def raises() -> None:
        await turns(1)
        raise StopIteration(1)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
            await call_it(raises)

    run_anywhere(main)


@BOTH
def test_a_stop_iteration_before_there_is_a_coroutine(run_anywhere: Run, call_it: Any) -> None:
    def raises() -> Any:
        raise StopIteration(1)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await call_it(raises)

    run_anywhere(main)


def test_one_that_is_uncancellable_runs_to_its_end(run_anywhere: Run) -> None:
    async def main() -> int:
        hook = Hook()

        async def lets_go() -> None:
            await turns(20)
            hook.go.set()

        async def main() -> None:
            await call_uncancellable(hook)

        async with beside(main) as cancel:
            await hook.begun.wait()
            cancel()
            if in_trio():  # its scope is not this one
                hook.go.set()
            else:
                await lets_go()
        return hook.ends

    assert run_anywhere(main) == 1


@BOTH
def test_a_function_that_fails_at_once_leaves_nothing(run_anywhere: Run, call_it: Any) -> None:
    def fails() -> Any:
        raise ValueError("at once")

    async def main() -> None:
        for _ in range(10):
            with pytest.raises(ValueError, match="at once"):
                await call_it(fails)

    run_anywhere(main)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager Tasks are new in 3.12")
@BOTH
def test_eager_tasks(call_it: Any) -> None:
    async def quick() -> str:
        return "quick"

    async def slow() -> str:
        await asyncio.sleep(0)
        return "slow"

    async def main() -> None:
        eager: Any = vars(asyncio)["eager_task_factory"]
        asyncio.get_running_loop().set_task_factory(eager)
        assert await call_it(quick) == "quick"
        assert await call_it(slow) == "slow"
        assert await call_all([quick, slow] * 10) == ["quick", "slow"] * 10
        assert await first([slow, quick]) == "quick"
        with pytest.raises(TimeoutError):
            await with_timeout(Hook(), 0.001)
        results = await asyncio.gather(*(call_it(each) for each in [quick, slow] * 10))
        assert results == ["quick", "slow"] * 10

    asyncio.run(main())


class Items:
    """An async generator that says how it ends."""

    def __init__(self, count: int = 1_000_000) -> None:
        self.count, self.given, self.ended = count, 0, ""

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            while self.given < self.count:
                await turns(1)
                self.given += 1
                yield self.given
        except BaseException as error:
            self.ended = type(error).__name__
            raise
        else:
            self.ended = "exhausted"
        finally:
            with anyio.CancelScope(shield=True):
                await turns(2)
            self.ended += " and cleaned up"


STREAMS = pytest.mark.parametrize("in_task", [False, True], ids=["by a Task", "in the Task"])


@STREAMS
def test_a_stream_that_is_dropped_closes_the_generator(run_anywhere: Run, in_task: bool) -> None:
    """Nothing is cancelled: it waits at its `yield`. No item is taken that nobody has asked for."""

    async def main() -> Any:
        items = Items()
        taken = await take(items, 3, in_task=in_task)
        return taken, items.given, items.ended

    taken = run_anywhere(main)
    assert taken == ([1, 2, 3], 3, "GeneratorExit and cleaned up")


@STREAMS
def test_one_that_is_read_to_its_end_needs_no_close(run_anywhere: Run, in_task: bool) -> None:
    async def main() -> Any:
        items = Items(3)
        taken = await take(items, 10, in_task=in_task)
        return taken, items.given, items.ended

    assert run_anywhere(main) == ([1, 2, 3], 3, "exhausted and cleaned up")


@STREAMS
def test_a_stream_that_is_not_polled_begins_nothing(run_anywhere: Run, in_task: bool) -> None:
    async def main() -> Any:
        items = Items()
        return await take(items, 0, in_task=in_task), items.given, items.ended

    assert run_anywhere(main) == ([], 0, "")


@pytest.mark.parametrize("collect_it", [collect, collect_by_task])
def test_a_cancelled_await_closes_what_it_iterates(run_anywhere: Run, collect_it: Any) -> None:
    async def main() -> str:
        hook, items = Hook(), Items(1)

        async def waits() -> AsyncIterator[Any]:
            async for item in items:
                yield item
            yield await hook()

        await cancelled_when(hook.begun, lambda: collect_it(waits()))
        assert hook.ends == 1
        return items.ended

    assert run_anywhere(main) == "exhausted and cleaned up"


class Plain:
    """An async iterator that is no generator, with an `aclose` that may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.closed = error, 0

    def __aiter__(self) -> Plain:
        return self

    async def __anext__(self) -> int:
        await turns(1)
        return 1

    async def aclose(self) -> None:
        await turns(1)
        self.closed += 1
        if self.error:
            raise self.error


@STREAMS
def test_aclose_of_any_iterator_is_awaited(run_anywhere: Run, in_task: bool) -> None:
    async def main() -> Any:
        items = Plain()
        return await take(items, 2, in_task=in_task), items.closed

    assert run_anywhere(main) == ([1, 1], 1)


def test_in_the_task_an_error_of_aclose_is_raised(run_anywhere: Run) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="in aclose"):
            await take(Plain(ValueError("in aclose")), 2, in_task=True)

    run_anywhere(main)


def test_by_a_task_an_error_of_aclose_is_told() -> None:
    async def main() -> Any:
        told: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        assert await take(Plain(ValueError("in aclose")), 2) == [1, 1]
        gc.collect()
        return [str(error) for error in told]

    assert asyncio.run(main()) == ["in aclose"]


@pytest.mark.parametrize("collect_it", [collect, collect_by_task])
def test_what_cannot_be_iterated_is_refused(run_anywhere: Run, collect_it: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="'int' object is not an async iterable"):
            await collect_it(5)

    run_anywhere(main)


@pytest.mark.parametrize("collect_it", [collect, collect_by_task])
def test_all_items_come_in_order(run_anywhere: Run, collect_it: Any) -> None:
    async def main() -> Any:
        async def quick() -> AsyncIterator[int]:
            for number in range(1_000):
                yield number

        return await collect_it(quick())

    assert run_anywhere(main) == list(range(1_000))


@BOTH
async def test_a_coroutine_that_is_closed_leaves_nothing(call_it: Any) -> None:
    """It cannot wait, but it drops the future, and cancels the Task, if that has begun."""

    async def forever() -> None:
        await asyncio.Event().wait()

    coroutine = call_it(forever)
    coroutine.send(None)
    await turns(3)
    coroutine.close()
    while live_futures() or len(asyncio.all_tasks()) > 1:
        await turns(1)


@BOTH
async def test_in_debug_mode(call_it: Any) -> None:
    asyncio.get_running_loop().set_debug(True)

    async def give() -> int:
        await asyncio.sleep(0)
        return 1

    assert await asyncio.gather(*(call_it(give) for _ in range(10))) == [1] * 10


@OWN
async def test_one_whose_task_is_cancelled_by_others_is_cancelled(call_it: Any) -> None:
    """Before it begins, and when it has: what an await of the Task itself would see."""

    async def forever() -> None:
        await asyncio.Event().wait()

    for rest in range(8):
        task = asyncio.ensure_future(call_it(forever))
        await turns(rest)
        others = asyncio.all_tasks() - {asyncio.current_task(), task}
        for other in others:
            other.cancel()
        if not others:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
