"""`connect(…)` can be awaited, or entered; and an exit is never left half-way."""

from __future__ import annotations

from contextlib import ExitStack

import anyio
import pytest
from conftest import turns, wait_until

from server import Server
from your_extension import connect

pytestmark = pytest.mark.anyio


async def test_entered(server: Server) -> None:
    async with connect("127.0.0.1", server.port) as client:
        await client.set("fruit", "apple")
        assert server.saved == {}
    assert server.saved == {"fruit": "apple"}
    server.wait_until(lambda: server.connections == 0)


async def test_awaited(server: Server) -> None:
    client = await connect("127.0.0.1", server.port)
    await client.set("fruit", "apple")
    await client.close()
    assert server.saved == {"fruit": "apple"}
    await client.close()  # does nothing
    with pytest.raises(ConnectionError):
        await client.get("fruit")
    assert server.heard.count("BYE") == 1


async def test_awaited_then_entered(server: Server) -> None:
    async with await connect("127.0.0.1", server.port) as client:
        await client.set("fruit", "apple")
    assert server.saved == {"fruit": "apple"}


async def test_entered_twice(server: Server) -> None:
    connecting = connect("127.0.0.1", server.port)
    with pytest.raises(RuntimeError, match="has not been entered"):
        await connecting.__aexit__(None, None, None)
    async with connecting:
        with pytest.raises(RuntimeError, match="can be entered once"):
            await connecting.__aenter__()


async def test_an_exit_is_not_cancelled_half_way(server: Server) -> None:
    """The server has not answered: the exit waits for it, and raises the cancellation then."""
    ends: list[str] = []

    async def use() -> None:
        try:
            async with connect("127.0.0.1", server.port) as client:
                await client.set("fruit", "apple")
        except anyio.get_cancelled_exc_class():
            ends.append("cancelled")
            raise

    with ExitStack() as gate:
        gate.enter_context(server.holding("BYE"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            await wait_until(server, lambda: "BYE" in server.heard)
            tasks.cancel_scope.cancel()
            await turns(10)
            assert (ends, server.saved) == ([], {})
            gate.close()
    assert (ends, server.saved) == (["cancelled"], {"fruit": "apple"})


async def test_an_exit_is_not_endless(server: Server) -> None:
    with server.holding("BYE"):
        client = await connect("127.0.0.1", server.port, patience=0)
        with pytest.raises(TimeoutError, match="goodbye"):
            await client.close()
    server.wait_until(lambda: server.connections == 0)


async def test_an_error_inside_is_not_hidden(server: Server) -> None:
    with pytest.raises(KeyError):
        async with connect("127.0.0.1", server.port):
            raise KeyError("fruit")
    assert server.heard == ["BYE"]


@pytest.mark.parametrize("patience", [-1, float("nan"), float("inf")])
async def test_a_patience_that_is_no_time(patience: float) -> None:
    with pytest.raises(ValueError, match="patience"):
        connect("127.0.0.1", 1, patience=patience)
