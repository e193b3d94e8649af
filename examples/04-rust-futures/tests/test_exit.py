"""The process ends at once, in silence, whatever its futures are doing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from soak import Often

PRELUDE = """
import asyncio, atexit, gc, os, sys, threading
from rust_futures import *
async def start():
    return [asyncio.create_task(c) for c in
            [pending(), *(sleep(i / 10_000) for i in range(50)), *(yield_now() for _ in range(50))]]
"""
PROGRAMS = {
    "running, never finishing, finishing": """
async def main():
    await start()
    await sleep(0.002)
asyncio.run(main())
""",
    "on a loop that nobody closed": """
loop = asyncio.new_event_loop()
tasks = loop.run_until_complete(start())
for task in tasks:
    task._log_destroy_pending = False
loop.run_until_complete(sleep(0.002))
""",
    "after KeyboardInterrupt": """
async def main():
    await start()
    await sleep(0.001)
    raise KeyboardInterrupt
try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
""",
    "on a loop that has to be called": """
class Loop(asyncio.SelectorEventLoop):
    def add_reader(self, *arguments):
        raise NotImplementedError
loop = Loop()
tasks = loop.run_until_complete(start())
for task in tasks:
    task._log_destroy_pending = False
loop.run_until_complete(sleep(0.002))
""",
    "in a thread that is still at it": """
def work():
    async def main():
        while True:
            await asyncio.gather(*(yield_now() for _ in range(100)))
    asyncio.run(main())
threading.Thread(target=work, daemon=True).start()
asyncio.run(sleep(0.01))
""",
    "half-way in a coroutine that the module holds": """
loop = asyncio.new_event_loop()
asyncio._set_running_loop(loop)
coroutine = pending()
coroutine.send(None)
asyncio._set_running_loop(None)
loop.close()
""",
    "on a called loop in an exit handler": """
class Loop(asyncio.SelectorEventLoop):
    def add_reader(self, *arguments):
        raise NotImplementedError
loop = Loop()
def last():
    try:
        loop.run_until_complete(sleep(0.01))
    except RuntimeError as error:
        assert "while the interpreter exits" in str(error)
    else:
        sys.exit("nobody could wake it")
atexit.register(last)
loop.run_until_complete(sleep(0.001))
""",
    "after Ctrl-C": """
import signal
async def main():
    await start()
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    await pending()
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
try:
    asyncio.run(main())
except KeyboardInterrupt:
    assert live_futures() == 0
""",
    "in an exit handler": """
def last():
    asyncio.run(sleep(0.001))
atexit.register(last)
asyncio.run(sleep(0.001))
""",
}


if sys.platform == "win32":
    del PROGRAMS["after Ctrl-C"]  # there are no timers of this kind


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_process_ends(name: str, often: Often) -> None:
    for _ in range(often(2, 200)):
        assert run(PROGRAMS[name]) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
def test_the_process_ends_while_a_file_is_read(tmp_path: object) -> None:
    fifo = f"{tmp_path}/fifo"
    os.mkfifo(fifo)
    program = f"""
async def main():
    asyncio.create_task(hash_file({fifo!r}))
    asyncio.create_task(read_blocking({fifo!r}))
    await sleep(0.001)
asyncio.run(main(), **({{}}))
"""
    # A poll in progress is waited for by whoever cancels it; at exit nobody waits.
    program = program.replace("asyncio.run(main(), **({}))", "main_without_end(main())")
    helper = """
def main_without_end(main):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main)
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
"""
    assert run(helper + program) == (0, "")


def test_a_runtime_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKIO_WORKER_THREADS", "nonsense")
    program = """
for _ in range(2):
    try:
        asyncio.run(yield_now())
    except OSError as error:
        assert "TOKIO_WORKER_THREADS" in str(error), error
    else:
        sys.exit("no error")
assert live_futures() == 0
"""
    assert run(program) == (0, "")


def test_worker_threads_can_be_set_before_the_first_use() -> None:
    program = """
set_worker_threads(1)
asyncio.run(yield_now())
try:
    set_worker_threads(2)
except RuntimeError:
    pass
else:
    sys.exit("too late, and no error")
"""
    assert run(program) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
def test_as_many_futures_work_at_once_as_there_are_workers(tmp_path: object) -> None:
    program = f"""
set_worker_threads(3)
pipes = [f"{tmp_path}/{{number}}" for number in range(3)]
for pipe in pipes:
    os.mkfifo(pipe)
async def main():
    reading = [asyncio.create_task(read_blocking(pipe)) for pipe in pipes]
    # To open a pipe waits for its reader, which keeps a worker: all are at it at the same time.
    writers = [await asyncio.to_thread(open, pipe, "w") for pipe in pipes]
    for writer in writers:
        writer.write("at once")
        writer.close()
    assert await asyncio.gather(*reading) == ["at once"] * 3
asyncio.run(main())
"""
    assert run(program) == (0, "")


def run(program: str) -> tuple[int, str]:
    """Return the exit code of a process that runs this, and all that it prints."""
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "faulthandler",
            "-W",
            "ignore::ResourceWarning",
            "-c",
            PRELUDE + program,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
