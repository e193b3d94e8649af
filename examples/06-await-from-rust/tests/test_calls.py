"""Many calls, of each form and from each place: none is lost, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import pytest

import await_from_rust
from await_from_rust import (
    call,
    call_all,
    call_from_task,
    call_from_worker,
    call_in_task,
    call_in_task_from_worker,
    collect,
    collect_by_task,
    first,
    live_futures,
    with_timeout,
)
from conftest import LOOPS, Hook, Run, in_trio, runs_on, turns, wait_until
from soak import Often

FORMS: list[Any] = [
    call,
    call_from_worker,
    call_in_task,
    call_in_task_from_worker,
    lambda function: with_timeout(function, 1_000),
    lambda function: first([function, Hook()]),
    lambda function: call_from_task(function),
]
each_form = pytest.mark.parametrize("form", FORMS[:4] + FORMS[6:], ids=lambda it: it.__name__)


@contextmanager
def collecting() -> Iterator[None]:
    """Make garbage, and collect it, in another thread."""
    ended = threading.Event()

    def collect() -> None:
        while not ended.is_set():
            circle: list[Any] = []
            circle.append(circle)
            gc.collect()

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_calls_of_all_forms_mixed(run_anywhere: Run, often: Often) -> None:
    """With timeouts, errors and cancellations: each begins once and ends once."""
    size = often(2_000, 50_000)
    chance = random.Random(0)
    begun, ended = [0] * size, [0] * size

    async def function(number: int, steps: int, fails: bool) -> int:
        begun[number] += 1
        try:
            await turns(steps)
            if fails:
                raise ValueError(number)
            return number
        finally:
            ended[number] += 1

    async def one(number: int) -> None:
        fails, endless = chance.random() < 0.2, chance.random() < 0.3
        form = chance.choice(FORMS[:6])
        steps = 1_000_000 if endless else chance.randrange(5)
        patience = chance.random() / 20 if endless else 1_000
        try:
            with anyio.fail_after(patience):
                assert await form(lambda: function(number, steps, fails)) == number
            assert not fails
        except TimeoutError:
            assert endless
        except ValueError as error:
            assert error.args == (number,)
        assert begun[number] == ended[number] <= 1

    async def main() -> int:
        async with anyio.create_task_group() as group:
            for number in range(size):
                group.start_soon(one, number)
        return 0 if in_trio() else len(asyncio.all_tasks()) - 1

    assert run_anywhere(main) == 0
    assert live_futures() == 0


@each_form
def test_the_collector_takes_nothing_that_is_out(
    run_on_asyncio: Run, form: Any, often: Often
) -> None:
    """Neither the Task that awaits, nor the one that Rust began, is held by anybody else."""
    number = often(100, 20_000)
    done: list[int] = []

    async def give() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return 1

    async def job() -> None:
        done.append(await form(give))

    async def main() -> None:
        for _ in range(0, number, 100):
            for _ in range(100):
                asyncio.ensure_future(job())  # noqa: RUF006  # nobody holds them: that is the point
            await turns(2)
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0)

    with collecting():
        run_on_asyncio(main)
    assert len(done) == number


@each_form
def test_the_collector_runs_in_the_middle_of_everything(run_anywhere: Run, form: Any) -> None:
    async def collects() -> int:
        gc.collect()
        await turns(1)
        gc.collect()
        return 1

    async def main() -> None:
        before = gc.get_threshold()
        gc.set_threshold(1)
        try:
            for _ in range(3):
                assert await form(collects) == 1
        finally:
            gc.set_threshold(*before)

    run_anywhere(main)


@pytest.mark.parametrize("form", [call, call_from_worker, call_from_task])
def test_a_loop_that_is_garbage_goes_with_its_calls(form: Any) -> None:
    """Nobody has closed it, and nobody holds it but those that wait for it.

    In the awaiting Task the collector takes what waits for a future that nobody holds, as it does
    natively.
    """

    async def start() -> list[weakref.ref[Any]]:
        begun = asyncio.Event()

        async def forever() -> None:
            begun.set()
            await asyncio.get_running_loop().create_future()

        task = asyncio.ensure_future(form(forever))
        await begun.wait()
        await turns(3)
        assert not task.done()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        return [weakref.ref(task) for task in tasks]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        loop = asyncio.new_event_loop()
        ends = [*loop.run_until_complete(start()), weakref.ref(loop)]
        gc.collect()
        assert all(end() for end in ends)  # the loop could still run
        del loop
        gc.collect()
    assert [end() for end in ends] == [None] * len(ends)
    wait_until(lambda: live_futures() == 0)


@each_form
@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_that_is_closed_with_calls_out(form: Any, kind: str, capfd: Any) -> None:
    """The user's Task is destroyed; asyncio would say so, and of ours says nothing."""

    async def start() -> asyncio.Task[Any]:
        begun = asyncio.Event()

        async def forever() -> None:
            begun.set()
            await asyncio.get_running_loop().create_future()

        task: asyncio.Task[Any] = asyncio.ensure_future(form(forever))
        await begun.wait()
        return task

    loop = LOOPS[kind]()
    task = loop.run_until_complete(start())
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    loop.close()
    wait_until(lambda: live_futures() == 0)
    del task, loop
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", [*LOOPS, "trio"])
def test_threads_that_fight_for_the_interpreter(name: str, often: Often) -> None:
    """And for a lock that the functions take, too. No worker of the runtime waits for either."""
    lock, ended = threading.Lock(), threading.Event()

    async def nothing() -> None:
        raise AssertionError("it is never begun")

    def fights() -> None:
        while not ended.is_set():
            with lock:
                call_from_worker(nothing).close()
                live_futures()

    async def locks() -> int:
        with lock:
            live_futures()
        await turns(1)
        with lock:
            return 1

    async def main() -> None:
        done: list[int] = []

        async def one() -> None:
            done.append(await call_from_worker(locks))

        for _ in range(often(2, 100)):
            async with anyio.create_task_group() as group:
                for _ in range(1_000):
                    group.start_soon(one)
        assert len(done) == often(2, 100) * 1_000

    threads = [threading.Thread(target=fights) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        runs_on(name)(main)
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("form", [call_in_task, call_in_task_from_worker])
def test_a_child_that_is_forked_in_the_task_cannot_go_on_with_it(form: Any) -> None:
    """It is told so, where its copy of the coroutine goes on."""

    async def forks() -> Any:
        await asyncio.sleep(0)
        return os.fork()

    async def main() -> Any:
        try:
            return await form(forks)
        except RuntimeError as error:
            os._exit(7 if "fork" in str(error) else 1)

    parent = os.getpid()
    try:
        child = asyncio.run(main())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    finally:
        if os.getpid() != parent:
            os._exit(3)


def test_ten_thousand_at_once_are_in_order(run_anywhere: Run) -> None:
    async def give(number: int) -> int:
        await turns(number % 3)
        return number

    async def main() -> Any:
        return await call_all([partial(give, number) for number in range(10_000)])

    assert run_anywhere(main) == list(range(10_000))


def test_iterables_all_at_once(run_anywhere: Run) -> None:
    async def items(number: int) -> Any:
        for item in range(20):
            await turns(item % 2)
            yield number, item

    async def main() -> None:
        async def one(number: int) -> None:
            collect_it = (collect, collect_by_task)[number % 2]
            assert await collect_it(items(number)) == [(number, item) for item in range(20)]

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)

    run_anywhere(main)
    assert await_from_rust.live_futures() == 0


@pytest.mark.parametrize("form", [call_in_task, call_in_task_from_worker])
def test_calls_inside_calls_do_not_overflow_the_stack(run_anywhere: Run, form: Any) -> None:
    """Each awaits the next in the same Task, on the same stack. And nothing is left unawaited."""

    async def end() -> str:
        await turns(1)
        return "end"

    def nested(depth: int) -> Any:
        function: Any = end
        for _ in range(depth):
            function = partial(form, function)
        return function()

    async def main() -> None:
        assert await nested(100) == "end"
        with pytest.raises(RecursionError):
            await nested(20_000)

    run_anywhere(main)
