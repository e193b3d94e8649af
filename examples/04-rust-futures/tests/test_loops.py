"""Many loops, short-lived loops, closed loops, and how often they are woken."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from conftest import LOOPS, Run, turns, wait_until
from rust_futures import inline_yield_now, live_futures, pending, sleep, yield_now
from soak import Often

NewLoop = Callable[[], asyncio.AbstractEventLoop]
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


def test_many_loops_in_many_threads_at_once(run: Run, often: Often) -> None:
    results: list[Any] = []

    async def main() -> list[Any]:
        return await asyncio.gather(*(sleep(number / 10_000, number) for number in range(100)))

    def work() -> None:
        for _ in range(often(3, 50)):
            results.append(run(main))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(100))] * 8 * often(3, 50)


@linux
def test_loops_come_and_go_without_a_trace(run_anywhere: Run, often: Often) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    for _ in range(3):
        run_anywhere(yield_now)
    gc.collect()
    files, blocks = open_files(), sys.getallocatedblocks()
    for _ in range(often(200, 5_000)):
        run_anywhere(yield_now)
    gc.collect()
    assert open_files() <= files  # what earlier tests left may have gone meanwhile
    assert sys.getallocatedblocks() - blocks < 1_000


def test_a_loop_that_is_closed_drops_its_futures(loop_factory: NewLoop, capfd: Any) -> None:
    loop = loop_factory()
    tasks = [loop.create_task(pending()), loop.create_task(sleep(1_000))]
    loop.run_until_complete(asyncio.sleep(0.001))
    assert live_futures() == 2
    loop.close()
    assert live_futures() == 0
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio prints itself
    del task, tasks, loop
    gc.collect()
    assert capfd.readouterr().err == ""


def test_a_loop_that_is_forgotten_drops_its_futures() -> None:
    with pytest.warns(ResourceWarning):
        loop = asyncio.new_event_loop()
        task = loop.create_task(pending())
        loop.run_until_complete(asyncio.sleep(0))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        del task, loop
        gc.collect()
    assert live_futures() == 0


def test_a_future_that_finishes_after_its_loop_is_closed(loop_factory: NewLoop, capfd: Any) -> None:
    for _ in range(20):
        loop = loop_factory()
        tasks = [loop.create_task(sleep(0.001)) for _ in range(10)]
        loop.run_until_complete(asyncio.sleep(0.001))
        loop.close()
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
    assert capfd.readouterr().err == ""


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts how often it is woken to look what is ready."""

    wakeups = 0

    def add_reader(self, fd: Any, callback: Callable[[], None]) -> None:  # type: ignore[override]
        def counted() -> None:
            self.wakeups += 1
            callback()

        super().add_reader(fd, counted)


class CountingCalls(asyncio.SelectorEventLoop):
    """The same, for a loop that has to be called."""

    wakeups = 0

    def add_reader(self, *arguments: Any) -> None:  # type: ignore[override]
        raise NotImplementedError

    def call_soon_threadsafe(  # type: ignore[override]
        self, *arguments: Any, **keywords: Any
    ) -> asyncio.Handle:
        self.wakeups += 1
        return super().call_soon_threadsafe(*arguments, **keywords)


@pytest.mark.parametrize("kind", [Counting, CountingCalls])
def test_a_batch_wakes_the_loop_once(kind: type[Counting]) -> None:
    loop = kind()

    async def main() -> int:
        tasks = [asyncio.create_task(sleep(0.001)) for _ in range(1_000)]
        await turns(2)  # all are parked
        wait_until(lambda: live_futures() == 0)  # the loop is kept busy until all are finished
        await asyncio.gather(*tasks)
        return loop.wakeups

    assert 1 <= loop.run_until_complete(main()) <= 10  # and not 1,000
    loop.close()


@pytest.mark.parametrize("kind", [Counting, CountingCalls])
def test_inline_futures_that_wake_themselves_wake_no_loop(kind: type[Counting]) -> None:
    """They are woken while the loop polls them: it is awake."""
    loop = kind()

    async def main() -> int:
        await asyncio.gather(*(inline_yield_now() for _ in range(1_000)))
        return loop.wakeups

    assert loop.run_until_complete(main()) == 0
    loop.close()


def test_two_loops_in_turn_on_one_thread() -> None:
    loops = [new() for new in LOOPS.values()]
    for _ in range(10):
        for loop in loops:
            assert loop.run_until_complete(sleep(0, "slept")) == "slept"
    for loop in loops:
        loop.close()


