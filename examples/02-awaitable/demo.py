"""Awaiting objects that are written in Rust. Run it: `python demo.py`."""

import asyncio

from awaitable import Backoff, FirstTry, Handoff, NoIterator, Ready


async def main() -> None:
    print("1. A value that can be awaited")
    print("  ", await Ready("hello"), await Ready((1, 2)))

    print("2. The same, with a flaw that a tuple brings out")
    print("  ", await FirstTry("hello"), await FirstTry((1, 2)))

    print("3. A middle man")
    print("  ", await Handoff(asyncio.sleep(0, "slept")))

    print("4. Its use: attempts that wait longer each time")
    for attempt in range(3):
        backoff = Backoff(attempt, base=0.01)
        await backoff
        print("   waited for", backoff.delay, "seconds")

    print("5. What __await__ alone is worth")
    try:
        await NoIterator()  # type: ignore[misc]  # and a type checker knows
    except TypeError as error:
        print("  ", type(error).__name__)


asyncio.run(main())
