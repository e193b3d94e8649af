"""Coroutines that are written in Rust. Run it: `python demo.py`."""

import asyncio

from coroutine_class import countdown, delegate, my_coroutine


async def main() -> None:
    print("2. As a Task, in a group, beside a native one")
    async with asyncio.TaskGroup() as group:
        rust = group.create_task(countdown(3))
        native = group.create_task(asyncio.sleep(0, "slept"))
    print("  ", rust.result(), native.result())

    print("3. Cancelled, through a coroutine that awaits another")
    task = asyncio.create_task(delegate(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("   CancelledError")


print("1. asyncio.run(my_coroutine())")
print("  ", asyncio.run(my_coroutine()))
asyncio.run(main())