def test_trio_inside_asyncio() -> None:
    """A guest run of trio: both libraries on one thread, each with its own futures."""
    results: list[str] = []

    async def guest() -> str:
        await sleep(0.001)
        return await sleep(0.001, "guest")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        results.append(await sleep(0.001, "host"))
        results.append((await ended).unwrap())

    asyncio.run(main())
    assert results == ["host", "guest"]


@linux
def test_trio_ends_with_nothing_left_behind() -> None:
    """Neither a descriptor, nor what trio has made for the run, such as its token."""

    async def main() -> list[weakref.ref[Any]]:
        await yield_now()
        made = [trio.lowlevel.current_trio_token(), trio.lowlevel.current_root_task()]
        return [weakref.ref(one) for one in made]

    trio.run(main)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    ends = trio.run(main)
    gc.collect()
    assert [end() for end in ends] == [None, None]
    assert len(os.listdir("/proc/self/fd")) == before


def test_under_anyio_on_either() -> None:
    anyio = pytest.importorskip("anyio")

    async def main() -> int:
        with anyio.move_on_after(0.01):
            await pending()
        return live_futures()

    assert [anyio.run(main, backend=backend) for backend in ("asyncio", "trio")] == [0, 0]


def test_in_debug_mode(run: Run) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().set_debug(True)
        return await asyncio.gather(*(sleep(0.001, number) for number in range(10)))

    assert run(main) == list(range(10))


@linux
def test_a_loop_closed_with_futures_out_leaves_no_file_open(loop_factory: NewLoop) -> None:
    def close_one() -> None:
        loop = loop_factory()
        tasks = [loop.create_task(pending()) for _ in range(3)]
        loop.run_until_complete(asyncio.sleep(0.001))
        loop.close()
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    close_one()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        close_one()
    gc.collect()
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)


@linux
def test_a_loop_that_is_closed_keeps_no_file_open_until_the_next(loop_factory: NewLoop) -> None:
    asyncio.run(yield_now())  # the runtime has its own
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    loop = loop_factory()
    loop.run_until_complete(yield_now())
    loop.close()
    gc.collect()
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_begun_on_one_loop_it_cannot_go_on_on_another() -> None:
    loops = [asyncio.new_event_loop() for _ in range(2)]

    async def begin() -> Any:
        coroutine = pending()
        coroutine.send(None)
        return coroutine

    async def go_on(coroutine: Any) -> None:
        with pytest.raises(
            RuntimeError, match=r"^the coroutine was begun on a different event loop$"
        ):
            coroutine.send(None)

    loops[1].run_until_complete(go_on(loops[0].run_until_complete(begin())))
    for loop in loops:
        loop.close()


@pytest.mark.parametrize("half", [None, types.ModuleType("trio.lowlevel")])
def test_a_trio_that_is_not_wholly_imported_does_not_run(
    half: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trio.lowlevel", half)
    assert asyncio.run(sleep(0, "asyncio")) == "asyncio"


def test_trio_ends_though_a_coroutine_is_left_that_nobody_drives() -> None:
    async def main() -> Any:
        forgotten = pending()
        forgotten.send(None)
        await yield_now()
        return forgotten

    forgotten = trio.run(main)
    assert live_futures() == 0
    forgotten.close()


def test_what_cannot_wait_is_raised_when_all_have_been_resumed() -> None:
    """As `KeyboardInterrupt`, when Ctrl-C comes while a batch is delivered."""

    class Interrupted(asyncio.SelectorEventLoop):
        interrupt = False

        def call_soon(  # type: ignore[override]
            self, *arguments: Any, **keywords: Any
        ) -> asyncio.Handle:
            handle = super().call_soon(*arguments, **keywords)
            if self.interrupt:
                self.interrupt = False
                raise KeyboardInterrupt
            return handle

    loop = Interrupted()
    tasks = [loop.create_task(sleep(0.001, number)) for number in range(10)]
    loop.run_until_complete(turns(3))  # all are parked
    wait_until(lambda: live_futures() == 0)
    loop.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert loop.run_until_complete(asyncio.gather(*tasks)) == list(range(10))
    loop.close()


@linux
def test_a_loop_that_is_closed_does_not_end_a_process_that_does_without_sigpipe() -> None:
    program = """
import asyncio, signal, time
from rust_futures import read_blocking, sleep
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
for _ in range(30):
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(sleep(0.001)) for _ in range(20)]
    loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()
    for task in tasks:
        task._log_destroy_pending = False
time.sleep(0.01)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
