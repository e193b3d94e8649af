"""Rust streams, iterated. Run it: `python demo.py`."""

import asyncio
from pathlib import Path

from rust_streams import RustPanic, channel, count, lines, live_streams, panicking, produce


async def main() -> None:
    print("1. A hundred thousand items, ready at once")
    print("   sum", sum([number async for number in count(100_000)]))

    print("2. A file, line by line, read off the loop")
    text = [line async for line in lines("demo.py")]
    print("   as Python reads it:", text == in_one_go(Path("demo.py")))

    print("3. A producer, at most 16 items in front")
    numbers = produce(1_000)
    front = [numbers.made - number - 1 async for number in numbers]
    print("   never more:", max(front) <= 16)

    print("4. A step that is cancelled loses nothing")
    sender, items = channel()
    try:
        async with asyncio.timeout(0.01):
            await anext(items)
    except TimeoutError:
        sender.send("late")
        print("  ", await anext(items))

    print("5. Left by break, the stream is gone")
    async for number in count(1_000_000):
        if number == 3:
            break
    await items.aclose()
    print("   live streams:", live_streams())

    print("6. A panic")
    try:
        async for _ in panicking(3):
            pass
    except RustPanic as panic:
        print("  ", str(panic).split(":")[0])  # line and column follow


def in_one_go(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


asyncio.run(main())
