"""Cancellation is structured: when the await raises, the Rust future has been dropped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio
import trio.lowlevel

from conftest import Run, open_if_read, opened_for_writing, parked, turns, wait_until
from rust_futures import (
    explode_when_dropped,
    live_futures,
    pending,
    read_blocking,
    sleep,
    steps,
    yield_now,
)
from soak import Often

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")


def test_after_task_cancel(book: ModuleType, run: Run) -> None:
    seen: list[int] = []

    async def waits() -> None:
        try:
            await book.pending()
        except asyncio.CancelledError as error:
            seen.append(book.live_futures())
            assert error.args == ("enough",)
            raise

    async def main() -> None:
        task = asyncio.create_task(waits())
        await turns(3)
        await book.sleep(0)  # the twin's runtime has begun it now
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert seen == [0]


def test_after_a_timeout(book: ModuleType, run: Run) -> None:
    async def main() -> list[int]:
        seen = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await book.pending()
        seen.append(book.live_futures())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(book.pending(), 0.01)
        return [*seen, book.live_futures()]

    assert run(main) == [0, 0]


def test_after_a_task_group_failed(book: ModuleType, run: Run) -> None:
    async def main() -> int:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(book.pending())
                group.create_task(book.fail("the group fails"))
        except* ValueError:
            pass
        live: int = book.live_futures()
        return live

    assert run(main) == 0


def test_after_an_eager_task_was_cancelled() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("eager Tasks came with 3.12")

    async def main() -> int:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(pending())
        assert live_futures() == 1  # it has begun already
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return live_futures()

    assert asyncio.run(main()) == 0


def test_after_a_cancel_scope_of_trio() -> None:
    async def main() -> list[int]:
        seen = []
        with trio.move_on_after(0.01):
            await pending()
        seen.append(live_futures())
        with trio.CancelScope() as scope:
            scope.cancel()
            await pending()
        seen.append(live_futures())
        with contextlib.suppress(ExceptionGroup):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pending)
                nursery.start_soon(trio.lowlevel.checkpoint)
                await sleep(0.001)
                raise ValueError("the nursery fails")
        return [*seen, live_futures()]

    assert trio.run(main) == [0, 0, 0]


async def test_before_it_has_begun() -> None:
    task = asyncio.create_task(pending())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert live_futures() == 0


async def test_on_the_turn_that_it_spends_unparked() -> None:
    others = await parked(pending())
    task = asyncio.create_task(pending())
    await turns(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert live_futures() == 1
    others.cancel()


async def test_dropped_half_way_it_is_gone_at_once() -> None:
    coroutine = pending()
    coroutine.send(None)
    assert live_futures() == 1
    del coroutine
    gc.collect()
    assert live_futures() == 0


async def test_closed_half_way_it_is_gone_at_once() -> None:
    coroutine = pending()
    coroutine.send(None)
    coroutine.close()
    assert live_futures() == 0
    coroutine.close()


def test_dropped_on_another_thread_it_is_gone_at_once() -> None:
    async def main() -> None:
        coroutine = pending()
        coroutine.send(None)
        held = [coroutine]
        del coroutine
        assert live_futures() == 1
        await asyncio.to_thread(held.clear)
        assert live_futures() == 0

    asyncio.run(main())


def test_closed_on_another_thread_it_is_gone_at_once() -> None:
    async def main() -> None:
        coroutine = pending()
        coroutine.send(None)
        await asyncio.to_thread(coroutine.close)
        assert live_futures() == 0

    asyncio.run(main())


def test_gone_with_its_loop_a_coroutine_says_so() -> None:
    async def main() -> Any:
        coroutine = pending()
        coroutine.send(None)
        return coroutine

    coroutine = asyncio.run(main())
    assert live_futures() == 0
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        coroutine.send(None)


@pytest.mark.parametrize("end", ["cancel", "close", "drop", "close the loop"])
def test_a_panic_while_it_is_dropped_is_reported(end: str, capfd: Any) -> None:
    """And is no more than that: nobody awaits the future any more."""
    loop = asyncio.new_event_loop()

    async def main() -> None:
        if end == "cancel":
            task = await parked(explode_when_dropped("dropped"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            coroutine = explode_when_dropped("dropped")
            coroutine.send(None)
            if end == "close":
                coroutine.close()
            if end == "close the loop":
                held.append(coroutine)

    held: list[Any] = []
    loop.run_until_complete(main())
    loop.close()
    wait_until(lambda: live_futures() == 0)  # a worker may have been polling it
    said = capfd.readouterr().err
    assert "panicked at src/functions.rs" in said
    assert "dropped" in said
    assert "Exception ignored" not in said


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A named pipe: who reads it waits until somebody writes."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@unix
async def test_a_result_that_was_ready_is_dropped_cleanly(fifo: Path) -> None:
    task = asyncio.create_task(read_blocking(fifo))
    writer = await opened_for_writing(fifo)
    await turns(3)
    os.close(writer)
    wait_until(lambda: live_futures() == 0)  # it is on its way, and the loop has not looked
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@unix
@pytest.mark.parametrize("times", [1, 3])
async def test_a_poll_in_progress_is_waited_for(fifo: Path, times: int) -> None:
    order: list[str] = []

    async def waits() -> None:
        try:
            await read_blocking(fifo)
        except asyncio.CancelledError as error:
            order.append(f"cancelled, {live_futures()} left: {error}")
            raise

    task = asyncio.create_task(waits())
    writer = await opened_for_writing(fifo)
    for number in range(times):
        task.cancel(f"for the {number + 1}. time")
        await turns(5)
        assert not task.done()  # a poll cannot be interrupted
    order.append("released")
    os.close(writer)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ["released", f"cancelled, 0 left: for the {times}. time"]


@unix
async def test_closed_during_a_poll_it_goes_with_that_poll(fifo: Path) -> None:
    coroutine = read_blocking(fifo)
    coroutine.send(None)
    writer = await opened_for_writing(fifo)
    coroutine.close()
    assert live_futures() == 1
    os.close(writer)
    wait_until(lambda: live_futures() == 0)  # without the loop's help


@unix
async def test_asked_to_exit_during_a_poll_it_does_not_wait(fifo: Path) -> None:
    coroutine = read_blocking(fifo)
    coroutine.send(None)
    writer = await opened_for_writing(fifo)
    with pytest.raises(GeneratorExit):
        coroutine.throw(GeneratorExit)
    os.close(writer)


@unix
def test_trio_waits_for_a_poll_in_progress_too(fifo: Path) -> None:
    order: list[str] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits)
            while not (writer := open_if_read(fifo)):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                for _ in range(5):
                    await trio.lowlevel.cancel_shielded_checkpoint()
            order.append("released")
            os.close(writer)

    async def waits() -> None:
        try:
            await read_blocking(fifo)
        finally:
            order.append(f"left: {live_futures()}")

    trio.run(main)
    assert order == ["released", "left: 0"]


@unix
def test_a_run_of_trio_that_ends_waits_for_it_in_its_system_tasks(fifo: Path) -> None:
    order: list[str] = []

    async def waits() -> None:
        try:
            await read_blocking(fifo)
        finally:
            order.append(f"left: {live_futures()}")

    async def releases() -> None:
        try:
            await trio.sleep_forever()
        finally:
            for _ in range(5):
                await trio.lowlevel.cancel_shielded_checkpoint()
            order.append("released")
            os.close(writers.pop())

    writers: list[int] = []

    async def main() -> None:
        trio.lowlevel.spawn_system_task(waits)
        trio.lowlevel.spawn_system_task(releases)
        while not (writer := open_if_read(fifo)):
            await trio.lowlevel.checkpoint()
        writers.append(writer)

    trio.run(main)
    assert order == ["released", "left: 0"]


def test_in_every_way_at_random_each_ends_once(run: Run, often: Often) -> None:
    number = often(2_000, 10_000)
    chance = random.Random(4)

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(one()) for _ in range(number)]
        for task in chance.sample(tasks, number // 2):
            task.cancel()
            if chance.random() < 0.1:
                await asyncio.sleep(0)
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def one() -> str:
        if chance.random() < 0.5:
            await yield_now()
        await sleep(chance.random() / 100)
        return "done"

    results = run(main)
    cancelled = sum(isinstance(result, asyncio.CancelledError) for result in results)
    assert cancelled + results.count("done") == number
    assert cancelled > 0
    assert live_futures() == 0


def test_trio_may_cancel_what_has_finished_in_the_same_tick(capfd: Any) -> None:
    async def main() -> None:
        for _ in range(50):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sleep, 0.0005)
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
                wait_until(lambda: live_futures() == 0)
                nursery.cancel_scope.cancel()

    trio.run(main)
    assert capfd.readouterr().err == ""


@unix
async def test_thrown_twice_an_exception_is_not_its_own_context(fifo: Path) -> None:
    error = LookupError("twice")
    coroutine = read_blocking(fifo)
    coroutine.send(None)
    writer = await opened_for_writing(fifo)
    for _ in range(2):
        coroutine.throw(error)  # a worker is polling: it waits
    os.close(writer)
    wait_until(lambda: live_futures() == 0)
    with pytest.raises(LookupError, match="twice"):
        coroutine.send(None)
    assert error.__context__ is None


@unix
async def test_a_second_exception_has_the_first_as_its_context(fifo: Path) -> None:
    coroutine = read_blocking(fifo)
    coroutine.send(None)
    writer = await opened_for_writing(fifo)
    coroutine.throw(LookupError("first"))
    coroutine.throw(OSError("second"))
    os.close(writer)
    wait_until(lambda: live_futures() == 0)
    with pytest.raises(OSError, match="second") as caught:
        while True:
            coroutine.send(None)
            await asyncio.sleep(0)
    assert repr(caught.value.__context__) == "LookupError('first')"


async def test_cancelled_during_a_poll_that_goes_on_it_is_a_cancellation() -> None:
    for _ in range(100):
        task = await parked(steps(10**12))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert live_futures() == 0


@unix
async def test_three_exceptions_in_turn_make_no_circle(fifo: Path) -> None:
    first, second = LookupError("first"), OSError("second")
    coroutine = read_blocking(fifo)
    coroutine.send(None)
    writer = await opened_for_writing(fifo)
    for error in (first, second, first):
        coroutine.throw(error)  # a worker is polling: it waits
    os.close(writer)
    wait_until(lambda: live_futures() == 0)
    with pytest.raises(LookupError, match="first"):
        while True:
            coroutine.send(None)
            await asyncio.sleep(0)
    seen: list[BaseException | None] = []
    link: BaseException | None = first
    while link is not None:
        assert link not in seen
        seen.append(link)
        link = link.__context__


@unix
async def test_cancelled_on_each_turn_of_a_long_poll_no_chain_grows(fifo: Path) -> None:
    """As a scope of anyio does until its body ends."""
    task = asyncio.create_task(read_blocking(fifo))
    writer = await opened_for_writing(fifo)
    for _ in range(1_000):
        task.cancel()
        await turns(1)
    os.close(writer)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    links = 0
    link: BaseException | None = caught.value
    while link is not None:
        links, link = links + 1, link.__context__
    assert links < 5
