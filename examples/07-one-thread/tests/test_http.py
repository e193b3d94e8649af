"""reqwest, bound in a page: requests, and a body as an async iterator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from conftest import Run, turns
from one_thread import get, live_futures

Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """Answer each request with what `serve` writes, and hang up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await serve(writer)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        await turns(5)


async def hello(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def test_a_body_in_one_piece(run: Run) -> None:
    async def main() -> tuple[int, bytes]:
        async with server(hello) as url:
            answer = await get(url)
            return answer.status, await answer.read()

    assert run(main) == (200, b"hello")


def test_many_at_once(run: Run) -> None:
    async def main() -> list[bytes]:
        async with server(hello) as url:

            async def one() -> bytes:
                return await (await get(url)).read()

            return await asyncio.gather(*(one() for _ in range(50)))

    assert run(main) == [b"hello"] * 50


def test_requests_share_a_connection_that_is_kept_open(run: Run) -> None:
    async def main() -> int:
        connections: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

        async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append((asyncio.current_task(), writer))
            with contextlib.suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    await hello(writer)

        listening = await asyncio.start_server(keep_alive, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for _ in range(3):
            assert await (await get(url)).read() == b"hello"
        listening.close()
        for task, writer in connections:
            writer.close()
            assert task
            await task
        return len(connections)

    assert run(main) == 1


def test_a_body_as_it_comes(run: Run) -> None:
    """The server goes on when a part has arrived: so the parts are those that it sends."""

    async def main() -> list[bytes]:
        arrived = asyncio.Event()

        async def in_parts(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in b"one", b"two", b"three":
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                await writer.drain()
                await arrived.wait()
                arrived.clear()
            writer.write(b"0\r\n\r\n")

        async with server(in_parts) as url:
            answer = await get(url)
            assert answer.status == 201
            parts = []
            async for part in answer.body():
                parts.append(part)
                arrived.set()
            return parts

    assert run(main) == [b"one", b"two", b"three"]


def test_the_body_can_be_had_once(run: Run) -> None:
    async def main() -> None:
        async with server(hello) as url:
            answer = await get(url)
            assert await answer.read() == b"hello"
            for again in answer.read, answer.body:
                with pytest.raises(RuntimeError, match="once"):
                    again()

    run(main)


def test_cancelled_it_is_gone(run: Run) -> None:
    async def main() -> None:
        hangs = asyncio.Event()

        async def never(writer: asyncio.StreamWriter) -> None:
            hangs.set()
            await asyncio.Event().wait()

        async with server(never) as url:
            task = asyncio.create_task(get(url))
            await hangs.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert live_futures() == 0

    run(main)


def test_errors(run: Run) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")

    async def main() -> None:
        with pytest.raises(ValueError, match="builder error"):
            await get("no address")
        with pytest.raises(ConnectionError):
            await get("http://127.0.0.1:1")
        async with server(cut) as url:
            answer = await get(url)
            with pytest.raises(ConnectionError):
                await answer.read()

    run(main)
