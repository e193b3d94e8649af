"""A connection made of Rust futures, against servers that are not ours."""

from __future__ import annotations

import array
import asyncio
import contextlib
import ctypes
import errno
import gc
import inspect
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from conftest import Run, turns
from one_thread import Connection, live_futures, open_connection, pending
from recording import Messages, parked, recorded
from soak import Often

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def server(serve: Serve = echo, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve connections on a free port, with asyncio's streams, or with uvloop's."""
    handlers = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await serve(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    listening = await asyncio.start_server(handle, host, 0, backlog=4_096)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for handler in handlers:
            handler.cancel()  # type: ignore[union-attr]
        await turns(3)


def says(*chunks: bytes) -> Serve:
    """A server that says these, one after the other, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)

    return serve


@asynccontextmanager
async def by_hand(**options: int) -> AsyncIterator[tuple[Connection, socket.socket]]:
    """A connection, and the socket of its peer: the test says what the peer does, and when."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = await open_connection("127.0.0.1", listening.getsockname()[1], **options)
        peer = listening.accept()[0]
    with peer:
        async with connection:
            yield connection, peer


def received_so_far(peer: socket.socket) -> bytes:
    """Take what has come to this socket, without waiting for more."""
    received = bytearray()
    peer.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while data := peer.recv(1 << 20):
            received += data
    peer.setblocking(True)
    return bytes(received)


async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "data",
    [
        b"bytes",
        bytearray(b"array"),
        memoryview(b"a view")[2:],
        memoryview(b"signed").cast("b"),
        memoryview(b"integers").cast("i"),
        memoryview(b"two rows").cast("B", (2, 4)),
        array.array("d", [1.5, 2.5]),
        (ctypes.c_int * 2)(1, 2),  # of the format `<i`, which Python cannot cast
    ],
    ids=lambda data: f"{type(data).__name__} {memoryview(data).format}",
)
def test_what_is_written_comes_back(run: Run, data: Any) -> None:
    view = memoryview(data)

    async def main() -> bytes:
        async with server() as port, await open_connection("127.0.0.1", port) as connection:
            await connection.write(data)
            return await connection.readexactly(view.nbytes)

    assert run(main) == view.tobytes()


@pytest.mark.parametrize("data", [memoryview(b"abcd")[::2], memoryview(b"abcd")[::-1]])
async def test_what_is_not_in_one_piece_cannot_be_written(data: memoryview) -> None:
    async with by_hand() as (connection, peer):
        with pytest.raises(BufferError) as theirs:
            peer.send(data)
        with pytest.raises(BufferError, match=f"^{theirs.value}$"):
            await connection.write(data)


@pytest.mark.parametrize("size", [0, 1, 4_096, 65_536, 5_000_000])
def test_messages_of_any_size(run: Run, size: int) -> None:
    data = os.urandom(size)

    async def main() -> bytes:
        async with server() as port, await open_connection("127.0.0.1", port) as connection:
            writing = asyncio.create_task(connection.write(data))  # the echo is read meanwhile
            echoed = await connection.readexactly(size)
            await writing
            return echoed

    assert run(main) == data


def test_under_trio() -> None:
    async def main() -> bytes:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]

        async def serve(stream: trio.SocketStream) -> None:
            async for data in stream:
                await stream.send_all(data)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            async with await open_connection("127.0.0.1", port) as connection:
                with trio.move_on_after(0.01):
                    await connection.read()
                await connection.write(b"trio")
                answer: bytes = await connection.readexactly(4)
            nursery.cancel_scope.cancel()
        return answer

    assert trio.run(main) == b"trio"


END = b""
Step = tuple[str, tuple[int, ...], list[bytes]]
"""A method, perhaps cancelled while it waits, its arguments, and what comes while it waits."""

SCHEDULES: dict[str, list[Step]] = {
    "each method": [
        ("readline", (), [b"a li", b"ne\nthree"]),
        ("read", (3,), []),
        ("readexactly", (4,), [b"f", b"our"]),
        ("read", (0,), []),
        ("readexactly", (0,), []),
        ("read", (100,), []),
        ("read", (100,), [b"some"]),
        ("read", (2,), [b"more"]),
        ("readline", (), [b"\n\n"]),
        ("readline", (), []),
        ("read", (), [b"to", b" the", b" end", END]),
        ("read", (), []),
        ("read", (7,), []),
        ("readline", (), []),
        ("readexactly", (0,), []),
        ("readexactly", (1,), []),
    ],
    "the end comes early": [
        ("readexactly", (10,), [b"ha", b"lf", END]),
        ("readexactly", (10,), []),
    ],
    "the end of a line comes late": [
        ("readline cancelled", (), [b"some", b"more"]),
        ("read", (3,), []),
        ("readline", (), [b"and", b"\n"]),
        ("readline cancelled", (), [b"some", b"more"]),
        ("readexactly", (10,), [b"\n\n1\n"]),
        ("readline", (), []),
        ("readline cancelled", (), [b"some"]),
        ("readexactly cancelled", (100,), [b" more\n"]),
        ("readline", (), []),
        ("readline", (), [END]),
    ],
    "a limit of ten": [
        ("readline", (), [b"0123456789", b"\n"]),
        ("readline", (), [b"01234", b"56789", b"a\nrest\n"]),
        ("readline", (), []),
        ("readline", (), [b"01234", b"56789a"]),
        ("readline", (), [b"b", b"\n"]),
        ("readline", (), [b"left", END]),
        ("readline", (), []),
    ],
}


def waits_once(reader: Any) -> bool:
    """The loop of this chapter polls the future itself, and resumes its Task at the end."""
    here = asyncio.get_running_loop()
    return isinstance(reader, Connection) and type(here).__module__ == "pyo3_await.one_thread"


async def outcomes(steps: list[Step], reader: Any, say: Callable[[bytes], Any]) -> list[Any]:
    """Return what each read returns or raises. The peer says a chunk each time the read waits."""
    ends, once = [], waits_once(reader)
    for step, arguments, chunks in steps:
        method, _, cancelled = step.partition(" ")
        messages: Messages = []
        task = asyncio.create_task(recorded(getattr(reader, method)(*arguments), messages))
        for waits, chunk in enumerate(chunks, 1):
            await parked(messages, 1 if once else waits)
            say(chunk)
            await turns(3 if once else 0)  # it may take the chunk, and mostly does
        if cancelled:
            await parked(messages, 1 if once else len(chunks) + 1)
            task.cancel()
        (error,) = await asyncio.gather(task, return_exceptions=True)
        ends.append((step, messages[-1], getattr(error, "partial", None)))
    return ends


@pytest.mark.parametrize("steps", SCHEDULES.values(), ids=list(SCHEDULES))
def test_reading_means_what_it_means_in_asyncio(run: Run, steps: list[Step]) -> None:
    async def main() -> tuple[list[Any], list[Any]]:
        reader = asyncio.StreamReader(limit=10)
        theirs = await outcomes(
            steps, reader, lambda chunk: reader.feed_data(chunk) if chunk else reader.feed_eof()
        )
        async with by_hand(limit=10) as (connection, peer):
            ours = await outcomes(
                steps,
                connection,
                lambda chunk: peer.sendall(chunk) if chunk else peer.shutdown(socket.SHUT_WR),
            )
        return theirs, ours

    theirs, ours = run(main)
    assert ours == theirs


async def test_an_end_that_comes_too_early_gives_what_there_was() -> None:
    async with (
        server(says(b"half")) as port,
        await open_connection("127.0.0.1", port) as connection,
    ):
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await connection.readexactly(10)
        assert (caught.value.partial, caught.value.expected) == (b"half", 10)
        assert str(caught.value) == "4 bytes read on a total of 10 expected bytes"


async def test_the_end_of_the_stream_is_no_bytes() -> None:
    async with server(says()) as port, await open_connection("127.0.0.1", port) as connection:
        assert [await connection.read() for _ in range(3)] == [b""] * 3
        assert await connection.read(5) == b""
        assert await connection.readline() == b""
        assert await connection.readexactly(0) == b""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"x" * 11 + b"\n", "Separator is found, but chunk is longer than limit"),
        (b"x" * 100, "Separator is not found, and chunk exceed the limit"),
    ],
)
def test_a_line_beyond_the_limit_is_an_error(run: Run, line: bytes, message: str) -> None:
    async def main() -> list[str]:
        errors = []
        async with server(says(line)) as port:
            connection = await open_connection("127.0.0.1", port, limit=10)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=10)
            for readline in (connection.readline, reader.readline):
                with pytest.raises(ValueError, match=message) as caught:
                    await readline()
                errors.append(str(caught.value))
            writer.close()
        return errors

    assert len(set(run(main))) == 1


async def test_a_line_as_long_as_the_limit_is_none() -> None:
    async with server(says(b"x" * 10 + b"\n", b"next\n")) as port:
        connection = await open_connection("127.0.0.1", port, limit=10)
        assert await connection.readline() == b"x" * 10 + b"\n"
        assert await connection.readline() == b"next\n"


async def in_two_halves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for half in (b"first ", b"second"):
        await reader.read(1)  # what asks for it
        writer.write(half)
    await writer.drain()


async def cancelled_with_a_half(connection: Connection, read: Coroutine[Any, Any, bytes]) -> None:
    """Cancel what reads twelve bytes when it has six, and ask for the other six."""
    messages: Messages = []
    task = asyncio.create_task(recorded(read, messages))
    await parked(messages, 1)
    await connection.write(b".")
    await parked(messages, 2)
    task.cancel()
    await asyncio.wait([task])
    await connection.write(b".")


async def test_nothing_is_lost_when_a_read_is_cancelled() -> None:
    async with (
        server(in_two_halves) as port,
        await open_connection("127.0.0.1", port) as connection,
    ):
        await cancelled_with_a_half(connection, connection.readexactly(12))
        assert await connection.readexactly(12) == b"first second"


async def test_and_the_first_try_loses_it() -> None:
    async with (
        server(in_two_halves) as port,
        await open_connection("127.0.0.1", port) as connection,
    ):
        await cancelled_with_a_half(connection, connection.first_try_readexactly(12))
        assert await connection.first_try_readexactly(6) == b"second"


async def test_the_first_try_too_hears_of_the_end() -> None:
    async with (
        server(says(b"abc")) as port,
        await open_connection("127.0.0.1", port) as connection,
    ):
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await connection.first_try_readexactly(4)
        assert caught.value.partial == b"abc"


async def test_a_write_that_is_cancelled_leaves_the_rest_to_the_next() -> None:
    size = 20_000_000
    started = asyncio.Event()
    received = bytearray()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await started.wait()
        while data := await reader.read(1 << 20):
            received.extend(data)

    async with server(slow) as port:
        async with await open_connection("127.0.0.1", port) as connection:
            writing = asyncio.create_task(connection.write(b"1" * size))
            await asyncio.sleep(0.01)
            assert not writing.done()  # the kernel does not take it all: that is the backpressure
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            started.set()
            await connection.write(b"2" * 10)
        while len(received) < size + 10:
            await asyncio.sleep(0)
    assert received == b"1" * size + b"2" * 10


async def test_two_writers_do_not_mix() -> None:
    size, letters = 3_000_000, (b"1", b"2", b"3")
    async with server() as port, await open_connection("127.0.0.1", port) as connection:
        writing = [asyncio.create_task(connection.write(letter * size)) for letter in letters]
        echoed = await connection.readexactly(3 * size)
        await asyncio.gather(*writing)
    assert echoed == b"1" * size + b"2" * size + b"3" * size


@pytest.mark.parametrize("method", ["read", "readline"])
async def test_a_second_reader_at_once_is_refused(method: str) -> None:
    async with server(forever) as port, await open_connection("127.0.0.1", port) as connection:
        first = asyncio.create_task(connection.readexactly(5))
        await turns(3)
        with pytest.raises(RuntimeError) as ours:
            await getattr(connection, method)()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        native = asyncio.create_task(reader.readexactly(5))
        await turns(3)
        with pytest.raises(RuntimeError) as theirs:
            await getattr(reader, method)()
        for task in (first, native):
            task.cancel()
        writer.close()
    # asyncio's `readline` says the name of what it calls.
    assert str(ours.value).replace("readline", "readuntil") == str(theirs.value)


async def test_use_after_close_says_so() -> None:
    async with server() as port:
        connection = await open_connection("127.0.0.1", port)
        assert repr(connection).startswith(f"<Connection to 127.0.0.1:{port} from 127.0.0.1:")
        connection.close()
        connection.close()
        assert repr(connection).endswith(", closed>")
        calls: dict[str, Callable[[], Any]] = {
            "read": connection.read,
            "readline": connection.readline,
            "readexactly": lambda: connection.readexactly(1),
            "write": lambda: connection.write(b"x"),
        }
        for name, call in calls.items():
            with pytest.raises(RuntimeError, match=rf"^{name}\(\) called on a closed connection$"):
                await call()


async def test_after_close_nothing_more_is_sent_of_any_write() -> None:
    size = 20_000_000  # more than the kernel takes
    async with by_hand() as (connection, peer):
        writing = [
            asyncio.create_task(connection.write(data)) for data in (b"1" * size, b"2" * 1_000)
        ]
        await turns(3)
        connection.close()
        sent = received_so_far(peer)  # so the kernel would take more
        errors = await asyncio.gather(*writing, return_exceptions=True)
        while data := peer.recv(1 << 20):
            sent += data
    assert len(sent) < size
    assert sent.strip(b"1") == b""
    assert {repr(error) for error in errors} == {
        "RuntimeError('write() called on a closed connection')"
    }


async def test_a_write_begun_before_close_and_awaited_after_it_sends_nothing() -> None:
    async with by_hand() as (connection, peer):
        write = connection.write(b"late")
        connection.close()
        with pytest.raises(RuntimeError, match=r"^write\(\) called on a closed connection$"):
            await write
        assert received_so_far(peer) == b""


async def test_closed_under_a_pending_read_it_is_the_end_of_the_stream() -> None:
    async with server(forever) as port:
        connection = await open_connection("127.0.0.1", port)
        pending = asyncio.create_task(connection.read())
        await turns(3)
        connection.close()
        assert await pending == b""


async def test_dropped_under_a_pending_read_it_is_closed_too() -> None:
    ended = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async with server(waits) as port:
        connection = await open_connection("127.0.0.1", port)
        pending = asyncio.create_task(connection.read())
        await turns(3)
        del connection
        gc.collect()
        assert await pending == b""
        await ended.wait()


def test_nobody_listens_there(run_anywhere: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        async def main() -> None:
            await open_connection("127.0.0.1", port)

        with pytest.raises(ConnectionRefusedError) as caught:
            run_anywhere(main)
    assert caught.value.errno == errno.ECONNREFUSED
    assert caught.value.strerror == os.strerror(errno.ECONNREFUSED)


@pytest.mark.parametrize("host", ["no-such-host.invalid", ""])
def test_there_is_no_such_host(run_anywhere: Run, host: str) -> None:
    async def main() -> None:
        await open_connection(host, 80)

    with pytest.raises(socket.gaierror) as theirs:
        socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)
    with pytest.raises(socket.gaierror) as ours:
        run_anywhere(main)
    assert (ours.value.args, str(ours.value)) == (theirs.value.args, str(theirs.value))


async def test_host_names_and_ipv6() -> None:
    async with server(host="localhost") as port, await open_connection("localhost", port) as named:
        await named.write(b"by name")
        assert await named.readexactly(7) == b"by name"
    if socket.has_ipv6:
        with contextlib.suppress(OSError):  # a machine may have none
            async with server(host="::1") as port, await open_connection("::1", port) as connection:
                await connection.write(b"six")
                assert await connection.readexactly(3) == b"six"


async def test_bad_arguments() -> None:
    async with server() as port, await open_connection("127.0.0.1", port) as connection:
        with pytest.raises(ValueError, match=r"^readexactly size can not be less than zero$"):
            connection.readexactly(-1)  # type: ignore[unused-coroutine]
        with pytest.raises(
            TypeError, match=r"^data argument must be a bytes-like object, not 'str'$"
        ):
            connection.write("text")  # type: ignore[arg-type, unused-coroutine]
        released = memoryview(b"gone")
        released.release()
        with pytest.raises(ValueError, match="forbidden on released memoryview"):
            connection.write(released)  # type: ignore[unused-coroutine]
    with pytest.raises(OverflowError):
        open_connection("127.0.0.1", 65_536)  # type: ignore[unused-coroutine]


@pytest.mark.parametrize(
    ("host", "limit", "message"),
    [
        ("local\0host", 10, "embedded null character"),
        ("\0", 10, "embedded null character"),
        ("127.0.0.1", 0, "Limit cannot be <= 0"),
        ("127.0.0.1", -1, "Limit cannot be <= 0"),
    ],
)
async def test_bad_arguments_of_open_connection(host: str, limit: int, message: str) -> None:
    async with server() as port:
        for opens in (asyncio.open_connection, open_connection):
            with pytest.raises(ValueError, match=f"^{message}$"):
                await opens(host, port, limit=limit)


async def test_a_peer_that_resets_is_an_error() -> None:
    async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with server(resets) as port, await open_connection("127.0.0.1", port) as connection:
        await connection.write(b".")
        with pytest.raises(ConnectionResetError) as caught:
            await connection.read()
        assert caught.value.errno == errno.ECONNRESET
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                await connection.write(b"into the void")


def reset(peer: socket.socket) -> None:
    """Reset the connection after half an answer."""
    peer.sendall(b"half")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


async def errors_of_reads(reader: Any) -> list[int | None]:
    """Call each method that reads, also where it needs no more than has come, or nothing."""
    errors = []
    for read in (
        lambda: reader.readexactly(10),
        lambda: reader.readexactly(2),
        lambda: reader.readexactly(0),
        lambda: reader.read(0),
        lambda: reader.read(10),
        reader.read,
        reader.readline,
    ):
        with pytest.raises(ConnectionResetError) as caught:
            await read()
        errors.append(caught.value.errno)
    return errors


@pytest.mark.parametrize("first", ["read", "write", "write while a read waits"])
async def test_a_reset_is_raised_by_every_read_and_write(first: str) -> None:
    async with by_hand() as (connection, peer):
        messages: Messages = []
        if first == "write while a read waits":
            waiting = asyncio.create_task(recorded(connection.readexactly(10), messages))
            await parked(messages, 1)
            peer.sendall(b"half")
            await parked(messages, 2)
        reset(peer)
        if first != "read":
            with pytest.raises(ConnectionResetError):
                while True:
                    await connection.write(b".")
        if messages:
            with pytest.raises(ConnectionResetError):
                await waiting
        ours = await errors_of_reads(connection)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await connection.write(b"")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        reset(listening.accept()[0])
        writer.write(b".")
        with pytest.raises(ConnectionResetError):
            await writer.drain()
    assert ours == await errors_of_reads(reader)
    assert set(ours) == {errno.ECONNRESET}


async def test_a_peer_that_stalls_hurts_nobody_else() -> None:
    async with server(forever) as stalled, server() as port:
        silent = await open_connection("127.0.0.1", stalled)
        waiting = asyncio.create_task(silent.read())
        writing = asyncio.create_task(silent.write(b"x" * 20_000_000))
        async with await open_connection("127.0.0.1", port) as connection:
            for _ in range(100):
                await connection.write(b"ping")
                assert await connection.readexactly(4) == b"ping"
        assert not waiting.done()
        assert not writing.done()
        silent.close()
        assert await waiting == b""
        with pytest.raises(RuntimeError, match="closed connection"):
            await writing


MIB = 1 << 20
MEMORY = """
import asyncio, contextlib, mmap, os, resource, socket, threading
from one_thread import open_connection

