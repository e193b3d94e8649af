"""What the Rust side logs reaches Python, with the spans that it was logged in."""

from __future__ import annotations

import pytest

from your_extension import Client, logs

pytestmark = pytest.mark.anyio


async def load(key: str) -> str:
    return key


async def test_the_span_of_a_call_is_the_parent_of_those_in_its_hook(client: Client) -> None:
    """And when the hook has ended, it is not."""

    async def outer(key: str) -> str:
        return await client.get_or_load("inner", load)

    records = logs()
    await client.get_or_load("outer", outer)
    await client.get_or_load("after", load)
    span = 'get_or_load(key="{}")'.format
    for expected in [span("outer"), f"{span('outer')} > {span('inner')}", span("after")]:
        assert await anext(records) == ("your_extension.client", 20, "not there", expected)
    await records.aclose()


async def test_a_level_leaves_out_what_is_below(client: Client) -> None:
    records = logs(level=30)
    await client.get_or_load("fruit", load)
    logs()  # ends it
    assert [record async for record in records] == []


async def test_there_is_one_reader(client: Client) -> None:
    """The first one gets what was logged before there was a second."""
    first = logs()
    await client.get_or_load("before", load)
    second = logs()
    await client.get_or_load("after", load)
    assert [spans async for *_, spans in first] == ['get_or_load(key="before")']
    assert (await anext(second))[3] == 'get_or_load(key="after")'
