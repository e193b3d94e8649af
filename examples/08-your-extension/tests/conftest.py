"""What the tests share: each event loop, a server, and a client of it."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from server import Server
from your_extension import Client, connect

BACKENDS: dict[str, Any] = {"asyncio": "asyncio", "trio": "trio"}
if sys.platform != "win32":
    BACKENDS["uvloop"] = ("asyncio", {"use_uvloop": True})


@pytest.fixture(params=BACKENDS.values(), ids=list(BACKENDS))
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Tests marked `anyio` run on each of these."""
    return request.param


@pytest.fixture
def server() -> Iterator[Server]:
    """Nothing is left behind: when the test has ended, each connection to the server is closed."""
    with Server() as server:
        yield server
        gc.collect()
        server.wait_until(lambda: server.connections == 0)


@pytest.fixture
async def client(server: Server, anyio_backend: Any) -> AsyncIterator[Client]:
    async with connect("127.0.0.1", server.port) as client:
        yield client


async def wait_until(server: Server, condition: Callable[[], object]) -> None:
    """Wait for the server, and let the loop go on meanwhile."""
    await anyio.to_thread.run_sync(server.wait_until, condition)


async def turns(count: int) -> None:
    """Let the loop take this many turns, whatever has been cancelled."""
    with anyio.CancelScope(shield=True):
        for _ in range(count):
            await anyio.lowlevel.checkpoint()
