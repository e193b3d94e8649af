"""What the client can do. Run it: `python demo.py`."""

from __future__ import annotations

import asyncio

from server import Server
from your_extension import connect, logs


async def main(port: int) -> None:
    async with connect("127.0.0.1", port) as client:
        print("1. A coroutine")
        await client.set("fruit.1", "apple")
        print("  ", await client.get("fruit.1"))

        print("2. A function of Python's, awaited by Rust, once")
        print("  ", await client.get_or_load("fruit.2", load))
        print("  ", await client.get_or_load("fruit.2", load))

        print("3. A stream")
        print("  ", [key async for key in client.scan("fruit.")])

        print("4. A call that blocks, while the loop runs")
        print("  ", client.get_sync("fruit.1"))


async def load(key: str) -> str:
    await asyncio.sleep(0)
    print("   loading", key)
    return "pear"


async def print_logs() -> None:
    async for logger, _level, message, spans in logs():
        print(f"   [{logger}] {message}, in {spans}")


async def demo(port: int) -> None:
    logging = asyncio.create_task(print_logs())
    await asyncio.sleep(0)  # it reads from here on
    await main(port)
    logging.cancel()


with Server() as server:
    asyncio.run(demo(server.port))
    print("5. Saved at the exit:", server.saved)
