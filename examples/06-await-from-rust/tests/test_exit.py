"""The process ends at once, in silence, whatever calls are out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from soak import Often

PRELUDE = """
import asyncio, atexit, os, sys, threading
from await_from_rust import *

async def forever():
    await asyncio.Event().wait()

async def quick():
    await asyncio.sleep(0)

async def times_out():
    try:
        await with_timeout(forever, 0.001)
    except TimeoutError:
        pass

async def items():
    while True:
        await asyncio.sleep(0)
        yield 1

async def echo(line):
    await asyncio.sleep(1_000)

async def start():
    merged = merge(items(), items())
    await anext(merged)
    server = await serve(echo)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"line\\n")
    kept.append((merged, server, writer))
    calls = [call(forever), call_all([quick, forever]), first([forever, forever]), collect(items()),
             with_timeout(forever, 1_000), map_concurrently(lambda item: forever(), range(50), 5),
             *(call(quick) for _ in range(50)), *(times_out() for _ in range(50))]
    tasks = [asyncio.create_task(coroutine) for coroutine in calls]
    await asyncio.sleep(0.002)
    return tasks

kept = []

def in_silence(loop):
    # Of Tasks that are pending at the end asyncio itself says so.
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
"""
PROGRAMS = {
    "waiting, ending, timing out": """
async def main():
    await start()
asyncio.run(main())
""",
    "on a loop that nobody closed": """
loop = asyncio.new_event_loop()
tasks = loop.run_until_complete(start())
in_silence(loop)
""",
    "after KeyboardInterrupt": """
async def main():
    await start()
    raise KeyboardInterrupt
try:
    asyncio.run(main())
except KeyboardInterrupt:
    assert live_futures() == 0
""",
    "after SystemExit in a function that is called": """
async def main():
    await start()
    async def exits():
        sys.exit(0)
    await call(exits)
asyncio.run(main())
""",
    "on a loop that has to be called": """
class Loop(asyncio.SelectorEventLoop):
    def add_reader(self, *arguments):
        raise NotImplementedError
loop = Loop()
tasks = loop.run_until_complete(start())
in_silence(loop)
""",
    "in a thread that is still at it": """
def work():
    async def main():
        while True:
            await asyncio.gather(*(call(quick) for _ in range(100)))
    asyncio.run(main())
threading.Thread(target=work, daemon=True).start()
asyncio.run(call(asyncio.sleep, 0.01))
""",
    "half-way in a coroutine that the module holds": """
loop = asyncio.new_event_loop()
async def begin():
    coroutine = call(forever)
    coroutine.send(None)
    await asyncio.sleep(0.001)
    return coroutine
coroutine = loop.run_until_complete(begin())
in_silence(loop)
loop.close()
""",
    "in an exit handler": """
def last():
    asyncio.run(call_all([quick, quick]))
atexit.register(last)
asyncio.run(call(quick))
""",
    "under trio": """
import trio
async def never():
    await trio.sleep_forever()
async def main():
    async with trio.open_nursery() as nursery:
        for function in (never, trio.lowlevel.checkpoint) * 20:
            nursery.start_soon(call, function)
        await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
trio.run(main)
assert live_futures() == 0
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_process_ends(name: str, often: Often) -> None:
    for _ in range(often(2, 200)):
        assert run(PROGRAMS[name]) == (0, "")


def run(program: str) -> tuple[int, str]:
    """Return the exit code of a process that runs this, and all that it prints."""
    options = ["-X", "faulthandler", "-W", "ignore::ResourceWarning"]
    done = subprocess.run(
        [sys.executable, *options, "-c", PRELUDE + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
