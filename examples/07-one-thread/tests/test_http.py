"""reqwest, bound in a page: requests, a hook before them, and a body as an async iterator."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections import UserDict
from collections.abc import AsyncIterator, Awaitable, Callable, ItemsView, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from conftest import Run, turns
from one_thread import get, live_futures

REDIRECT = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: %b\r\n\r\n"
Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, heads: list[bytes] | None = None) -> AsyncIterator[str]:
    """Answer each request with what `serve` writes, and hang up. `heads` gets their heads.

    An answer that does not say so (`Connection: close`) may have the next request sent too late.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            if heads is not None:
                heads.append(head)
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
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")


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
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

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


async def auth_in_a_turn(url: str) -> dict[str, str]:
    await turns(1)
    return {}


@pytest.mark.parametrize("auth", [None, auth_in_a_turn])
def test_cancelled_it_is_gone(run: Run, auth: Any) -> None:
    """Also when the request has been sent after its `auth`."""

    async def main() -> None:
        hangs = asyncio.Event()

        async def never(writer: asyncio.StreamWriter) -> None:
            hangs.set()
            await asyncio.Event().wait()

        async with server(never) as url:
            task = asyncio.create_task(get(url, auth=auth))
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
        with pytest.raises(ValueError, match="builder error: relative URL without a base"):
            await get("no address")
        with pytest.raises(ConnectionError, match=r"error sending request .*: tcp connect error"):
            await get("http://127.0.0.1:1")
        with pytest.raises(ConnectionError, match="scheme is not http"):
            await get("https://127.0.0.1:1")  # there is no TLS in here
        async with server(cut) as url:
            answer = await get(url)
            with pytest.raises(ConnectionError):
                await answer.read()

    run(main)


def sent(heads: list[bytes], name: str) -> list[str | None]:
    """Return the value of a header in each of the requests' heads."""
    lines = [head.decode().split("\r\n") for head in heads]
    found = [dict(line.split(": ", 1) for line in request[1:] if line) for request in lines]
    return [headers.get(name) for headers in found]


def test_auth_is_awaited_with_the_url_and_its_headers_are_sent(run: Run) -> None:
    async def main() -> None:
        urls, heads = list[str](), list[bytes]()

        async def auth(url: str) -> dict[str, str]:
            urls.append(url)
            await turns(3)
            assert heads == []  # nothing has been asked for
            return {"Authorization": "Bearer token", "X-Name": "\u00e9"}

        async with server(hello, heads) as url:
            answer = await get(f"{url}/path?query#fragment", auth=auth)
            assert await answer.read() == b"hello"
            assert urls == [f"{url}/path?query#fragment"]
        assert sent(heads, "authorization") == ["Bearer token"]
        assert sent(heads, "x-name") == ["\u00e9"]  # in UTF-8, as aiohttp sends it

    run(main)


def test_auth_may_have_nothing_to_add(run: Run) -> None:
    async def main() -> None:
        heads = list[bytes]()

        async def nothing(url: str) -> None:
            await turns(1)

        async with server(hello, heads) as url:
            await get(url)
            await get(url, auth=None)
            await get(url, auth=nothing)
        assert heads[0] == heads[1] == heads[2]

    run(main)


def test_auth_comes_before_the_password_of_the_address(run: Run) -> None:
    """reqwest makes a header of the password. That of the hook replaces it."""

    async def main() -> None:
        urls, heads = list[str](), list[bytes]()

        async def auth(url: str) -> dict[str, str]:
            urls.append(url)
            return {"Authorization": "Bearer token"}

        async with server(hello, heads) as url:
            with_password = url.replace("//", "//user:password@")
            await get(with_password)
            await get(with_password, auth=auth)
            assert urls == [f"{url}/"]  # the hook need not know the password
        assert sent(heads, "authorization") == ["Basic dXNlcjpwYXNzd29yZA==", "Bearer token"]

    run(main)


def test_a_redirect_takes_the_token_to_the_same_server_only(run: Run) -> None:
    async def main() -> None:
        async def auth(url: str) -> dict[str, str]:
            return {"Authorization": "Bearer token", "X-Name": "client"}

        async def redirect(writer: asyncio.StreamWriter) -> None:
            to = targets.pop(0).encode()
            writer.write(REDIRECT % to)

        here, there = list[bytes](), list[bytes]()
        async with server(redirect, here) as url, server(hello, there) as other_url:
            targets = ["/again", other_url]
            assert await (await get(url, auth=auth)).read() == b"hello"
        assert sent(here, "authorization") == ["Bearer token", "Bearer token"]
        assert sent(there, "authorization") == [None]
        assert sent(there, "x-name") == ["client"]

    run(main)


def test_auth_runs_in_the_task_that_awaits(run: Run) -> None:
    """So it sees the context variables of the Task, and what it sets is set there."""
    user, token = ContextVar("user", default="nobody"), ContextVar("token", default="none")

    async def main() -> None:
        tasks = set()

        async def auth(url: str) -> dict[str, str]:
            tasks.add(asyncio.current_task())
            await turns(1)
            token.set(f"token of {user.get()}")
            return {"Authorization": token.get()}

        async def request(url: str, name: str) -> str:
            user.set(name)
            await get(url, auth=auth)
            assert asyncio.current_task() in tasks
            return token.get()

        names = [f"user {number}" for number in range(20)]
        heads = list[bytes]()
        async with server(hello, heads) as url:
            tokens = await asyncio.gather(*(request(url, name) for name in names))
        assert tokens == [f"token of {name}" for name in names]
        assert set(sent(heads, "authorization")) == set(tokens)
        assert len(tasks) == len(heads) == 20
        assert token.get() == "none"

    run(main)


