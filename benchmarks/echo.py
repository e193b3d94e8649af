"""Requests per second over connections to an echo server, which is in another process.

The seconds are those of the client's processor: what else there is on the machine, the server
among it, does not count.

Timed by hand, as connecting must not count, nor be done again for each value that pyperf takes. The
clients take turns against one server, each in a fresh process, as what one does to the process's
memory changes the next one: `python echo.py asyncio streams PORT 100 64 40000`. Server and client
have a core each, where there are two.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ladder import EVERY_LOOP, ONE_THREAD, end_at_once

SERVER = "import published; published.serve_echo()"
SMALL, LARGE = 64, 65_536
CASES = [(connections, size) for size in (SMALL, LARGE) for connections in (1, 10, 100, 1_000)]
"""How many connections, and how many bytes a message has."""

BATCH = 100
"""So many connect at once, or the server's queue overflows."""

Ask = Callable[[bytes, int], Awaitable[None]]


@contextmanager
def server() -> Iterator[int]:
    """Run the server, which has one thread; gives its port."""
    allow_descriptors()
    command = on_core(1, [sys.executable, "-c", SERVER])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def on_core(number: int, command: list[str]) -> list[str]:
    """Have the command run on this core only, if the system can do that and has so many."""
    if shutil.which("taskset") and hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if number < len(cores):
            return ["taskset", "--cpu-list", str(cores[number]), *command]
    return command


def allow_descriptors() -> None:
    """Take as many descriptors as the system lets us have."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def by_streams(port: int) -> Ask:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(message: bytes, times: int) -> None:
        for _ in range(times):
            writer.write(message)
            await writer.drain()
            await reader.readexactly(len(message))

    return ask


async def by_chapter_07(port: int) -> Ask:
    opened = importlib.import_module("one_thread").open_connection("127.0.0.1", port)
    connection: Any = await opened

    async def ask(message: bytes, times: int) -> None:
        for _ in range(times):
            await connection.write(message)
            await connection.readexactly(len(message))

    return ask


OPENS = {"streams": by_streams, "chapter 07": by_chapter_07}
KEPT_STREAMS = "asyncio's streams, memory kept"
UVLOOP_STREAMS = "uvloop's streams"
BRIDGED = "chapter 07 on asyncio"
TOKIO = "tokio, without Python"

NO_LOOP = "none"
"""The same requests by Rust alone: what is left when an await costs nothing."""

KEPT = {"MALLOC_TOP_PAD_": "64000000"}
"""Has glibc keep freed memory. asyncio makes room for 256 KiB to receive each message, and gives
back what it did not need: without this to the kernel, for every message anew."""

CLIENTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "asyncio's streams": ("asyncio", "streams", {}),
    KEPT_STREAMS: ("asyncio", "streams", KEPT),
    BRIDGED: ("asyncio", "chapter 07", {}),
    UVLOOP_STREAMS: ("uvloop", "streams", {}),
    "chapter 07 on uvloop": ("uvloop", "chapter 07", {}),
    ONE_THREAD: (ONE_THREAD, "chapter 07", {}),
    TOKIO: (NO_LOOP, "", {}),
}
"""Each client's loop, how it opens connections, and what its environment has."""


async def per_second(opens: str, port: int, connections: int, size: int, total: int) -> float:
    """Return the requests per second that so many connections make together."""
    opened: list[Ask] = []
    while len(opened) < connections:
        batch = range(min(BATCH, connections - len(opened)))
        opened += await asyncio.gather(*(OPENS[opens](port) for _ in batch))
    message, times = bytes(size), max(2, total // connections)
    start = time.process_time()
    await asyncio.gather(*(ask(message, times) for ask in opened))
    return times * connections / (time.process_time() - start)


def per_second_by_tokio(port: int, connections: int, size: int, total: int) -> float:
    """Return the same of tokio without Python, which counts its connecting: so it is done twice."""
    ask_echo = importlib.import_module("published").ask_echo

    def asked(times: int) -> float:
        start = time.process_time()
        ask_echo(port, connections, size, times)
        return time.process_time() - start

    times = max(3, total // connections)
    return (times - 1) * connections / (asked(times) - asked(1))


def in_a_process(client: str, *numbers: int) -> float:
    loop, opens, environment = CLIENTS[client]
    command = on_core(0, [sys.executable, __file__, loop, opens, *map(str, numbers)])
    return float(subprocess.check_output(command, env={**os.environ, **environment}))


Figures = dict[str, dict[str, list[float]]]
"""For each case and client, the requests per second of each round."""


def measure(rounds: int, share: float) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        with server() as port:
            for connections, size in CASES:
                case, total = f"{connections}: {size}", 8_000 if size == LARGE else 40_000
                for client in (one for one in CLIENTS if CLIENTS[one][0] in {NO_LOOP, *EVERY_LOOP}):
                    each = in_a_process(client, port, connections, size, int(total * share))
                    print(
                        f"    echo, round {number + 1}, {case}: {client}: {each:,.0f}", flush=True
                    )
                    figures.setdefault(case, {}).setdefault(client, []).append(round(each))
    return figures


def main(loop: str, opens: str, *numbers: str) -> None:
    allow_descriptors()
    if loop == NO_LOOP:
        print(per_second_by_tokio(*map(int, numbers)))
        return
    with asyncio.Runner(loop_factory=EVERY_LOOP[loop]) as runner:
        print(runner.run(per_second(opens, *map(int, numbers))), flush=True)
        end_at_once()  # closing thousands is not what is timed


if __name__ == "__main__":
    main(*sys.argv[1:])
