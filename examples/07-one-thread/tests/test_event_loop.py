"""One thread: where futures run, when they are delivered, and how a loop begins and ends."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from conftest import forget, in_child, open_files, run_program, turns, wait_until
from one_thread import (
    event_loop,
    hog,
    live_futures,
    pending,
    polled_on,
    read_file,
    run,
    sleep,
    steps,
    this_thread,
    write_both,
    yield_now,
)
from soak import Often

linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


def test_futures_are_polled_on_the_loops_own_thread() -> None:
    async def main() -> bool:
        return await polled_on() == this_thread()

    assert run(main())
    assert not asyncio.run(main())


@linux
def test_it_has_no_other_thread() -> None:
    program = """
async def main():
    await asyncio.gather(*(sleep(0.001) for _ in range(100)))
    assert len(os.listdir("/proc/self/task")) == 1
run(main())
"""
    assert run_program(program) == (0, "")


def test_it_is_asyncios_own_loop_but_for_its_selector() -> None:
    loop = event_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()


def test_a_future_that_comes_in_has_its_task_run_in_the_same_turn() -> None:
    """Nothing else of Python runs between the poll and the task."""
    order: list[str] = []

    async def waits() -> None:
        await steps(10)  # more than one turn takes
        order.append("task")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        select = loop._selector.select  # type: ignore[attr-defined]

        class Recording:
            def __getattr__(self, name: str) -> Any:
                return getattr(inner, name)

            def select(self, timeout: float | None) -> Any:
                before = live_futures()
                events = select(timeout)
                if live_futures() < before:
                    order.append("came in")
                    loop.call_soon(order.append, "later")
                return events

        inner = loop._selector  # type: ignore[attr-defined]
        loop._selector = Recording()  # type: ignore[attr-defined]
        await waits()
        await turns(1)
        loop._selector = inner  # type: ignore[attr-defined]

    run(main())
    assert order == ["came in", "task", "later"]


def test_a_selector_that_has_nothing_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[int] = []

    class Recording(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            events = super().select(timeout)
            answers.append(len(events))
            return events

    async def main() -> list[int]:
        for _ in range(100):
            await yield_now()
        before = answers.copy()
        asyncio.get_running_loop().call_soon_threadsafe(int)  # writes to a socket that it watches
        await turns(100)
        return before

    monkeypatch.setattr(selectors, "DefaultSelector", Recording)
    before = run(main())
    assert before == [0]  # when the loop began
    after = answers[1:]
    assert (after[0], after[-1]) == (1, 0)
    assert len(after) < 10


def test_many_futures_that_come_in_together_are_one_turn() -> None:
    async def main() -> int:
        count = 0
        loop = asyncio.get_running_loop()

        def counts() -> None:
            nonlocal count
            count += 1
            loop.call_soon(counts)

        loop.call_soon(counts)
        await asyncio.gather(*(yield_now() for _ in range(1_000)))
        return count

    assert run(main()) <= 5


def test_a_loop_that_is_closed_drops_its_futures(capfd: pytest.CaptureFixture[str]) -> None:
    loop = event_loop()
    tasks = [loop.create_task(pending()), loop.create_task(sleep(1_000))]
    loop.run_until_complete(turns(3))
    assert live_futures() == 2
    forget(loop)
    loop.close()
    assert live_futures() == 0
    del tasks, loop
    gc.collect()
    assert capfd.readouterr().err == ""


@linux
def test_a_loop_that_is_forgotten_leaves_nothing() -> None:
    def forgotten() -> None:
        loop = event_loop()
        loop.create_task(pending())
        loop.run_until_complete(turns(3))
        forget(loop)

    files = open_files()
    with pytest.warns(ResourceWarning):
        forgotten()
        gc.collect()
    assert live_futures() == 0
    assert open_files() == files


@linux
def test_loops_come_and_go_without_a_trace(often: Often) -> None:
    for _ in range(3):
        run(yield_now())
    files, blocks = open_files(), sys.getallocatedblocks()
    for _ in range(often(200, 5_000)):
        run(yield_now())
    assert open_files() == files
    assert sys.getallocatedblocks() - blocks < 1_000


def test_many_loops_in_many_threads_at_once(often: Often) -> None:
    results: list[Any] = []

    async def main() -> list[Any]:
        return await asyncio.gather(*(sleep(number / 10_000, number) for number in range(100)))

    def work() -> None:
        results.extend(run(main()) for _ in range(often(3, 50)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(100))] * 8 * often(3, 50)


def test_run_inside_a_loop_is_refused_as_by_asyncio() -> None:
    async def main() -> None:
        coroutine = turns(1)
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
            run(coroutine)
        coroutine.close()

    run(main())


def test_made_on_one_thread_it_runs_on_another() -> None:
    loop = event_loop()
    results: list[bool] = []

    async def main() -> None:
        results.append(await polled_on() == this_thread())

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    thread.join()
    loop.run_until_complete(main())
    loop.close()
    assert results == [True, True]


def test_loops_of_two_kinds_in_turn_on_one_thread() -> None:
    loops = [event_loop(), asyncio.new_event_loop(), event_loop()]
    for _ in range(10):
        for loop in loops:
            assert loop.run_until_complete(sleep(0, "slept")) == "slept"
    for loop in loops:
        loop.close()


def test_a_future_that_is_uncancellable_outlives_its_loop(tmp_path: Path) -> None:
    """Its runtime goes on on a thread of its own until the future is finished."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loop = event_loop()
    loop.create_task(write_both(pipe, b"one", b"two"))
    loop.run_until_complete(turns(3))
    forget(loop)
    loop.close()
    assert live_futures() == 1
    assert pipe.read_bytes() == b"onetwo"
    wait_until(lambda: live_futures() == 0)
    names = [thread.name for thread in threading.enumerate()]
    assert names == ["MainThread"]


