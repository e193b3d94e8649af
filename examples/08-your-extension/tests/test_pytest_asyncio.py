"""As users of yours will test who use pytest-asyncio: a client made by a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server import Server
from your_extension import Client, connect

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def connected(server: Server) -> AsyncIterator[Client]:
    async with connect("127.0.0.1", server.port) as client:
        yield client


async def test_a_client_of_a_fixture(connected: Client, server: Server) -> None:
    await connected.set("fruit", "apple")
    assert server.values == {"fruit": "apple"}


async def test_another_loop_another_client(connected: Client) -> None:
    assert await connected.get("fruit") is None
