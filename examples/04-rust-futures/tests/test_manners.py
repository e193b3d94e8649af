"""A coroutine of the bridge has the manners of one of chapter 03."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

import rust_futures
from conftest import Run, parked, turns
from rust_futures import (
    fail,
    first_try_sleep,
    hash_file,
    inline_sleep,
    live_futures,
    pending,
    sleep,
    yield_now,
)


def test_nothing_runs_before_it_is_awaited() -> None:
    coroutine = pending()
    assert live_futures() == 1  # counted from the call
    assert inspect.getcoroutinestate(coroutine) == "CORO_CREATED"
    coroutine.close()
    assert live_futures() == 0


CALLS: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "sleep": lambda: sleep(1),
    "hash_file": lambda: hash_file("x"),
    "fail": lambda: fail("x"),
    "pending": pending,
    "yield_now": yield_now,
}


@pytest.mark.parametrize("name", CALLS)
def test_one_that_was_never_awaited_is_warned_of(name: str) -> None:
    with pytest.warns(RuntimeWarning, match=f"^coroutine '{name}' was never awaited$"):
        forgotten = CALLS[name]()
        del forgotten
        gc.collect()
    assert live_futures() == 0


def test_a_panic_that_is_on_its_way_gets_past_one_that_is_dropped() -> None:
    """Its warning is Python code, which must not run while an exception is pending."""

    async def main() -> None:
        print(pending(), next(first_try_sleep(0)))

    with (
        pytest.warns(RuntimeWarning, match="never awaited"),
        pytest.raises(BaseException, match="there is no reactor running") as caught,
    ):
        asyncio.run(main())
    assert type(caught.value).__name__ == "PanicException"
    assert live_futures() == 0


def test_asyncio_takes_it_for_a_coroutine(run: Run) -> None:
    async def main() -> list[Any]:
        task = asyncio.create_task(sleep(0, 1))
        async with asyncio.TaskGroup() as group:
            member = group.create_task(sleep(0, 2))
        shielded = await asyncio.shield(sleep(0, 3))
        waited = await asyncio.wait_for(sleep(0, 4), 10)
        return [await task, member.result(), shielded, waited]

    assert run(main) == [1, 2, 3, 4]
    assert asyncio.run(sleep(0, "directly")) == "directly"


def test_eager_tasks_take_it() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("eager Tasks came with 3.12")

    async def main() -> Any:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.gather(*(sleep(0.001, number) for number in range(100)))

    assert asyncio.run(main()) == list(range(100))


def test_a_pure_python_task_takes_it() -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        return await asyncio.tasks._PyTask(sleep(0.001, "slept"), loop=loop)  # type: ignore[attr-defined]

    assert asyncio.run(main()) == "slept"


async def test_it_cannot_be_awaited_twice() -> None:
    coroutine = sleep(0)
    await coroutine
    with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
        await coroutine


async def test_nor_by_two_at_once() -> None:
    coroutine = sleep(0.01, "slept")
    first = await parked(coroutine)
    with pytest.raises(RuntimeError, match=r"^coroutine is being awaited already$"):
        await coroutine
    assert await first == "slept"


async def test_it_takes_no_value_before_it_has_begun() -> None:
    coroutine = sleep(0)
    with pytest.raises(TypeError, match=r"^can't send non-None value to a just-started coroutine$"):
        coroutine.send("early")
    coroutine.close()


async def test_while_it_runs_nobody_can_enter_it() -> None:
    errors: list[Exception] = []
    coroutine = pending()
    loop = asyncio.get_running_loop()
    create_future = loop.create_future

    def enters() -> asyncio.Future[Any]:
        try:
            coroutine.send(None)
        except ValueError as error:
            errors.append(error)
        return create_future()

    loop.create_future = enters  # type: ignore[method-assign]
    coroutine.send(None)
    coroutine.close()
    assert [str(error) for error in errors] == ["coroutine already executing"]


def test_of_threads_that_step_it_one_does() -> None:
    barrier = threading.Barrier(4)
    said: list[str] = []

    async def main() -> None:
        coroutine = pending()
        loop = asyncio.get_running_loop()

        def step() -> None:
            asyncio.events._set_running_loop(loop)
            barrier.wait()
            try:
                coroutine.send(None)
                said.append("parked")
            except (ValueError, RuntimeError) as error:
                said.append(str(error))

        threads = [threading.Thread(target=step) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        coroutine.close()

    asyncio.run(main())
    refused = {"coroutine already executing", "coroutine is being awaited already"}
    assert said.count("parked") == 1
    assert set(said) - {"parked"} <= refused


async def test_a_step_that_nobody_is_woken_for_is_refused() -> None:
    coroutine = sleep(0.01, "slept")
    first = await parked(coroutine)
    for step in (coroutine.__await__().__next__, lambda: coroutine.send(None)):
        with pytest.raises(RuntimeError, match=r"^coroutine is being awaited already$"):
            step()
    assert await first == "slept"


async def test_anext_with_a_default_asks_for_the_iterator_at_each_step() -> None:
    class OneFutureAnItem:
        def __aiter__(self) -> AsyncIterator[str]:
            return self

        def __anext__(self) -> Coroutine[Any, Any, str]:
            return sleep(0.001, "item")

    assert await anext(OneFutureAnItem(), "default") == "item"


@pytest.mark.parametrize("function", [sleep, inline_sleep])
def test_a_task_that_nobody_holds_is_kept_while_its_future_is_in_flight(
    run: Run, function: Callable[[float], Coroutine[Any, Any, None]]
) -> None:
    """As one that waits for `asyncio.sleep`: fire and forget is everyday code."""
    done: list[int] = []

    async def job(number: int) -> None:
        await function(0.001)
        done.append(number)

    async def main() -> None:
        for number in range(50):
            asyncio.ensure_future(job(number))  # noqa: RUF006  # that is the point
        await turns(3)
        gc.collect()
        while len(done) < 50:
            await asyncio.sleep(0)

    run(main)
    assert sorted(done) == list(range(50))


async def test_a_coroutine_that_nobody_drives_is_freed() -> None:
    """Its loop keeps what waits, and a coroutine is not what waits: its Task is."""
    coroutine = pending()
    coroutine.send(None)
    end = weakref.ref(coroutine)
    del coroutine
    assert end() is None
    assert live_futures() == 0


async def test_a_weak_reference_sees_its_end() -> None:
    coroutine = sleep(0)
    end = weakref.ref(coroutine)
    await coroutine
    del coroutine
    assert end() is None


async def test_others_see_what_it_awaits() -> None:
    coroutine = pending()
    assert coroutine.cr_await is None
    task = asyncio.create_task(coroutine)
    await turns(2)
    assert isinstance(coroutine.cr_await, asyncio.Future)
    assert "coro=<pending() running at src/functions.rs:" in repr(task)
    task.cancel()
    await asyncio.wait([task])
    assert coroutine.cr_await is None


async def test_what_is_no_exception_cannot_be_thrown() -> None:
    coroutine = pending()
    coroutine.send(None)
    with pytest.raises(TypeError, match="must be classes or instances deriving from BaseException"):
        coroutine.throw(3)  # type: ignore[call-overload]
    assert live_futures() == 1  # and nothing has happened to it
    coroutine.close()


async def test_a_generator_exit_that_is_thrown_ends_it() -> None:
    coroutine = pending()
    coroutine.send(None)
    with pytest.raises(GeneratorExit):
        coroutine.throw(GeneratorExit)
    assert live_futures() == 0


@pytest.mark.parametrize("name", ["__name__", "__qualname__"])
def test_it_has_the_name_of_its_function(name: str) -> None:
    coroutine = yield_now()
    assert getattr(coroutine, name) == "yield_now"
    assert repr(coroutine).startswith("<coroutine object yield_now at 0x")
    coroutine.close()


def test_worker_threads_are_set_before_the_first_use_or_not_at_all() -> None:
    asyncio.run(yield_now())
    with pytest.raises(RuntimeError, match=r"^the runtime has started already$"):
        rust_futures.set_worker_threads(2)
    with pytest.raises(ValueError, match=r"^there must be at least one worker thread$"):
        rust_futures.set_worker_threads(0)