MIB = 1 << 20

def memory():
    with open("/proc/self/statm") as file:
        pages, resident, *_ = map(int, file.read().split())
    return pages * resource.getpagesize(), resident * resource.getpagesize()

def leave(more):
    limit = memory()[0] + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

def say_all(peer, data):
    with contextlib.suppress(OSError):
        while True:
            peer.sendall(data)

def accept(listening, data=bytes(MIB)):
    while True:
        with listening.accept()[0] as peer:
            say_all(peer, data)

listening = socket.create_server(("127.0.0.1", 0))
address = listening.getsockname()
threading.Thread(target=accept, args=(listening,), daemon=True).start()
"""


def with_memory(program: str) -> str:
    """Return what a process prints that runs this, and whose large blocks go back when freed."""
    glibc = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(MIB // 4)}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY + program],
        env={**os.environ, **glibc},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory that holds")
def test_a_write_that_memory_cannot_hold_is_a_memory_error() -> None:
    program = """
async def main():
    async with await open_connection(*address) as connection:
        datas = bytes(512 * MIB), mmap.mmap(-1, 512 * MIB)  # touched by nobody
        leave(64 * MIB)
        for data in datas:
            try:
                await connection.write(data)
            except MemoryError:
                print("MemoryError")
        await connection.write(b"small")
        print("sent")
