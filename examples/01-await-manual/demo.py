"""What `await` does, shown without `await`. Run it: `python demo.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from await_manual import await_foo, drive, trace


async def foo() -> str:
    print("foo is being called")
    return "hello"


class Request:
    """An awaitable that asks its event loop for something."""

    def __repr__(self) -> str:
        return "<a request for the event loop>"

    def __await__(self) -> Generator[Request, None, None]:
        yield self


async def never_done() -> None:
    while True:
        await asyncio.sleep(0)


print("1. await foo(), by hand")
await_foo(foo)

print("2. The same as data, for an awaitable that suspends once")
for message in trace(asyncio.sleep(0, "slept")):
    print("  ", message)

print("3. A yield that only an event loop could serve")
try:
    drive(Request())
except RuntimeError as error:
    print("   RuntimeError:", error)

print("4. An awaitable that never ends")
try:
    drive(never_done(), timeout=0.1)
except TimeoutError as error:
    print("   TimeoutError:", error)
