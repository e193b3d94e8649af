"""Rust futures, awaited. Run it: `python demo.py`."""

import asyncio
import hashlib
from pathlib import Path

from rust_futures import (
    RustPanic,
    explode,
    hash_file,
    live_futures,
    pending,
    sleep,
)


async def main() -> None:
    print("1. Ten thousand futures at once")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleep(0.01, number)) for number in range(10_000)]
    print("   sum", sum(task.result() for task in tasks))

    print("2. A file, hashed off the loop")
    print("   as hashlib does:", await hash_file("demo.py") == in_one_go(Path("demo.py")))

    print("3. Cancelled: when the await raises, the future is gone")
    try:
        async with asyncio.timeout(0.01):
            await pending()
    except TimeoutError:
        print("   live futures:", live_futures())

    print("4. A panic")
    try:
        await explode("boom")
    except RustPanic as panic:
        print("  ", str(panic).split(":")[0])  # line and column follow


def in_one_go(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


asyncio.run(main())
