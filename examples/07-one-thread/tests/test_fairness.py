"""Neither side starves the other: counted, not timed."""

from __future__ import annotations

import asyncio
from typing import Any

from conftest import turns
from one_thread import polls, run, sleep, spin, steps, yield_now

MANY = 10_000


async def spinning(count: int) -> list[asyncio.Task[Any]]:
    """Start futures that wake themselves in each poll, and let them come to that."""
    tasks = [asyncio.create_task(spin()) for _ in range(count)]
    await turns(3)
    return tasks


async def cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_ten_thousand_futures_that_always_wake_themselves_leave_python_its_turns() -> None:
    async def main() -> tuple[int, int]:
        tasks = await spinning(MANY)
        before = polls()
        await turns(100)
        polled = polls() - before
        await cancelled(tasks)
        return polled // MANY, polled % MANY

    rounds, rest = run(main())
    assert rest == 0  # each has had as many as the others
    assert 100 <= rounds <= 202  # two a turn at most


def test_ten_thousand_tasks_that_never_wait_leave_rust_its_turns() -> None:
    async def main() -> list[int]:
        stop = False

        async def never_waits() -> int:
            count = 0
            while not stop:
                await asyncio.sleep(0)
                count += 1
            return count

        tasks = [asyncio.create_task(never_waits()) for _ in range(MANY)]
        await steps(100)  # two polls a turn
        stop = True
        return await asyncio.gather(*tasks)

    counts = run(main())
    assert max(counts) - min(counts) <= 1
    assert max(counts) <= 60  # turns that a hundred polls have taken


def test_beside_futures_that_always_wake_themselves_timers_fire_on_either_side() -> None:
    async def main() -> None:
        tasks = await spinning(100)
        await asyncio.sleep(0.001)
        await sleep(0.001)
        await yield_now()
        await cancelled(tasks)

    run(main())


def test_beside_them_sockets_are_served() -> None:
    async def main() -> bytes:
        tasks = await spinning(100)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"ping\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
        await cancelled(tasks)
        return line

    assert run(main()) == b"ping\n"
