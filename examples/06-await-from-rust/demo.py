"""Python, awaited from Rust. Run it: `python demo.py`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from await_from_rust import call_all, live_futures, merge, retry, serve, with_timeout


async def main() -> None:
    print("1. Two functions of Python at once, each in a Task of its own")
    print("  ", await call_all([lambda: slept("two", 0.02), lambda: slept("one", 0.01)]))

    print("2. A timeout in Rust: when it is raised, the function has ended")
    try:
        await with_timeout(stubborn, 0.01)
    except TimeoutError:
        print("   live futures:", live_futures())

    print("3. The third attempt")
    print("  ", await retry(fails_twice(), attempts=5, base=0.001))

    print("4. Two async generators, read as one stream")
    print("  ", sorted([item async for item in merge(count("a"), count("b"))]))

    print("5. A server in Rust, its handler in Python")
    async with await serve(handle) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"ping\n")
        print("  ", await reader.readline())
        writer.close()
        await writer.wait_closed()


async def slept(name: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return name


async def stubborn() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.01)
        print("   the function has ended")


def fails_twice() -> Callable[[], Awaitable[str]]:
    attempts = 0

    async def function() -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError("not yet")
        return f"succeeded, after {attempts} attempts"

    return function


async def count(name: str) -> AsyncIterator[str]:
    for number in range(3):
        await asyncio.sleep(0)
        yield f"{name}{number}"


async def handle(line: bytes) -> bytes:
    return line.upper()


asyncio.run(main())
