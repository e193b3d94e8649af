"""What it costs to suspend once in Rust: on chapter 07's loop, and by chapter 04's threads.

Beside `asyncio.sleep(0)`, which suspends once in Python. On a loop of one thread the future is
woken where it is polled, and what is left is a turn of the loop.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from ladder import ONE_THREAD, SLEEP, Make, Timed, at_once, clock, in_loop, of

TURNS: dict[str, tuple[str, Callable[[], Make]]] = {
    SLEEP: ("asyncio", lambda: functools.partial(asyncio.sleep, 0)),
    "`yield_now()` on one thread": (ONE_THREAD, lambda: of("one_thread:yield_now")),
    "chapter 04's `yield_now()`": ("asyncio", lambda: of("rust_futures:yield_now")),
}
"""Each with its loop, and what returns the function to call; that imports it."""

IN_TURN, MANY = 20_000, 10_000
Case = Callable[[Callable[[], Make]], Coroutine[Any, Any, float]]


async def one_after_the_other(find: Callable[[], Make]) -> float:
    """Return the seconds that `IN_TURN` of them take."""
    make = find()
    await make()  # makes the runtime, where there is one
    gc.collect()
    start = clock()
    for _ in range(IN_TURN):
        await make()
    return clock() - start


async def many_at_once(find: Callable[[], Make]) -> float:
    return await at_once(find(), MANY)


KINDS: dict[str, tuple[Case, int]] = {
    "one after the other": (one_after_the_other, IN_TURN),
    f"{MANY:,} at once": (many_at_once, MANY),
}


def turns() -> Iterator[Timed]:
    for kind, name in itertools.product(KINDS, TURNS):
        (case, times), (loop, find) = KINDS[kind], TURNS[name]
        yield Timed(f"asyncio: {kind}: {name}", in_loop(loop, case, find), times)
