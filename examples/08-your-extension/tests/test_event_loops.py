"""Each event loop, by its own front door."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio

from server import Server
from your_extension import connect

Main = Callable[[], Coroutine[Any, Any, str | None]]
RUN: dict[str, Callable[[Main], str | None]] = {
    "asyncio": lambda main: asyncio.run(main()),
    "trio": lambda main: trio.run(main),
    "anyio on asyncio": lambda main: anyio.run(main),
    "anyio on trio": lambda main: anyio.run(main, backend="trio"),
}
if sys.platform != "win32":
    import uvloop

    RUN["uvloop"] = lambda main: uvloop.run(main())


@pytest.mark.parametrize("run", RUN.values(), ids=RUN)
def test_a_client_works_on_it(run: Callable[[Main], str | None], server: Server) -> None:
    async def main() -> str | None:
        async with connect("127.0.0.1", server.port) as client:
            await client.set("fruit", "apple")
            (key,) = [key async for key in client.scan()]
            return await client.get(key)

    assert run(main) == "apple"


def test_a_client_outlives_its_loop(server: Server) -> None:
    async def begin() -> Any:
        return await connect("127.0.0.1", server.port)

    client = asyncio.run(begin())

    async def end() -> None:
        await client.set("fruit", "apple")
        await client.close()

    trio.run(end)
    assert server.saved == {"fruit": "apple"}


def test_a_loop_that_is_closed_leaves_nothing_behind(server: Server) -> None:
    """`asyncio.run` cancels what is in flight. The server's side of it is closed."""

    async def main() -> None:
        client = await connect("127.0.0.1", server.port)
        with server.holding("GET"):
            task = asyncio.create_task(client.get("fruit"))
            await asyncio.to_thread(server.wait_until, lambda: "GET fruit" in server.heard)
            assert not task.done()

    asyncio.run(main())
    server.wait_until(lambda: server.connections == 0)


IN_FLIGHT = """
import asyncio, sys, threading
from your_extension import connect_sync

client = connect_sync("127.0.0.1", int(sys.argv[1]))
threading.Thread(target=client.get_sync, args=["by a thread"], daemon=True).start()
loop = asyncio.new_event_loop()
task = loop.create_task(client.get("by a loop"))
loop.run_until_complete(asyncio.sleep(0))
"""


def test_a_process_ends_whatever_is_in_flight(server: Server) -> None:
    with server.holding("GET"):
        command = [sys.executable, "-c", IN_FLIGHT, str(server.port)]
        assert subprocess.run(command, check=False).returncode == 0
