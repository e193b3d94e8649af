"""The connection talks to a real redis-server, where one is installed."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import Any

import pytest

import redis_demo
from conftest import Run
from one_thread import open_connection
from redis_server import SERVER
from redis_server import port as port

pytestmark = pytest.mark.skipif(
    not SERVER, reason="redis-server is not installed (on Debian: `apt install redis-server`)"
)


def test_the_demo_prints_what_redis_answers(port: int) -> None:
    demo = [sys.executable, redis_demo.__file__, str(port)]
    done = subprocess.run(demo, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("PING PONG\nSET OK\nGET b'07'\nDEL 1\n", "")


def test_every_kind_of_answer(run_anywhere: Run, port: int) -> None:
    async def main() -> list[Any]:
        async with await open_connection("127.0.0.1", port) as connection:
            answers = [
                await redis_demo.command(connection, *words)
                for words in [
                    ("SET", "key", "x" * 200_000),
                    ("STRLEN", "key"),
                    ("GET", "no such key"),
                    ("RPUSH", "list", 1, 2, 3),
                    ("LRANGE", "list", 0, -1),
                    ("GET", "key"),
                ]
            ]
            with contextlib.suppress(RuntimeError):
                answers.append(await redis_demo.command(connection, "NONSENSE"))
            return [*answers[:-1], len(answers[-1])]

    assert run_anywhere(main) == ["OK", 200_000, None, 3, [b"1", b"2", b"3"], 200_000]


def test_many_clients_count_together(run: Run, port: int) -> None:
    async def client() -> None:
        async with await open_connection("127.0.0.1", port) as connection:
            for _ in range(20):
                await redis_demo.command(connection, "INCR", "counter")

    async def main() -> Any:
        await asyncio.gather(*(client() for _ in range(50)))
        async with await open_connection("127.0.0.1", port) as connection:
            return await redis_demo.command(connection, "GET", "counter")

    assert run(main) == b"1000"


def test_a_blocked_command_is_cancelled_and_nothing_is_lost(run: Run, port: int) -> None:
    async def main() -> list[Any]:
        async with (
            await open_connection("127.0.0.1", port) as one,
            await open_connection("127.0.0.1", port) as other,
        ):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(redis_demo.command(one, "BLPOP", "queue", 0), 0.05)
            await redis_demo.command(other, "RPUSH", "queue", "job")
            answer: list[Any] = await redis_demo.answer(one)  # it comes after the timeout
            return answer

    assert run(main) == [b"queue", b"job"]
