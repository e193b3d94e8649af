"""The coroutines: what they bring, what they raise, and what a cancellation leaves behind."""

from __future__ import annotations

import anyio
import pytest
from conftest import wait_until

from server import Server
from your_extension import Client, ServerError, connect

pytestmark = pytest.mark.anyio


async def test_what_is_set_can_be_got(client: Client) -> None:
    await client.set("fruit", "an apple")
    assert await client.get("fruit") == "an apple"
    assert await client.get("other") is None


@pytest.mark.parametrize("key", ["", "two words", "SET\nfruit"])
async def test_a_key_cannot_become_a_request(client: Client, server: Server, key: str) -> None:
    with pytest.raises(ValueError, match="a key is one word"):
        await client.get(key)
    with pytest.raises(ValueError, match="a value is one line"):
        await client.set("fruit", f"an apple\nSET {key} a pear")
    assert server.heard == []


async def test_a_request_that_is_cancelled_leaves_no_answer_for_the_next_one(
    client: Client, server: Server
) -> None:
    server.values.update(one="1", two="2")
    with server.holding("GET"):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get, "one")
            await wait_until(server, lambda: "GET one" in server.heard)
            tasks.cancel_scope.cancel()
    assert await client.get("two") == "2"


async def test_a_hundred_at_once(client: Client, server: Server) -> None:
    server.values.update({str(number): f"value {number}" for number in range(100)})
    got: dict[str, str | None] = {}

    async def get(key: str) -> None:
        got[key] = await client.get(key)

    async with anyio.create_task_group() as tasks:
        for key in server.values:
            tasks.start_soon(get, key)
    assert got == server.values


async def test_what_the_server_refuses_is_raised_in_its_words(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "answers", lambda line: [f"ERROR not {line}"])
    with pytest.raises(ServerError, match=r"^not GET fruit$"):
        await client.get("fruit")
    monkeypatch.undo()
    assert await client.get("fruit") is None


async def test_a_line_too_long_ends_the_connection(server: Server) -> None:
    client = await connect("127.0.0.1", server.port)
    server.values["fruit"] = "x" * 100_000
    with pytest.raises(ServerError, match="too long"):
        await client.get("fruit")
    with pytest.raises(ConnectionError, match="the connection is closed"):
        await client.get("fruit")
    with pytest.raises(ConnectionError):
        await client.close()


async def test_a_server_that_is_not_there() -> None:
    with Server() as gone:
        pass
    with pytest.raises(ConnectionRefusedError):
        await connect("127.0.0.1", gone.port)
