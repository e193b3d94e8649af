"""What a Task of this loop waits for does what a future of asyncio does, whoever asks it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import sys
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from conftest import turns
from one_thread import event_loop, pending, run, sleep

if sys.platform == "win32":
    pytest.skip("there is no such loop on Windows", allow_module_level=True)


def waits_for(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Step a coroutine by hand until it yields the future that it waits for."""
    while (yielded := coroutine.send(None)) is None:
        pass
    return yielded


Scenario = Callable[[Any, list[Any]], Coroutine[Any, Any, None]]


async def callbacks_come_in_turn(future: Any, said: list[Any]) -> None:
    for number in range(3):
        future.add_done_callback(lambda one, number=number: said.append((number, one is future)))
    future.cancel()
    said.append("cancelled")
    await turns(2)


async def a_callback_may_come_late(future: Any, said: list[Any]) -> None:
    future.cancel()
    future.add_done_callback(lambda _: said.append("late"))
    said.append("added")
    await turns(2)


async def a_callback_can_be_removed(future: Any, said: list[Any]) -> None:
    callback = said.append
    for _ in range(2):
        future.add_done_callback(callback)
    said.append(future.remove_done_callback(callback))
    said.append(future.remove_done_callback(callback))
    future.cancel()
    await turns(2)


async def a_comparison_that_raises_loses_no_callback(future: Any, said: list[Any]) -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    future.add_done_callback(lambda _: said.append("still there"))
    try:
        future.remove_done_callback(Odd())
    except ZeroDivisionError:
        said.append("raised")
    future.cancel()
    await turns(2)


async def each_callback_has_its_context(future: Any, said: list[Any]) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("when added")
    context = contextvars.copy_context()
    variable.set("when cancelled")
    future.add_done_callback(lambda _: said.append(variable.get()), context=context)
    future.add_done_callback(lambda _: said.append(variable.get()))
    future.cancel()
    variable.set("later")
    await turns(2)


async def an_error_of_a_callback_is_told(future: Any, said: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, told: said.append(type(told["exception"])))
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(lambda _: said.append("the next one runs"))
    future.cancel()
    await turns(2)


async def its_state_is_what_it_says(future: Any, said: list[Any]) -> None:
    def state() -> list[Any]:
        ends: list[Any] = []
        for end in (future.result, future.exception):
            try:
                ends.append(end())
            except (asyncio.CancelledError, asyncio.InvalidStateError) as error:
                ends.append((type(error), error.args))
        return [future.done(), future.cancelled(), *ends]

    said += state()
    said.append(future.cancel(msg="enough"))
    said.append(future.cancel(msg="again"))
    said += state()


async def it_can_be_awaited(future: Any, said: list[Any]) -> None:
    async def wait() -> None:
        await future

    future._asyncio_future_blocking = False  # as a Task does that takes it
    task = asyncio.ensure_future(wait())
    await turns(1)
    future.cancel()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    said.append(type(error))


SCENARIOS = [
    callbacks_come_in_turn,
    a_callback_may_come_late,
    a_callback_can_be_removed,
    a_comparison_that_raises_loses_no_callback,
    each_callback_has_its_context,
    an_error_of_a_callback_is_told,
    its_state_is_what_it_says,
    it_can_be_awaited,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda it: it.__name__.replace("_", " "))
def test_it_does_what_a_future_of_asyncio_does(scenario: Scenario) -> None:
    async def main() -> tuple[list[Any], list[Any]]:
        theirs: list[Any] = []
        await scenario(asyncio.get_running_loop().create_future(), theirs)
        ours: list[Any] = []
        coroutine = pending()
        await scenario(waits_for(coroutine), ours)
        coroutine.close()
        return theirs, ours

    theirs, ours = run(main())
    assert ours == theirs


def test_it_says_which_loop_it_is_of_and_how_it_stands() -> None:
    async def main() -> list[object]:
        coroutine = pending()
        future = waits_for(coroutine)
        said: list[object] = [
            asyncio.isfuture(future),
            future.get_loop() is asyncio.get_running_loop(),
        ]
        said += [repr(future)]
        future.cancel()
        said += [repr(future)]
        coroutine.close()
        return said

    assert run(main()) == [True, True, "<Future pending>", "<Future cancelled>"]


def test_a_cancellation_brings_its_message() -> None:
    async def main() -> tuple[Any, ...]:
        task = asyncio.ensure_future(pending())
        await turns(3)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value.args

    assert run(main()) == ("enough",)


def test_an_interrupt_in_a_task_leaves_the_loop_at_once_and_loses_nobody() -> None:
    woken: list[int] = []

    async def waits(number: int) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await pending()
        woken.append(number)
        if number == 0:
            raise KeyboardInterrupt

    async def main() -> None:
        tasks[:] = [asyncio.ensure_future(waits(number)) for number in range(3)]
        await turns(3)
        for task in tasks:
            task.cancel()
        await turns(3)

    tasks: list[asyncio.Task[None]] = []
    loop = event_loop()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main())
    assert woken == [0]
    loop.run_until_complete(asyncio.wait(tasks))
    assert woken == [0, 1, 2]
    with pytest.raises(KeyboardInterrupt):
        tasks[0].result()
    loop.run_until_complete(turns(5))
    loop.close()


Resumed = Callable[[int], None]


