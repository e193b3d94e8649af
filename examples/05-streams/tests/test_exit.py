"""The process ends at once, in silence, whatever its streams are doing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from soak import Often

PRELUDE = """
import asyncio, atexit, gc, os, sys, threading
from rust_streams import *
async def take(stream, count):
    return [await anext(stream) for _ in range(count)]
async def consume(stream):
    async for _ in stream:
        await asyncio.sleep(0)
def endless():
    made = [produce(10**18, ahead) for ahead in (1, 16, 1024)]
    return [*made, count(10**18), ticks(0.0001, 10**9)]
async def start():
    waits = [channel()[1], channel(inline=True)[1]]
    return [asyncio.create_task(consume(stream)) for stream in endless() + waits]
"""
PROGRAMS = {
    "made and not taken": """
streams = endless()
async def main():
    for stream in streams:
        await take(stream, 5)
asyncio.run(main())
""",
    "taken, waiting, being made": """
async def main():
    await start()
    await take(ticks(0.001, 2), 2)
asyncio.run(main())
""",
    "on a loop that nobody closed": """
loop = asyncio.new_event_loop()
tasks = loop.run_until_complete(start())
for task in tasks:
    task._log_destroy_pending = False
loop.run_until_complete(take(ticks(0.001, 2), 2))
""",
    "after KeyboardInterrupt": """
async def main():
    await start()
    await take(ticks(0.001, 2), 2)
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
loop.run_until_complete(take(ticks(0.001, 2), 2))
""",
    "in a thread that is still at it": """
def work():
    async def main():
        while True:
            await asyncio.gather(*(take(produce(100, 4), 100) for _ in range(10)))
    asyncio.run(main())
threading.Thread(target=work, daemon=True).start()
asyncio.run(take(ticks(0.001, 5), 5))
""",
    "half-way in a step that the module holds": """
sender, stream = channel()
loop = asyncio.new_event_loop()
asyncio._set_running_loop(loop)
step = stream.__anext__()
step.send(None)
asyncio._set_running_loop(None)
loop.close()
""",
    "half-way in aclose": """
streams = endless()
closing = []
async def main():
    for stream in streams:
        await take(stream, 5)
        closing.append(stream.aclose())
        try:
            closing[-1].send(None)
        except StopIteration:
            pass
asyncio.run(main())
""",
    "in an exit handler": """
def last():
    assert asyncio.run(take(produce(10), 10)) == list(range(10))
atexit.register(last)
asyncio.run(take(produce(10), 10))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_process_ends(name: str, often: Often) -> None:
    for _ in range(often(2, 200)):
        assert run(PROGRAMS[name]) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
def test_the_process_ends_while_a_file_is_read(tmp_path: object) -> None:
    fifo = f"{tmp_path}/fifo"
    os.mkfifo(fifo)
    program = f"""
loop = asyncio.new_event_loop()
streams = [lines({fifo!r}), read_blocking({fifo!r})]
tasks = [loop.create_task(take(stream, 1)) for stream in streams]
loop.run_until_complete(take(ticks(0.001, 1), 1))
for task in tasks:
    task._log_destroy_pending = False
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
            "-W",
            "ignore::RuntimeWarning",
            "-c",
            PRELUDE + program,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
