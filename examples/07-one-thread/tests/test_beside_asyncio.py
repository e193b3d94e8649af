"""What asyncio itself does on this loop: the same as on its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import one_thread
from conftest import Run, turns
from one_thread import event_loop, polled_on, read_blocking, read_file, sleep, this_thread


def test_subprocesses(run: Run) -> None:
    async def main() -> tuple[bytes, int | None]:
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-c", "print(input()[::-1]); raise SystemExit(3)"]
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        (answer, _), _ = await asyncio.gather(process.communicate(b"olleh\n"), sleep(0.001))
        return answer, process.returncode

    assert run(main) == (b"hello\n", 3)


def test_many_subprocesses_at_once(run: Run) -> None:
    async def one(number: int) -> int:
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"exit {number}")
        return await process.wait()

    async def main() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(20)))

    assert run(main) == list(range(20))


def test_calls_from_other_threads(run: Run) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        seen: asyncio.Queue[int] = asyncio.Queue()

        def work() -> None:
            for number in range(100):
                loop.call_soon_threadsafe(seen.put_nowait, number)

        thread = threading.Thread(target=work)
        thread.start()
        numbers = [await seen.get() for _ in range(100)]
        thread.join()
        return numbers

    assert run(main) == list(range(100))


def test_a_coroutine_of_rust_from_another_thread() -> None:
    loop = event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    results = [asyncio.run_coroutine_threadsafe(sleep(0.001, number), loop) for number in range(10)]
    assert [one.result() for one in results] == list(range(10))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_executors(run: Run) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return [
                await loop.run_in_executor(None, lambda: 1),
                await loop.run_in_executor(pool, lambda: 2),
                await asyncio.to_thread(lambda: 3),
            ]

    assert run(main) == [1, 2, 3]


def test_timers_in_their_order(run: Run) -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        now = loop.time()
        for delay in 0.03, 0.01, 0.02, 0:
            loop.call_at(now + delay, seen.append, f"{delay}")
        while len(seen) < 4:
            await asyncio.sleep(0.001)
        return seen

    assert run(main) == ["0", "0.01", "0.02", "0.03"]


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data.upper(), addr)


class Answer(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self.answer = answer

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answer.set_result(data)


def test_datagrams(run: Run) -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        client, _ = await loop.create_datagram_endpoint(
            lambda: Answer(answer), remote_addr=server.get_extra_info("sockname")
        )
        client.sendto(b"hello")
        result = await answer
        client.close()
        server.close()
        await turns(3)
        return result

    assert run(main) == b"HELLO"


def test_pipes(run: Run) -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        ends = os.pipe()
        reader = asyncio.StreamReader()
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ends[0], "rb")
        )
        writing, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(ends[1], "wb"))
        writing.write(b"through a pipe\n")
        line = await reader.readline()
        writing.close()
        assert await reader.read() == b""
        reading.close()
        await turns(3)
        return line

    assert run(main) == b"through a pipe\n"


def test_sockets_by_hand(run: Run) -> None:
    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            big = bytes(1 << 22)  # more than a socket holds
            sending = asyncio.create_task(loop.sock_sendall(one, big))
            received = bytearray()
            while len(received) < len(big):
                received += await loop.sock_recv(other, 1 << 16)
            await sending
            return bytes(received[:3])

    assert run(main) == bytes(3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for `localhost`, and its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    command += f" -addext subjectAltName=DNS:localhost -keyout {path} -out {path}.crt"
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    with path.open("a") as both:
        both.write(Path(f"{path}.crt").read_text())
    return path


def test_tls(run: Run, certificate: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> bytes:
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(certificate)
        trusted = ssl.create_default_context(cafile=str(certificate))
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served)
        async with server:
            reader, writer = await asyncio.open_connection(
                *server.sockets[0].getsockname(), ssl=trusted, server_hostname="localhost"
            )
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
        await turns(5)
        return line

    assert run(main) == b"HELLO\n"


def test_in_debug_mode() -> None:
    async def main() -> bool:
        await asyncio.gather(*(sleep(0.001) for _ in range(10)))
        return await polled_on() == this_thread()

    with asyncio.Runner(loop_factory=event_loop, debug=True) as runner:
        assert runner.run(main())


def test_a_future_that_blocks_blocks_the_loop(tmp_path: Path) -> None:
    """Python's other threads run meanwhile, and nothing of the loop does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    turns_before: list[int] = []

    async def main() -> str:
        loop = asyncio.get_running_loop()
        count = 0

        def counts() -> None:
            nonlocal count
            count += 1
            loop.call_soon(counts)

        def writes() -> None:
            with pipe.open("w") as writer:  # waits for a reader
                turns_before.append(count)
                threading.Event().wait(0.01)
                turns_before.append(count)
                writer.write("at last")

        counts()
        thread = threading.Thread(target=writes)
        thread.start()
        text = await read_blocking(pipe)
        thread.join()
        return text

    assert one_thread.run(main()) == "at last"
    assert turns_before[0] == turns_before[1]


def test_what_blocks_belongs_on_another_thread(tmp_path: Path) -> None:
    """`spawn_blocking` has one for it: the loop goes on, and is woken when it is done."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def main() -> str:
        reading = asyncio.create_task(read_file(pipe))
        writer = await asyncio.to_thread(pipe.open, "w")
        await turns(100)  # the loop goes on
        assert not reading.done()
        with writer:
            writer.write("at last")
        return await reading

    assert one_thread.run(main()) == "at last"
