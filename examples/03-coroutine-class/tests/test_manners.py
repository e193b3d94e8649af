"""Manners: what a coroutine says when it is forgotten, and what it leaves behind: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import sysconfig
import threading
import tracemalloc
import weakref
from types import ModuleType
from typing import Any

import pytest
from native import turn

from coroutine_class import countdown, delegate, my_coroutine
from soak import Often


@pytest.mark.parametrize("name", ["my_coroutine", "countdown", "delegate"])
def test_one_that_was_never_awaited_is_warned_of(book: ModuleType, name: str) -> None:
    arguments: dict[str, list[Any]] = {
        "my_coroutine": [],
        "countdown": [1],
        "delegate": [asyncio.Future],
    }
    with pytest.warns(RuntimeWarning, match=f"^coroutine '{name}' was never awaited$"):
        getattr(book, name)(*arguments[name])
        gc.collect()


def test_one_that_was_closed_is_not(book: ModuleType) -> None:
    book.my_coroutine().close()  # a warning would be an error here


def test_the_warning_as_an_error_is_reported_not_raised(
    book: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda hook: reported.append(str(hook.exc_value)))
    book.my_coroutine()
    assert reported == ["coroutine 'my_coroutine' was never awaited"]


def test_one_dropped_half_run_closes_what_it_awaits(book: ModuleType) -> None:
    closed = []

    async def waits() -> None:
        try:
            await turn()
        finally:
            closed.append("yes")

    inner = waits()  # kept, or it would be closed by being dropped itself
    coroutine = book.delegate(inner)
    coroutine.send(None)
    del coroutine
    assert closed == ["yes"]
    inner.close()


def test_what_closing_raises_then_is_reported(
    book: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr("sys.unraisablehook", lambda hook: reported.append(str(hook.exc_value)))

    async def waits() -> None:
        try:
            await turn()
        finally:
            raise OSError("while closing")

    coroutine = book.delegate(waits())
    coroutine.send(None)
    del coroutine
    assert reported == ["while closing"]


def finish(coroutine: Any) -> object:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


class Awaits:
    """An awaitable that holds the coroutine that awaits it."""

    coroutine: Any = None

    def __await__(self) -> Any:
        yield  # a generator, whose frame holds `self`


def test_a_cycle_through_what_it_awaits_is_collected(book: ModuleType) -> None:
    held = Awaits()
    held.coroutine = book.delegate(held)
    held.coroutine.send(None)
    end = weakref.ref(held)
    del held
    gc.collect()
    assert end() is None


def test_a_cycle_that_was_never_begun_is_collected_and_warned_of(book: ModuleType) -> None:
    held = Awaits()
    held.coroutine = book.delegate(held)
    del held
    with pytest.warns(RuntimeWarning, match=r"^coroutine 'delegate' was never awaited$"):
        gc.collect()


def test_a_task_and_its_coroutine_are_collected(book: ModuleType) -> None:
    async def main() -> weakref.ref[Any]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        future: Any = loop.create_future()
        task = asyncio.create_task(book.delegate(future))
        await asyncio.sleep(0)
        future.task = task  # the cycle: task, coroutine, future, task
        end = weakref.ref(task)
        del future, task
        gc.collect()
        return end

    class Future(asyncio.Future[None]):
        task: Any = None

    loop = asyncio.new_event_loop()
    loop.create_future = lambda: Future(loop=loop)  # type: ignore[method-assign]
    assert loop.run_until_complete(main())() is None
    loop.close()


def test_a_weak_reference_sees_its_end(book: ModuleType) -> None:
    coroutine = book.my_coroutine()
    end = weakref.ref(coroutine)
    coroutine.close()
    del coroutine
    assert end() is None


def test_a_great_many_leave_memory_flat(often: Often) -> None:
    def make_and_await(times: int) -> None:
        for _ in range(times):
            for coroutine in (my_coroutine(), countdown(0), delegate(my_coroutine())):
                with contextlib.suppress(StopIteration):
                    coroutine.send(None)

    tracemalloc.start()
    make_and_await(100)
    before, _ = tracemalloc.get_traced_memory()
    make_and_await(often(3_333, 333_333))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000  # bytes


def test_of_two_threads_that_step_it_each_step_is_taken_once() -> None:
    steps = 2_000
    coroutine = countdown(steps)
    taken: list[int] = []
    results: list[object] = []
    barrier = threading.Barrier(4)

    def step() -> None:
        count = 0
        barrier.wait()
        try:
            while True:
                try:
                    coroutine.send(None)
                    count += 1
                except ValueError as error:
                    assert str(error) == "coroutine already executing"
        except StopIteration as stop:
            results.append(stop.value)
        except RuntimeError as error:
            assert str(error) == "cannot reuse already awaited coroutine"
        taken.append(count)

    threads = [threading.Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == steps
    assert results == ["liftoff"]


@pytest.mark.parametrize("enter", ["send", "throw", "close"])
def test_while_a_thread_runs_it_another_is_refused(book: ModuleType, enter: str) -> None:
    if book.__name__ == "native" and enter != "send" and sys.version_info < (3, 13):
        pytest.skip("CPython 3.12.1 crashes here")
    inside, leave = threading.Event(), threading.Event()

    class Blocks:
        def __await__(self) -> Any:
            return self

        def __next__(self) -> None:
            inside.set()
            assert leave.wait(60)
            raise StopIteration("all there")

    coroutine = book.delegate(Blocks())
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(finish(coroutine)))
    thread.start()
    assert inside.wait(60)
    arguments: dict[str, list[Any]] = {"send": [None], "throw": [OSError], "close": []}
    try:
        with pytest.raises(ValueError, match=r"^coroutine already executing$"):
            getattr(coroutine, enter)(*arguments[enter])
        assert coroutine.cr_running
    finally:
        leave.set()
        thread.join()
    assert results == ["all there"]


@pytest.mark.parametrize("half_run", ["countdown(2)", "delegate(waits())"])
def test_the_interpreter_exits_in_silence_with_one_half_run(half_run: str) -> None:
    program = f"""
from coroutine_class import countdown, delegate
async def waits():
    try:
        await countdown(2)
    finally:
        print("tidied up")
coroutine = {half_run}
coroutine.send(None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("tidied up\n" if "waits" in half_run else "")


FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
REPORTED = {
    "delegate": "coroutine raised StopIteration" if sys.version_info < (3, 12) else "",
    "both": "coroutine ignored GeneratorExit"
    if sys.version_info >= (3, 12)
    else "coroutine raised StopIteration",
}


@pytest.mark.parametrize("name", REPORTED)
def test_what_closing_raises_at_the_interpreters_exit_is_reported(name: str) -> None:
    program = f"""
from coroutine_class import both, delegate
class Stops:
    def __await__(self): return self
    def __next__(self): return None
    def close(self): raise StopIteration
coroutine = {name}({"Stops(), " * (2 if name == "both" else 1)})
coroutine.send(None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    reported = done.stderr.rpartition("RuntimeError: ")[2].strip()
    # At the exit of a free-threaded build the class of what is awaited may be cleared before, and
    # has no `close` then: nothing is left that could raise.
    assert reported == REPORTED[name] or (FREE_THREADED and not done.stderr)


def test_too_many_inside_each_other_are_no_crash_at_the_interpreters_exit() -> None:
    program = """
import sys
from coroutine_class import countdown, delegate
sys.setrecursionlimit(3_000)
coroutine = countdown(1)
for _ in range(1_500):
    coroutine = delegate(coroutine)
coroutine.send(None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "panicked" not in done.stderr
