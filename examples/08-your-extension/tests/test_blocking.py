"""Without an event loop, and inside one: a call that blocks its thread, and never for ever."""

from __future__ import annotations

import _thread
import asyncio
import threading

import pytest
from conftest import turns

from server import Server
from your_extension import connect, connect_sync


def test_without_a_loop(server: Server) -> None:
    server.values["fruit"] = "apple"
    client = connect_sync("127.0.0.1", server.port)
    assert client.get_sync("fruit") == "apple"
    assert client.get_sync("other") is None
    with pytest.raises(ValueError, match="one word"):
        client.get_sync("two words")


def test_other_threads_of_python_go_on(server: Server) -> None:
    """The answer comes when another thread lets it."""
    client = connect_sync("127.0.0.1", server.port)
    held = server.holding("GET")
    held.__enter__()

    def let_go() -> None:
        server.wait_until(lambda: "GET fruit" in server.heard)
        held.__exit__(None, None, None)

    thread = threading.Thread(target=let_go)
    thread.start()
    assert client.get_sync("fruit") is None
    thread.join()


def test_ctrl_c(server: Server) -> None:
    client = connect_sync("127.0.0.1", server.port)

    def press() -> None:
        server.wait_until(lambda: "GET fruit" in server.heard)
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    with server.holding("GET"):
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            client.get_sync("fruit")
        thread.join()


@pytest.mark.anyio
async def test_inside_a_running_loop(server: Server) -> None:
    """As in Jupyter, where each cell runs inside a loop."""
    server.values["fruit"] = "apple"
    async with connect("127.0.0.1", server.port) as client:
        assert client.get_sync("fruit") == "apple"


@pytest.mark.anyio
async def test_inside_a_hook(server: Server) -> None:
    server.values["fruit"] = "apple"
    async with connect("127.0.0.1", server.port) as client:

        async def load(key: str) -> str:
            return client.get_sync("fruit") or "nothing"

        assert await client.get_or_load("dessert", load) == "apple"


def test_while_a_coroutine_of_the_same_loop_waits_for_the_same_connection(server: Server) -> None:
    """The loop stands still, so what is ahead must not need it: a lock held by that coroutine
    would never be given back.
    """
    server.values["fruit"] = "apple"

    async def main() -> None:
        async with connect("127.0.0.1", server.port) as client:
            with server.holding("GET"):
                ahead = asyncio.create_task(client.get("fruit"))
                await turns(3)
                server.wait_until(lambda: "GET fruit" in server.heard)
            assert client.get_sync("fruit") == "apple"
            assert not ahead.done()
            assert await ahead == "apple"

    asyncio.run(main())
