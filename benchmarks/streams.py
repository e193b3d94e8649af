"""What an item of a stream costs in `async for`: of one stream, and of a hundred at once.

The streams are chapter 05's, beside a native async generator and beside the usual answer, a class
that makes a future for each item. Each only counts, so the figures are those of the way.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from ladder import LOOPS, Timed, clock, in_loop

Make = Callable[[int], AsyncIterator[Any]]
"""Makes a stream of so many items."""

AHEAD = 1024
KINDS = {"of one stream": 1, "of 100 at once": 100}
"""How many streams are consumed at once."""


@dataclass(frozen=True)
class Stream:
    find: Callable[[], Make]
    """Returns what makes the stream; imports it, as few processes need all crates."""
    items: int
    """How many are taken to be timed: some milliseconds' worth."""
    batches: bool = False
    """If so, lists of items come."""


async def native(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number


def with_arguments(path: str, *arguments: int) -> Make:
    make = resolve_name(path)
    return lambda n: make(n, *arguments)


GENERATOR, COUNT = "a native async generator", "`count`"
INTO_PY_STREAM = "a `future_into_py` an item"
QUICK, SLOW = 100_000, 2_000

STREAMS = {
    GENERATOR: Stream(lambda: native, QUICK),
    COUNT: Stream(lambda: with_arguments("rust_streams:count"), QUICK),
    "`count_batches`": Stream(
        lambda: with_arguments("rust_streams:count_batches", AHEAD), QUICK, batches=True
    ),
    "`produce`, ahead by 16": Stream(lambda: with_arguments("rust_streams:produce", 16), QUICK),
    "`produce`, ahead by 1,024": Stream(
        lambda: with_arguments("rust_streams:produce", AHEAD), QUICK
    ),
    "`produce_batches`, ahead by 1,024": Stream(
        lambda: with_arguments("rust_streams:produce_batches", AHEAD, AHEAD), QUICK, batches=True
    ),
    "the first try: a future an item": Stream(
        lambda: with_arguments("rust_streams:first_try_count"), SLOW
    ),
    INTO_PY_STREAM: Stream(lambda: with_arguments("published:into_py.count"), SLOW),
}


async def consumed(stream: Stream, size: int) -> float:
    """Return the seconds that so many streams take at once, to bring all items together."""
    make, consume = stream.find(), consume_batches if stream.batches else consume_items
    await consume(make(10))  # makes the runtime, where there is one
    gc.collect()
    start = clock()
    await asyncio.gather(*(consume(make(stream.items // size)) for _ in range(size)))
    return clock() - start


async def consume_items(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


async def consume_batches(stream: AsyncIterator[list[Any]]) -> None:
    async for batch in stream:
        for _ in batch:
            pass


def streams() -> Iterator[Timed]:
    for loop, kind, (name, stream) in itertools.product(LOOPS, KINDS, STREAMS.items()):
        seconds = in_loop(loop, consumed, stream, KINDS[kind])
        yield Timed(f"{loop}: {kind}: {name}", seconds, stream.items)
