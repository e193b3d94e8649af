"""What it costs that Rust awaits Python: chapter 06's ways, beside a plain `await` and a peer.

Each kind of use has its own native case: awaited one after the other, gathered, and the items of an
async generator, collected.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import streams
from ladder import LOOPS, Timed, at_once, clock, in_loop
from ladder import native as trivial

Function = Callable[[], Awaitable[Any]]
"""What Rust is to call."""

Way = Callable[[Function], Awaitable[Any]]


@dataclass(frozen=True)
class Call:
    find: Callable[[], Way]
    """Returns what has the function called and awaited; imports it."""
    times: int
    """How often it is called to be timed: some milliseconds' worth."""


async def suspends() -> None:
    await asyncio.sleep(0)


def native(function: Function) -> Awaitable[Any]:
    return function()


def of(path: str) -> Way:
    found: Way = resolve_name(path)
    return found


NATIVE = "Python itself"
QUICK, SLOW, MANY = 20_000, 1_000, 10_000

CALLS = {
    NATIVE: Call(lambda: native, QUICK),
    "`call_in_task`": Call(lambda: of("await_from_rust:call_in_task"), QUICK),
    "`call`": Call(lambda: of("await_from_rust:call"), SLOW),
    "the first try: a worker attaches": Call(lambda: of("await_from_rust:first_try_call"), SLOW),
    "`into_future` in `future_into_py`": Call(lambda: of("published:into_py.call"), SLOW),
}
"""Called one after the other, and 10,000 at once: natively, each of those is a Task."""

COLLECTED = {
    NATIVE: "calls:collect",
    "`collect`": "await_from_rust:collect",
    "`collect_by_task`": "await_from_rust:collect_by_task",
}
"""How the items of a native async generator come into a list."""

ITEMS = 10_000

TRIVIAL, SUSPENDS = "one that does not suspend", "one that suspends once"
AT_ONCE, AN_ITEM = f"{MANY:,} of them at once", "an item, collected"
KINDS = [TRIVIAL, SUSPENDS, AT_ONCE, AN_ITEM]


async def collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


async def in_turn(call: Call, function: Function) -> float:
    """Return the seconds that `call.times` calls take."""
    way = call.find()
    await way(function)  # makes the runtime, where there is one
    gc.collect()
    start = clock()
    for _ in range(call.times):
        await way(function)
    return clock() - start


async def gathered(call: Call) -> float:
    return await at_once(functools.partial(call.find(), suspends), MANY)


async def collected(path: str) -> float:
    """Return the seconds that it takes to collect `ITEMS` items."""
    way = resolve_name(path)
    await way(streams.native(10))
    gc.collect()
    start = clock()
    await way(streams.native(ITEMS))
    return clock() - start


def calls() -> Iterator[Timed]:
    functions = {TRIVIAL: trivial, SUSPENDS: suspends}
    for loop, kind, (name, call) in itertools.product(LOOPS, functions, CALLS.items()):
        seconds = in_loop(loop, in_turn, call, functions[kind])
        yield Timed(f"{loop}: {kind}: {name}", seconds, call.times)
    for loop, (name, call) in itertools.product(LOOPS, CALLS.items()):
        yield Timed(f"{loop}: {AT_ONCE}: {name}", in_loop(loop, gathered, call), MANY)
    for loop, (name, path) in itertools.product(LOOPS, COLLECTED.items()):
        yield Timed(f"{loop}: {AN_ITEM}: {name}", in_loop(loop, collected, path), ITEMS)
