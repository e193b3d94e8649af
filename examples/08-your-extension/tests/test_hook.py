"""A function of Python's that Rust awaits: context variables, errors, cancellation."""

from __future__ import annotations

from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from server import Server
from your_extension import Client

pytestmark = pytest.mark.anyio

USER = ContextVar("USER", default="nobody")


async def test_it_is_awaited_once(client: Client, server: Server) -> None:
    keys: list[str] = []

    async def load(key: str) -> str:
        await anyio.lowlevel.checkpoint()
        keys.append(key)
        return "apple"

    assert [await client.get_or_load("fruit", load) for _ in range(2)] == ["apple", "apple"]
    assert (keys, server.values) == (["fruit"], {"fruit": "apple"})


async def test_its_context_is_that_of_the_caller_both_ways(client: Client) -> None:
    async def load(key: str) -> str:
        seen = USER.get()
        USER.set("the hook")
        return f"{key} for {seen}, in {anyio.get_current_task().id}"

    USER.set("the caller")
    value = await client.get_or_load("fruit", load)
    assert value == f"fruit for the caller, in {anyio.get_current_task().id}"
    assert USER.get() == "the hook"


async def test_its_error_is_raised_as_it_is(client: Client, server: Server) -> None:
    error = LookupError("no such fruit")

    async def load(key: str) -> str:
        raise error

    with pytest.raises(LookupError) as raised:
        await client.get_or_load("fruit", load)
    assert raised.value is error
    assert server.values == {}


async def test_what_is_no_text_is_refused(client: Client) -> None:
    async def load(key: str) -> int:
        return 7

    with pytest.raises(TypeError):
        await client.get_or_load("fruit", load)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await client.get_or_load("fruit", lambda key: key)  # type: ignore[arg-type, return-value]


async def test_a_cancellation_reaches_it(client: Client, server: Server) -> None:
    """It may await while it cleans up, and the call ends when it has ended."""
    begun, ends = anyio.Event(), []

    async def load(key: str) -> str:
        try:
            begun.set()
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            ends.append("hook")
        return "never"

    async def call() -> None:
        try:
            await client.get_or_load("fruit", load)
        finally:
            ends.append("call")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert (ends, server.values) == (["hook", "call"], {})
