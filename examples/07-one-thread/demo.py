"""One thread for Python's tasks and Rust's futures. Run it: `python demo.py`."""

import asyncio
import os
import sys
import threading

import one_thread
from one_thread import (
    count_in_turns,
    open_connection,
    polled_on,
    polls,
    sleep,
    spin,
    this_thread,
    yield_now,
)


async def main() -> None:
    print("1. A future of Rust, polled on the loop's own thread")
    print("  ", await polled_on() == this_thread())

    print("2. Ten thousand at once, and no thread but this one")
    await asyncio.gather(*(yield_now() for _ in range(10_000)))
    threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1
    print("   threads:", threads)

    print("3. A future that wakes itself for ever leaves the others their turns")
    spins = asyncio.create_task(spin())
    print("  ", await sleep(0.01, "slept"), "meanwhile; it was polled, too:", polls() > 0)
    spins.cancel()

    print("4. Two futures that share what no other thread may see")
    print("   counted to", await count_in_turns(1_000))

    print("5. A connection made of Rust futures, to a server of asyncio's, on this thread")
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with await open_connection("127.0.0.1", port) as connection:
            await connection.write(b"ping\n")
            print("  ", await connection.readline(), threading.active_count())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


if sys.platform == "win32":
    print("Windows has no selector that this loop could wait for.")
else:
    one_thread.run(main())