asyncio.run(main())
"""
    assert with_memory(program).split() == ["MemoryError", "MemoryError", "sent"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on memory that holds")
def test_a_read_that_memory_cannot_hold_is_a_memory_error() -> None:
    program = """
async def read(method, *arguments):
    async with await open_connection(*address, limit=1 << 40) as connection:
        try:
            await getattr(connection, method)(*arguments)
            print("read", end=" ")
        except MemoryError:
            print("MemoryError", end=" ")
            await connection.readexactly(1)  # of what has come

async def main():
    await read("readexactly", MIB)
    leave(64 * MIB)
    for size in range(4, 80, 4):
        await read("readexactly", size * MIB)
    await read("readexactly", 1 << 60)
    await read("readline")
    await read("read")
asyncio.run(main())
"""
    outcomes = with_memory(program).split()
    failed = outcomes.index("MemoryError")
    assert set(outcomes[:failed]) == {"read"}
    assert set(outcomes[failed:]) == {"MemoryError"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and glibc")
@pytest.mark.parametrize(
    "read",
    [
        "await connection.readexactly(64 * MIB)",
        """
        task = asyncio.create_task(connection.readexactly(65 * MIB))
        while saying.is_alive():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        for _ in range(64):
            await connection.readexactly(MIB)
        """,
        """
        with contextlib.suppress(ValueError):
            await connection.readline()
        """,
    ],
    ids=["one message", "what a cancelled read left", "a line beyond the limit"],
)
def test_a_large_message_leaves_no_large_buffer(read: str) -> None:
    program = f"""
