"""What a child process has of a connection: a copy that it must not touch."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading

import pytest

from conftest import in_child, turns
from one_thread import open_connection


def test_what_only_another_thread_holds_is_not_dropped_in_a_child() -> None:
    """In a child CPython destroys the `threading.local` of other threads before it calls hooks.

    Dropped there, a connection would leave the kernel's list that parent and child share, and the
    parent wait for ever.
    """
    kept, kept_it, go_on = threading.local(), threading.Event(), threading.Event()
    received: list[bytes] = []

    def holds(port: int) -> None:
        loop = asyncio.new_event_loop()
        kept.connection = loop.run_until_complete(open_connection("127.0.0.1", port))
        kept_it.set()
        go_on.wait()

        async def main() -> bytes:
            task = asyncio.create_task(kept.connection.read(100))
            await turns(3)
            peer.sendall(b"still there")  # now that somebody waits for it
            data: bytes = await task
            return data

        received.append(loop.run_until_complete(main()))
        loop.close()
        del kept.connection

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=holds, args=server.getsockname()[1:])
        thread.start()
        peer = server.accept()[0]
        kept_it.wait()
        assert in_child(lambda: gc.collect() * 0) == 0
        go_on.set()
        thread.join()
        peer.close()
    assert received == [b"still there"]


async def test_a_child_is_told_what_it_cannot_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = await open_connection(*server.getsockname())
        with server.accept()[0]:

            def child() -> int:
                with pytest.raises(
                    RuntimeError, match=r"^a connection cannot be used on the other side of a fork$"
                ):
                    asyncio.run(read())
                return 0

            async def read() -> bytes:
                return await connection.read(1)

            assert in_child(child) == 0
            connection.close()