def test_a_future_that_is_abandoned_in_the_middle_of_a_round_is_finished(tmp_path: Path) -> None:
    """A greedy future uses up what tokio allows in a poll. So the task that goes on with the other
    polls that first. The rest of the round must not poll it: it would forget the task."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def main() -> bytes:
        greedy = asyncio.create_task(hog())
        await turns(3)
        writes = write_both(pipe, b"one", b"two")
        writes.send(None)
        writes.close()
        await turns(3)
        written = await asyncio.to_thread(pipe.read_bytes)
        greedy.cancel()
        return written

    assert run(main()) == b"onetwo"
    wait_until(lambda: live_futures() == 0)


def test_what_blocks_does_not_hold_up_the_close(tmp_path: Path) -> None:
    """A thread of tokio's waits for somebody to write to a pipe. Nobody waits for the thread."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loop = event_loop()
    loop.create_task(read_file(pipe))
    loop.run_until_complete(turns(3))
    forget(loop)
    loop.close()
    assert live_futures() == 0
    pipe.write_text("at last")  # which lets that thread go


def test_on_a_loop_that_is_closed_nothing_can_be_awaited() -> None:
    loop = event_loop()
    loop.close()
    loop.close()  # twice is as good as once
    coroutine = yield_now()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.run_until_complete(coroutine)
    coroutine.close()


def test_a_selector_that_is_closed_says_so_as_the_standard_one_does() -> None:
    errors: list[tuple[type, str]] = []
    for new in event_loop, asyncio.new_event_loop:
        loop = new()
        selector = loop._selector  # type: ignore[attr-defined]
        loop.close()
        for timeout in 0, None:
            with pytest.raises((ValueError, RuntimeError)) as caught:
                selector.select(timeout)
            errors.append((type(caught.value), str(caught.value)))
    assert errors[:2] == errors[2:]