def test_auth_may_make_a_request_itself(run: Run) -> None:
    """Such as one for a token, with a hook of its own."""

    async def main() -> None:
        heads = list[bytes]()

        async def password(url: str) -> dict[str, str]:
            return {"Authorization": "Basic password"}

        async def auth(url: str) -> dict[str, str]:
            token = await (await get(f"{url}token", auth=password)).read()
            return {"Authorization": f"Bearer {token.decode()}"}

        async with server(hello, heads) as url:
            assert await (await get(url, auth=auth)).read() == b"hello"
        assert [head.split()[1] for head in heads] == [b"/token", b"/"]
        assert sent(heads, "authorization") == ["Basic password", "Bearer hello"]

    run(main)


def test_what_auth_raises_is_raised(run_anywhere: Run) -> None:
    """The same object. Nothing is asked for: nobody listens there, and that would raise another."""

    async def main() -> None:
        error = LookupError("no such user")

        async def auth(url: str) -> dict[str, str]:
            raise error

        with pytest.raises(LookupError) as raised:
            await get("http://127.0.0.1:1", auth=auth)
        assert raised.value is error
        assert raised.traceback[-1].name == "auth"
        assert error.__cause__ is error.__context__ is None

    run_anywhere(main)


def test_auth_is_cancelled_where_it_stands(run: Run) -> None:
    """When `await get(...)` raises, the `finally` of the hook has run. Nothing is sent any more."""

    async def main() -> None:
        heads, log = list[bytes](), list[str]()
        waits = asyncio.Event()

        async def auth(url: str) -> dict[str, str]:
            try:
                waits.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError as cancelled:
                log.append(f"cancelled: {cancelled.args[0]}")
                raise
            finally:
                await turns(3)
                log.append("finally")
            return {}

        async with server(hello, heads) as url:
            task = asyncio.create_task(get(url, auth=auth))
            await waits.wait()
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await task
            assert log == ["cancelled: enough", "finally"]
            assert live_futures() == 0
        assert heads == []

    run(main)


NOT_SENT: list[tuple[object, type[Exception], str]] = [
    (5, TypeError, r"^auth must return a mapping or None, not int$"),
    ([("a", "b")], TypeError, r"^auth must return a mapping or None, not list$"),
    ({"a": 1}, TypeError, r"^names and values of headers must be str, not int$"),
    ({b"a": "b"}, TypeError, r"^names and values of headers must be str, not bytes$"),
    ({"": "b"}, ValueError, r'^invalid header name ""$'),
    ({"a b": "c"}, ValueError, r'^invalid header name "a b"$'),
    ({"\u00e9": "a"}, ValueError, r'^invalid header name "\u00e9"$'),
    ({"a": "secret\r\nb: c"}, ValueError, r'^invalid header value of "a"$'),
    ({"a": "\ud800"}, ValueError, r"have no surrogates$"),
]


@pytest.mark.parametrize(("returned", "error", "message"), NOT_SENT)
def test_what_is_no_header_is_not_sent(
    run_anywhere: Run, returned: Any, error: type[Exception], message: str
) -> None:
    """A value with a line's end would begin another header. The error does not show the value."""

    async def auth(url: str) -> Any:
        return returned

    async def main() -> None:
        with pytest.raises(error, match=message):
            await get("http://127.0.0.1:1", auth=auth)

    run_anywhere(main)


def test_any_mapping_will_do(run: Run) -> None:
    """Its `items()` are asked for; what they raise is raised."""

    class Headers(UserDict[str, str]):
        def items(self) -> ItemsView[str, str]:
            if not self:
                raise LookupError("empty")
            return super().items()

    async def main() -> None:
        heads = list[bytes]()

        async def auth(url: str) -> Mapping[str, str]:
            return Headers(a="b", c="d") if url.endswith("/") else Headers()

        async with server(hello, heads) as url:
            await get(url, auth=auth)
            with pytest.raises(LookupError, match="empty"):
                await get(f"{url}/path", auth=auth)
        assert sent(heads, "a") == ["b"]
        assert sent(heads, "c") == ["d"]

    run(main)


def test_what_is_no_async_function_is_no_auth(run_anywhere: Run) -> None:
    async def main() -> None:
        no_function: Any = 5
        with pytest.raises(TypeError, match="'int' object is not callable"):
            await get("http://127.0.0.1:1", auth=no_function)
        not_async: Any = dict[str, str]
        with pytest.raises(TypeError, match="await"):
            await get("http://127.0.0.1:1", auth=lambda _: not_async())

    run_anywhere(main)


def test_for_what_is_no_address_auth_is_not_called(run_anywhere: Run) -> None:
    async def main() -> None:
        urls = list[str]()

        async def auth(url: str) -> None:
            urls.append(url)

        with pytest.raises(ValueError, match="builder error"):
            await get("no address", auth=auth)
        assert urls == []

    run_anywhere(main)


def test_the_hook_is_let_go(run: Run) -> None:
    """After the request, and with a request that is closed before it has begun."""

    async def main() -> None:
        async def auth(url: str) -> dict[str, str]:
            return {}

        gone = weakref.ref(auth)
        async with server(hello) as url:
            await get(url, auth=auth)
            get(url, auth=auth).close()
        del auth
        gc.collect()
        assert gone() is None

    run(main)