def until_all_are_due() -> None:
    """Keep the loop from looking until what waits for a millisecond is ready."""
    time.sleep(0.005)


async def come_in_together(resumed: Resumed, tasks: list[asyncio.Task[None]]) -> None:
    """Have four Tasks resumed by what comes in at one look."""

    async def waits(number: int) -> None:
        await sleep(0.001)
        resumed(number)

    tasks[:] = [asyncio.ensure_future(waits(number)) for number in range(4)]
    await turns(3)
    until_all_are_due()
    await asyncio.wait(tasks)


def test_tasks_that_come_in_together_share_a_handle() -> None:
    sizes: list[int] = []
    loop: Any = event_loop()
    handle = loop.wakeups
    run_handle = handle._run

    def run_and_count() -> None:
        before = len(handle.coming)
        run_handle()
        sizes.append(before - len(handle.coming))

    handle._run = run_and_count
    loop.run_until_complete(come_in_together(lambda _: None, []))
    loop.close()
    assert sizes == [4 + 1]  # what ends them is counted, too


def test_an_interrupt_among_tasks_that_come_in_together_loses_nobody() -> None:
    resumed: list[int] = []

    def interrupts(number: int) -> None:
        resumed.append(number)
        if number == 1:
            raise KeyboardInterrupt

    tasks: list[asyncio.Task[None]] = []
    loop = event_loop()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(come_in_together(interrupts, tasks))
    assert resumed == [0, 1]
    loop.run_until_complete(asyncio.wait(tasks))
    assert resumed == [0, 1, 2, 3]
    with pytest.raises(KeyboardInterrupt):
        tasks[1].result()
    loop.run_until_complete(turns(5))
    loop.close()


def test_an_interrupt_before_the_first_of_them_loses_nobody() -> None:
    """As that of a signal which Python hears when it begins to run the handle."""
    resumed: list[int] = []
    tasks: list[asyncio.Task[None]] = []
    loop: Any = event_loop()

    def interrupted() -> None:
        del loop.wakeups._run
        raise KeyboardInterrupt

    loop.wakeups._run = interrupted
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(come_in_together(resumed.append, tasks))
    assert resumed == []
    loop.run_until_complete(asyncio.wait(tasks))
    assert resumed == [0, 1, 2, 3]
    loop.run_until_complete(turns(5))
    loop.close()


@pytest.mark.parametrize("debug", [False, True])
def test_what_a_task_asks_for_comes_after_all_who_came_in_with_it(debug: bool) -> None:
    said: list[str] = []

    def asks(number: int) -> None:
        said.append(f"resumed {number}")
        asyncio.get_running_loop().call_soon(said.append, f"asked for by {number}")

    async def main() -> None:
        await come_in_together(asks, [])
        await turns(2)

    run(main(), debug=debug)
    assert said == [
        f"{what} {number}" for what in ("resumed", "asked for by") for number in range(4)
    ]


def test_tasks_in_c_and_in_python_are_resumed_in_the_order_they_came_in() -> None:
    resumed: list[int] = []

    async def waits(number: int) -> None:
        await sleep(0.001)
        resumed.append(number)

    async def main() -> None:
        kinds: list[Any] = [asyncio.Task, asyncio.tasks._PyTask]  # type: ignore[attr-defined]
        waiting = [kinds[number % 2](waits(number)) for number in range(4)]
        await turns(3)
        until_all_are_due()
        await asyncio.wait(waiting)

    run(main())
    assert resumed == [0, 1, 2, 3]


def test_a_task_that_cannot_be_resumed_is_told_of_and_keeps_nobody_back() -> None:
    """Its context is entered already, by who runs the loop."""
    told: list[str] = []
    loop: Any = event_loop()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
    context = contextvars.copy_context()

    async def waits() -> None:
        await sleep(0.001)

    async def begin() -> list[asyncio.Task[None]]:
        begun = [loop.create_task(waits(), context=context), loop.create_task(waits())]
        await turns(3)
        return begun

    stuck, other = loop.run_until_complete(begin())
    until_all_are_due()
    context.run(loop.run_until_complete, other)
    assert [text.split(": ")[0] for text in told] == ["cannot enter context"]
    stuck._log_destroy_pending = False
    loop.close()


def test_a_closed_loop_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        loop = event_loop()
        loop.run_until_complete(sleep(0.001))
        loop.close()
        known = weakref.ref(loop)
        del loop
        assert known() is None
    finally:
        gc.enable()


def test_a_loop_in_debug_mode_names_the_task_that_took_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0
        await asyncio.create_task(waits_and_returns(), name="the slow one")

    async def waits_and_returns() -> None:
        await sleep(0.001)

    with caplog.at_level(logging.WARNING, "asyncio"):
        run(main(), debug=True)
    assert sum("the slow one" in record.message for record in caplog.records) >= 2


def test_a_task_that_nobody_holds_goes_with_its_loop() -> None:
    known: list[weakref.ref[Any]] = []

    async def main() -> None:
        known.append(weakref.ref(asyncio.ensure_future(pending())))
        await turns(3)

    loop = event_loop()
    loop.set_exception_handler(lambda *_: None)  # it tells of the Task that is lost
    loop.run_until_complete(main())
    gc.collect()
    assert known[0]()  # the loop holds who waits for it
    loop.close()
    del loop
    gc.collect()
    assert not known[0]()