def test_one_thread_at_a_time_waits_in_it() -> None:
    loop = event_loop()
    selector = loop._selector  # type: ignore[attr-defined]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    wait_until(loop.is_running)
    asyncio.run_coroutine_threadsafe(sleep(0.001), loop).result()

    def refused() -> bool:
        """It waits most of the time, and so is met there."""
        try:
            selector.select(0)
        except RuntimeError as error:
            return str(error) == "a thread waits in this event loop"
        return False

    wait_until(refused)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_its_selector_is_one_of_the_standard_library_to_whoever_registers() -> None:
    loop = event_loop()
    selector = loop._selector  # type: ignore[attr-defined]
    reader, writer = os.pipe()
    key = selector.register(reader, selectors.EVENT_READ, "data")
    assert selector.get_key(reader) == key == selector.get_map()[reader]
    assert selector.select(0) == []
    os.write(writer, b"x")
    for _ in range(3):  # level-triggered
        assert selector.select(None) == [(key, selectors.EVENT_READ)]
    assert selector.modify(reader, selectors.EVENT_READ, "other").data == "other"
    os.read(reader, 1)
    assert selector.select(0) == []
    selector.unregister(reader)
    assert isinstance(selector.fileno(), int)
    for end in reader, writer:
        os.close(end)
    loop.close()


def test_a_task_that_nobody_holds_is_not_collected() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        async def forgotten() -> None:
            ended.set_result(await sleep(0.001, "slept"))

        weakref.finalize(loop.create_task(forgotten()), lambda: None)
        await turns(3)
        gc.collect()
        return await ended

    assert run(main()) == "slept"


def test_a_forked_child_has_a_loop_of_its_own() -> None:
    async def main() -> int:
        task = asyncio.create_task(sleep(0.01, 7))
        await turns(3)
        status = in_child(lambda: run(sleep(0.001, 3)))
        return status + await task

    assert run(main()) == 10


def test_a_forked_child_cannot_use_its_parents_loop() -> None:
    loop = event_loop()
    loop.run_until_complete(yield_now())

    def child() -> int:
        coroutine = yield_now()
        try:
            loop.run_until_complete(coroutine)
        except RuntimeError as error:
            return 5 if "other side of a fork" in str(error) else 6
        finally:
            coroutine.close()
        return 7

    assert in_child(child) == 5
    loop.run_until_complete(yield_now())
    loop.close()


def test_children_that_close_what_they_have_copied_leave_the_parent_alone(often: Often) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(often(20, 500)):
            tasks = [asyncio.create_task(sleep(0.001)) for _ in range(10)]
            await turns(3)
            assert in_child(lambda: loop._selector.close() or 0) == 0  # type: ignore[attr-defined]
            await asyncio.gather(*tasks)

    run(main())


PROGRAMS = {
    "with a loop that is open": """
loop = event_loop()
tasks = [loop.create_task(one) for one in (pending(), sleep(100), spin())]
async def main():
    await sleep(0.001)
loop.run_until_complete(main())
for task in tasks:
    task._log_destroy_pending = False
""",
    "while a thread of it reads a file": """
os.mkfifo(path)
async def main():
    task = asyncio.create_task(read_file(path))
    await sleep(0.001)
loop = event_loop()
task = loop.create_task(main())
loop.run_until_complete(task)
for task in asyncio.all_tasks(loop):
    task._log_destroy_pending = False
loop.close()
""",
    "in a thread that is still at it": """
def work():
    async def main():
        while True:
            await asyncio.gather(*(yield_now() for _ in range(100)))
    run(main())
threading.Thread(target=work, daemon=True).start()
run(sleep(0.01))
""",
    "in an exit handler": """
import atexit
atexit.register(lambda: run(sleep(0.001)))
run(sleep(0.001))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_process_ends(name: str, tmp_path: Path, often: Often) -> None:
    for number in range(often(3, 100)):
        program = f"path = {str(tmp_path / str(number))!r}\n" + PROGRAMS[name]
        status, errors = run_program("import warnings\nwarnings.simplefilter('ignore')\n" + program)
        assert (status, errors) == (0, "")


@linux
def test_without_a_descriptor_left_there_is_an_error_with_its_number() -> None:
    program = """
import errno, resource
sys.unraisablehook = lambda _: None  # a loop of asyncio's that is half made cannot be closed
run(yield_now())
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
first = os.dup(0)
os.close(first)
for left in range(12):
    resource.setrlimit(resource.RLIMIT_NOFILE, (first + left, hard))
    try:
        event_loop().close()
    except OSError as error:
        assert error.errno == errno.EMFILE, error
    else:
        break
else:
    sys.exit("twelve are not enough")
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
run(yield_now())
"""
    assert run_program(program) == (0, "")
