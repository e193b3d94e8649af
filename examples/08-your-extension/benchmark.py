"""What a request and an item cost, beside a client in plain Python. Run it: `python benchmark.py`.

Costs are microseconds of this process's processor time, on all cores: the smallest of five. (The
server is another process.) Compare them with each other, within a run.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self

from your_extension import Client, connect

COUNT = 2_000


class InPython:
    """The same client over asyncio's streams: one request at a time, by a lock."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def get(self, key: str) -> str | None:
        async with self.lock:
            self.writer.write(f"GET {key}\n".encode())
            answer = (await self.reader.readline()).decode().rstrip("\n")
        return answer.removeprefix("VALUE ") if answer != "NONE" else None

    async def scan(self) -> AsyncGenerator[str, None]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"SCAN\n")
        while (line := (await reader.readline()).decode()) != "END\n":
            yield line.removeprefix("KEY ").rstrip("\n")
        writer.close()
        await writer.wait_closed()


async def one_by_one(get: Callable[[str], Awaitable[str | None]]) -> None:
    for _ in range(COUNT):
        await get("1")


async def at_once(get: Callable[[str], Awaitable[str | None]]) -> None:
    for _ in range(COUNT // 100):
        await asyncio.gather(*(get("1") for _ in range(100)))


async def items(keys: AsyncIterator[str]) -> None:
    count = 0
    async for _ in keys:
        count += 1
    assert count == COUNT


async def cost(run: Callable[[], Awaitable[None]]) -> float:
    """Return the microseconds for each of COUNT."""
    times = []
    for _ in range(5):
        begin = time.process_time()
        await run()
        times.append(time.process_time() - begin)
    return min(times) / COUNT * 1e6


async def main(port: int) -> None:
    async with connect("127.0.0.1", port) as rust, InPython(port) as python:
        for number in range(COUNT):
            await rust.set(str(number), f"value {number}")
        await show("a get, one after the other", rust, python, lambda it: one_by_one(it.get))
        await show("a get, a hundred at once", rust, python, lambda it: at_once(it.get))
        await show("a key of a scan", rust, python, lambda it: items(it.scan()))


async def show(
    what: str,
    rust: Client,
    python: InPython,
    run: Callable[[Client | InPython], Awaitable[None]],
) -> None:
    ours, theirs = await cost(lambda: run(rust)), await cost(lambda: run(python))
    print(f"{what:28} {ours:6.1f} µs   in Python {theirs:6.1f} µs")


command = [sys.executable, str(Path(__file__).with_name("server.py"))]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
    assert server.stdout
    asyncio.run(main(int(server.stdout.readline())))
