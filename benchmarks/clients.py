"""Requests per second by two crates that chapter 07 binds, beside clients for asyncio.

A hundred tasks ask a Redis server over one connection, and a hundred at once ask an HTTP server,
each server in a process on a core of its own. The seconds are those of the client's processor. The
clients take turns, each in a fresh process: `python clients.py ask asyncio redis-py PORT 20000`.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from echo import on_core
from ladder import EVERY_LOOP, ONE_THREAD, end_at_once

TASKS = 100
Ask = Callable[[], Awaitable[object]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return not asking.connect_ex(("127.0.0.1", port))


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """Run a server, and wait until it listens."""
    with subprocess.Popen(on_core(1, command), stdout=subprocess.DEVNULL) as process:
        try:
            while not listens(port):
                assert process.poll() is None, command
                time.sleep(0.01)
            yield port
        finally:
            process.kill()


@contextmanager
def redis_server() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--save", "", "--dir", folder]
        with running(["redis-server", *options], port):
            yield port


@contextmanager
def http_server() -> Iterator[int]:
    port = free_port()
    with running([sys.executable, __file__, "serve", str(port)], port):
        yield port


class Answers(asyncio.Protocol):
    """Answers each request with a hundred bytes, whatever it is."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + bytes(100)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.ANSWER * data.count(b"\r\n\r\n"))


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", port, backlog=TASKS)
    await server.serve_forever()


async def redis_py(port: int) -> Ask:
    redis: Any = importlib.import_module("redis.asyncio")
    # Without a pool that waits, each task would take a connection of its own.
    pool = redis.BlockingConnectionPool(port=port, max_connections=1)
    client = redis.Redis(connection_pool=pool)
    await client.set("key", "value")
    return lambda: client.get("key")


async def redis_rs(port: int) -> Ask:
    redis: Any = await importlib.import_module("one_thread").connect(f"redis://127.0.0.1:{port}")
    await redis.command("SET", "key", "value")
    return lambda: redis.command("GET", "key")


async def aiohttp(port: int) -> Ask:
    module: Any = importlib.import_module("aiohttp")
    session = module.ClientSession(connector=module.TCPConnector(limit=0))

    async def ask() -> None:
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            await answer.read()

    return ask


async def reqwest(port: int) -> Ask:
    get: Any = importlib.import_module("one_thread").get

    async def ask() -> None:
        await (await get(f"http://127.0.0.1:{port}/")).read()

    return ask


SERVERS = {"redis": redis_server, "http": http_server}
OPENS = {"redis-py": redis_py, "redis-rs": redis_rs, "aiohttp": aiohttp, "reqwest": reqwest}
CLIENTS = {
    "redis": [("asyncio", "redis-py"), ("uvloop", "redis-py"), (ONE_THREAD, "redis-rs")],
    "http": [("asyncio", "aiohttp"), ("uvloop", "aiohttp"), (ONE_THREAD, "reqwest")],
}


async def say_per_second(opens: str, port: int, total: int) -> None:
    """Print the requests per second that a hundred tasks make together, and end the process."""
    ask = await OPENS[opens](port)

    async def times(count: int) -> None:
        for _ in range(count):
            await ask()

    await asyncio.gather(*(times(1) for _ in range(TASKS)))
    start = time.process_time()
    await asyncio.gather(*(times(total // TASKS) for _ in range(TASKS)))
    print(total / (time.process_time() - start), flush=True)
    end_at_once()  # closing is not what is timed


def in_a_process(loop: str, opens: str, port: int, total: int) -> float:
    command = [sys.executable, __file__, "ask", loop, opens, str(port), str(total)]
    return float(subprocess.check_output(on_core(0, command)))


Figures = dict[str, dict[str, list[float]]]
"""For each server and client, the requests per second of each round."""


def measure(rounds: int, share: float) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        for kind, server in SERVERS.items():
            if kind == "redis" and not shutil.which("redis-server"):
                continue
            with server() as port:
                for loop, opens in CLIENTS[kind]:
                    if loop not in EVERY_LOOP:
                        continue
                    each = in_a_process(loop, opens, port, int(20_000 * share))
                    title = f"{opens}, {loop}"
                    print(f"    {kind}, round {number + 1}: {title}: {each:,.0f}", flush=True)
                    figures.setdefault(kind, {}).setdefault(title, []).append(round(each))
    return figures


def main(what: str, *arguments: str) -> None:
    if what == "serve":
        asyncio.run(serve(int(arguments[0])))
        return
    loop, opens, port, total = arguments
    with asyncio.Runner(loop_factory=EVERY_LOOP[loop]) as runner:
        runner.run(say_per_second(opens, int(port), int(total)))


if __name__ == "__main__":
    main(*sys.argv[1:])