async def main():
    listening = socket.create_server(("127.0.0.1", 0))
    connection = await open_connection(*listening.getsockname(), limit=64 * MIB - 1)
    peer = listening.accept()[0]
    before = memory()[1]
    saying = threading.Thread(target=peer.sendall, args=(bytes(64 * MIB),))
    saying.start()
    async with connection:
        {read}
        saying.join()
        peer.sendall(bytes(10))
        await connection.readexactly(10)
        print((memory()[1] - before) // MIB)
asyncio.run(main())
"""
    assert int(with_memory(program)) < 8


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_opened_and_dropped_by_the_thousand(run: Run, often: Often) -> None:
    async def main() -> tuple[int, int]:
        async with server() as port:
            for _ in range(10):
                await open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(often(500, 10_000)):
                connection = await open_connection("127.0.0.1", port)
                await connection.write(b"x")
                del connection
            gc.collect()
            await asyncio.sleep(0.05)  # the server hears of it
            return before, len(os.listdir("/proc/self/fd"))

    before, after = run(main)
    assert after <= before + 20


async def test_many_connections_at_once(often: Often) -> None:
    number = often(200, 2_000)
    async with server() as port:

        async def talk(name: int) -> bytes:
            async with await open_connection("127.0.0.1", port) as connection:
                for _ in range(5):
                    await connection.write(f"{name}\n".encode())
                    line: bytes = await connection.readline()
                return line

        lines = await asyncio.gather(*(talk(name) for name in range(number)))
    assert lines == [f"{name}\n".encode() for name in range(number)]
    assert live_futures() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
async def test_a_fork_leaves_the_parents_connection_alone() -> None:
    async with server() as port, await open_connection("127.0.0.1", port) as connection:
        inherited: list[Connection] = [connection]
        child = os.fork()
        if not child:
            inherited.clear()  # forgotten here, not closed: the socket is the parent's
            os._exit(0)
        os.waitpid(child, 0)  # noqa: ASYNC222
        reading = asyncio.create_task(connection.readexactly(5))
        await connection.write(b"still")
        assert await reading == b"still"


async def test_a_read_that_is_over_is_not_woken_by_what_comes_later() -> None:
    """The socket still has its waker. Who waits in its place by now is let alone."""
    async with server() as port:
        connection = await open_connection("127.0.0.1", port)
        reading = asyncio.ensure_future(connection.read(1))
        await turns(5)
        reading.cancel()
        await asyncio.wait([reading])
        other: Any = asyncio.ensure_future(pending())
        await turns(5)
        waits_for = other._fut_waiter
        connection.close()
        await turns(5)
        assert other._fut_waiter is waits_for
        other.cancel()


def test_a_method_of_a_connection_is_a_coroutine_function_too() -> None:
    async def main() -> list[bool]:
        async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with await open_connection("127.0.0.1", port) as connection:
                assert await connection.read() == b""
                methods = [connection.read, connection.readline, connection.close]
                return [inspect.iscoroutinefunction(method) for method in methods]

    assert asyncio.run(main()) == [True, True, False]


def test_a_name_may_have_a_class_before_it() -> None:
    """`__qualname__` is the whole, `__name__` what follows the last dot."""

    async def main() -> tuple[str, str]:
        async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with await open_connection("127.0.0.1", port) as connection:
                coroutine: Any = connection.read()
                names = coroutine.__qualname__, coroutine.__name__
                await coroutine
                return names

    assert asyncio.run(main()) == ("Connection.read", "read")


@pytest.mark.parametrize("function", [open_connection, Connection.read, Connection.write])
def test_frameworks_that_ask_await_what_it_returns(function: Any) -> None:
    assert inspect.iscoroutinefunction(function)


def test_its_signature_is_that_of_asyncio_as_far_as_it_goes() -> None:
    assert str(inspect.signature(open_connection)) == "(host, port, *, limit=65536)"
