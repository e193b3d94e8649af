"""redis-rs, bound in a page: one connection for many tasks, and subscriptions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conftest import Run
from one_thread import Redis, RedisReplyError, connect, live_futures
from redis_server import SERVER
from redis_server import port as port

needs_server = pytest.mark.skipif(
    not SERVER, reason="redis-server is not installed (on Debian: `apt install redis-server`)"
)


async def connected(port: int) -> Redis:
    return await connect(f"redis://127.0.0.1:{port}")


@needs_server
def test_every_kind_of_answer(run: Run, port: int) -> None:
    async def main() -> list[Any]:
        redis = await connected(port)
        return [
            await redis.command("PING"),
            await redis.command("SET", "key", b"\0value"),
            await redis.command("GET", b"key"),
            await redis.command("GET", "no such key"),
            await redis.command("RPUSH", "list", 1, 2.5, "three"),
            await redis.command("LRANGE", "list", 0, -1),
        ]

    answers = ["PONG", "OK", b"\0value", None, 3, [b"1", b"2.5", b"three"]]
    assert run(main) == answers


@needs_server
def test_many_tasks_share_one_connection(run: Run, port: int) -> None:
    async def main() -> Any:
        redis = await connected(port)
        commands = (redis.command("INCR", "counter") for _ in range(1_000))
        assert sorted(await asyncio.gather(*commands)) == list(range(1, 1_001))
        return await redis.command("CLIENT", "LIST")

    assert run(main).count(b"\n") == 1


@needs_server
def test_one_that_is_cancelled_leaves_the_others_their_answers(run: Run, port: int) -> None:
    async def main() -> list[Any]:
        redis = await connected(port)
        tasks = [asyncio.create_task(redis.command("ECHO", number)) for number in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        return [await task for task in tasks[1::2]]

    assert run(main) == [b"%d" % number for number in range(1, 100, 2)]
    assert live_futures() == 0


@needs_server
def test_a_subscription_is_an_async_iterator(run: Run, port: int) -> None:
    async def main() -> list[tuple[str, bytes]]:
        redis = await connected(port)
        received = []
        async with await redis.subscribe("news", "weather") as messages:
            for channel, text in ("news", "one"), ("weather", "two"), ("news", "three"):
                assert await redis.command("PUBLISH", channel, text) == 1
            async for message in messages:
                received.append(message)
                if len(received) == 3:
                    break
        return received

    assert run(main) == [("news", b"one"), ("weather", b"two"), ("news", b"three")]


@needs_server
def test_what_redis_objects_to_is_raised(run: Run, port: int) -> None:
    async def main() -> None:
        redis = await connected(port)
        with pytest.raises(RedisReplyError, match="unknown command"):
            await redis.command("NONSENSE")
        assert await redis.command("PING") == "PONG"  # it goes on

    run(main)


def test_what_is_no_command_is_a_type_error(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="URL"):
            await connect("no address")
        with pytest.raises(ConnectionError, match="refused"):
            await connect("redis://127.0.0.1:1")

    run(main)
