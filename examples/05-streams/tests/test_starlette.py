"""A web server streams from Rust, and its client goes away."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from conftest import Run, comes_to
from rust_streams import channel, lines, live_streams


@contextlib.asynccontextmanager
async def served(response: StreamingResponse) -> AsyncIterator[int]:
    """Serve this at a port of 127.0.0.1, and yield the port."""

    async def answer(_request: Request) -> StreamingResponse:
        return response

    app = Starlette(routes=[Route("/", answer)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None)
    server = Quiet(config)
    task = asyncio.create_task(server.serve())
    await comes_to(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


class Quiet(uvicorn.Server):
    """Leaves the signals of the process alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def request(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def goes_away(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    await asyncio.sleep(0)


def test_lines_of_a_file_as_a_response(run: Run, tmp_path: Any) -> None:
    text = [f"line {number}" for number in range(2_000)]
    (tmp_path / "file").write_text("\n".join(text))

    async def main() -> bytes:
        async with served(StreamingResponse(lines(tmp_path / "file"))) as port:
            reader, writer = await request(port)
            body = await reader.read()
            writer.close()
            return body

    body = run(main)
    assert "".join(text).encode() == without_chunks(body)


def without_chunks(body: bytes) -> bytes:
    """Undo the chunked encoding."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


@pytest.mark.parametrize("inline", [False, True])
def test_a_stream_that_ends_when_cancelled_is_closed_when_the_client_is_gone(
    inline: bool, run: Run
) -> None:
    async def main() -> list[Any]:
        sender, stream = channel(inline=inline, ends_when_cancelled=True)
        gc.disable()  # it is not the collector that does it
        try:
            async with served(StreamingResponse(stream)) as port:
                sender.send("first\n")
                reader, writer = await request(port)
                await reader.readuntil(b"first\n")
                before = live_streams()
                await goes_away(writer)
                await comes_to(lambda: live_streams() == 0)
                with pytest.raises(BrokenPipeError):
                    sender.send("too late")
                return [before, await anext(stream, "end")]
        finally:
            gc.enable()

    assert run(main) == [1, "end"]


def test_without_that_it_stays_open(run: Run) -> None:
    """The server has ended the request, and the stream can still be read."""

    async def main() -> list[Any]:
        sender, stream = channel()
        ended = asyncio.Event()

        class Response(StreamingResponse):
            async def __call__(self, *arguments: Any) -> None:
                try:
                    await super().__call__(*arguments)
                finally:
                    ended.set()

        async with served(Response(stream)) as port:
            sender.send("first\n")
            reader, writer = await request(port)
            await reader.readuntil(b"first\n")
            await goes_away(writer)
            await ended.wait()
            sender.send("second\n")
            return [live_streams(), await anext(stream)]

    assert run(main) == [1, "second\n"]
