"""The stream: its items, and the ways in which it ends."""

from __future__ import annotations

import anyio
import pytest
from conftest import wait_until

from server import Server
from your_extension import Client, connect

pytestmark = pytest.mark.anyio


async def test_items(client: Client, server: Server) -> None:
    server.values.update({f"fruit.{number}": "apple" for number in range(1_000)}, other="stone")
    assert [key async for key in client.scan("fruit.")] == list(server.values)[:1_000]
    assert [key async for key in client.scan()] == list(server.values)


async def test_no_items(client: Client) -> None:
    assert [key async for key in client.scan()] == []


async def test_a_reader_that_is_slow_keeps_nobody_waiting(client: Client, server: Server) -> None:
    """More keys than the sockets take: the server waits, and other requests do not."""
    server.values.update({f"{number:01000}": "apple" for number in range(20_000)})
    async with client.scan() as keys:
        first = await anext(keys)
        assert await client.get(first) == "apple"
    await wait_until(server, lambda: server.connections == 1)


async def test_cancelled_it_ends(client: Client, server: Server) -> None:
    """As an async generator does: its connection is closed, though nobody says `aclose`."""
    keys = client.scan()
    with server.holding("SCAN"):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, keys, None)
            await wait_until(server, lambda: "SCAN" in server.heard)
            tasks.cancel_scope.cancel()
        await wait_until(server, lambda: server.connections == 1)
    assert await anext(keys, "the end") == "the end"


async def test_a_prefix_that_is_no_word(client: Client) -> None:
    with pytest.raises(ValueError, match="one word"):
        await anext(client.scan("two words"))


async def test_the_server_has_gone(server: Server) -> None:
    with Server() as gone:
        client = await connect("127.0.0.1", gone.port)
    with pytest.raises(ConnectionRefusedError):
        await anext(client.scan())
