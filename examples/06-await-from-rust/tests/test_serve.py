"""A server whose handlers are Python's: lines in, lines out, and an end for each handler."""

from __future__ import annotations

import asyncio
import contextvars
from types import ModuleType
from typing import Any

import anyio
import pytest

from conftest import Hook, Run, in_trio, turns


@pytest.fixture
def book(book: ModuleType) -> ModuleType:
    if not hasattr(book, "serve"):
        pytest.skip("the server of asyncio is another one")
    return book


async def upper(line: bytes) -> bytes:
    await turns(1)
    return line.upper()


class Client:
    """A client of the server: what it sends, and what it gets."""

    def __init__(self, server: Any) -> None:
        self.port = server.port

    async def __aenter__(self) -> Client:
        self.stream = await anyio.connect_tcp("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stream.aclose()

    async def ask(self, *lines: bytes) -> bytes:
        """Send lines, and return as many lines as answer them, or fewer when there is no more."""
        await self.stream.send(b"".join(lines))
        answer = b""
        try:
            while answer.count(b"\n") < len(lines):
                answer += await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
        return answer


def test_each_line_is_answered(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        async with await book.serve(upper) as server, Client(server) as client:
            return await client.ask(b"one\n"), await client.ask(b"two\n", b"three\n")

    assert run(main) == (b"ONE\n", b"TWO\nTHREE\n")


def test_many_clients_at_once(book: ModuleType, run: Run) -> None:
    """The first is answered after the last: they do not wait for each other."""

    async def main() -> Any:
        go = anyio.Event()

        async def handler(line: bytes) -> bytes:
            if line == b"last\n":
                go.set()
            await go.wait()
            return line

        answers: dict[int, bytes] = {}

        async def asks(server: Any, number: int) -> None:
            async with Client(server) as client:
                answers[number] = await client.ask(b"last\n" if number == 9 else b"line\n")

        async with await book.serve(handler) as server, anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(asks, server, number)
        return answers

    assert run(main) == {**dict.fromkeys(range(9), b"line\n"), 9: b"last\n"}


def test_an_error_ends_that_connection_and_is_told(
    book: ModuleType, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[BaseException | None] = []
    error = ValueError("no such command")

    async def handler(line: bytes) -> bytes:
        if line == b"bad\n":
            raise error
        return line

    async def main() -> Any:
        if in_trio():
            monkeypatch.setattr("sys.unraisablehook", lambda args: told.append(args.exc_value))
        else:
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: told.append(context["exception"])
            )
        async with await book.serve(handler) as server, Client(server) as other:
            async with Client(server) as client:
                answer = await client.ask(b"bad\n", b"good\n")
            return answer, await other.ask(b"good\n")

    assert run(main) == (b"", b"good\n")
    assert told == [error]


def test_close_cancels_handlers_and_waits_for_them(book: ModuleType, run: Run) -> None:
    async def main() -> Any:
        hook = Hook()
        async with await book.serve(lambda line: hook()) as server, Client(server) as client:
            await client.stream.send(b"line\n")
            await hook.begun.wait()
            await server.close()
            ends = hook.ends
            assert await client.ask() == b""
            with pytest.raises(OSError, match=r"(?i)refused|connect"):
                await anyio.connect_tcp("127.0.0.1", server.port)
        return ends

    assert run(main) == 1


def test_a_handler_has_the_context_of_who_called_serve(book: ModuleType, run: Run) -> None:
    request = contextvars.ContextVar("request", default=b"nobody's\n")

    async def handler(line: bytes) -> bytes:
        before = request.get()
        request.set(line)  # for this line only
        return before

    async def main() -> Any:
        request.set(b"mine\n")
        async with await book.serve(handler) as server, Client(server) as client:
            return await client.ask(b"one\n", b"two\n"), request.get()

    assert run(main) == (b"mine\nmine\n", b"mine\n")


def test_a_port_that_is_taken_is_an_os_error(book: ModuleType, run: Run) -> None:
    async def main() -> None:
        async with await book.serve(upper) as server:
            with pytest.raises(OSError, match=r"(?i)address already in use"):
                await book.serve(upper, "127.0.0.1", server.port)

    run(main)
