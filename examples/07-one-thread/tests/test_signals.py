"""Signals: Ctrl-C at once, idle or busy, and handlers as asyncio has them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from conftest import forget, turns, wait_until
from one_thread import event_loop, pending, run, sleep, steps
from soak import Often

WAYS = {
    "idle": "await pending()",
    "idle in Python": "await asyncio.get_running_loop().create_future()",
    "busy in Rust": "await asyncio.gather(*(spin() for _ in range(100)))",
    "busy with greed": "await asyncio.gather(*(hog() for _ in range(100)))",
    "busy in Python": "while True: await asyncio.sleep(0)",
    "beside a subprocess": """process = await asyncio.create_subprocess_exec("cat", stdin=-1)
    try:
        await process.wait()
    finally:
        process.stdin.close()
        await process.wait()""",
}

RUNS = {
    "run": "run(main())",
    "a runner": """
with asyncio.Runner(loop_factory=event_loop) as runner:
    runner.run(main())""",
    # A KeyboardInterrupt between two callbacks may lose one: so nothing is awaited any more.
    "run_until_complete": """
loop = event_loop()
try:
    loop.run_until_complete(main())
finally:
    in_silence(asyncio.all_tasks(loop))
    loop.close()""",
}

PROGRAM = """
import asyncio, gc, signal, sys
from one_thread import *

def in_silence(tasks):
    for task in tasks:
        task._log_destroy_pending = False

async def main():
    print("ready", flush=True)
    {way}

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
interrupted = False
try:
    {run}
except KeyboardInterrupt:
    interrupted = True
if interrupted:  # until here the traceback held what had just been made
    gc.collect()
    assert live_futures() == 0
    assert signal.set_wakeup_fd(-1) == -1  # as it was
    print("interrupted")
"""


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_is_heard_at_once(way: str, run: str, often: Often) -> None:
    source = PROGRAM.format(way=WAYS[way], run=RUNS[run].replace("\n", "\n    "))
    for _ in range(often(1, 30)):
        command = [sys.executable, "-X", "faulthandler", "-c", source]
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with program:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
            program.send_signal(signal.SIGINT)
            assert program.stdout.read() == "interrupted\n"
        assert program.returncode == 0


def test_what_a_handler_raises_comes_out_of_the_loop() -> None:
    """As it does where the selector waits in Python."""

    def raises(*_: Any) -> None:
        raise LookupError("from a handler")

    main = threading.main_thread().ident
    assert main is not None
    runs = threading.Event()

    def interrupts() -> None:
        runs.wait()
        signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, raises)
    loop = event_loop()
    task = loop.create_task(pending())
    thread = threading.Thread(target=interrupts)
    thread.start()
    loop.call_soon(loop.call_soon, runs.set)  # when the task has begun
    with pytest.raises(LookupError, match="from a handler"):
        loop.run_until_complete(task)
    thread.join()
    signal.signal(signal.SIGUSR1, before)
    forget(loop)
    loop.close()


def test_a_signal_that_nobody_raises_for_does_not_end_the_wait() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))

    async def main() -> str:
        task = asyncio.create_task(sleep(0.05, "slept"))
        await turns(3)
        threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        return await task

    assert run(main()) == "slept"
    wait_until(lambda: seen == [signal.SIGUSR1])
    signal.signal(signal.SIGUSR1, before)


def test_the_loops_own_handlers() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: asyncio.Queue[str] = asyncio.Queue()
        loop.add_signal_handler(signal.SIGUSR1, seen.put_nowait, "one")
        loop.add_signal_handler(signal.SIGUSR2, seen.put_nowait, "two")
        results = []
        for number in signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1:
            os.kill(os.getpid(), number)
            results.append(await seen.get())
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert loop.remove_signal_handler(signal.SIGUSR2)
        return results

    assert run(main()) == ["one", "two", "one"]
    assert signal.set_wakeup_fd(-1) == -1


def test_when_the_last_handler_is_gone_ctrl_c_is_still_heard() -> None:
    """asyncio puts the socket away then, in which it hears of signals."""
    source = PROGRAM.format(
        way="""loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.remove_signal_handler(signal.SIGUSR1)
    print("ready", flush=True)
    await pending()""",
        run=RUNS["run"],
    )
    command = [sys.executable, "-c", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert [program.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "interrupted\n"


def test_a_handler_that_stays_hears_between_two_runs() -> None:
    loop = event_loop()
    seen: list[str] = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "between")
    loop.run_until_complete(steps(1))
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run_until_complete(steps(100))
    assert seen == ["between"]
    loop.close()
    assert signal.set_wakeup_fd(-1) == -1


def test_who_has_heard_before_hears_afterwards() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    run(steps(100))
    assert signal.set_wakeup_fd(-1) == writer
    for end in reader, writer:
        os.close(end)


def test_on_another_thread_signals_are_left_alone() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    thread = threading.Thread(target=lambda: run(steps(100)))
    thread.start()
    thread.join()
    assert signal.set_wakeup_fd(-1) == writer
    for end in reader, writer:
        os.close(end)
