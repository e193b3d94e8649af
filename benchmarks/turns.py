"""What it costs to suspend once in Rust: on chapter 07's loop, and by chapter 04's threads.

Beside `asyncio.sleep(0)`, which suspends once in Python. On a loop of one thread the future is
woken where it is polled, and what is left is a turn of the loop.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from ladder import ONE_THREAD, SLEEP, Case, Timed, gather, in_loop, in_turn, of

IN_TURN, MANY = 20_000, 10_000

TURNS = {
    SLEEP: ("asyncio", Case(lambda: functools.partial(asyncio.sleep, 0), IN_TURN)),
    "`yield_now()` on one thread": (
        ONE_THREAD,
        Case(lambda: of("one_thread:yield_now"), IN_TURN),
    ),
    "chapter 04's `yield_now()`": ("asyncio", Case(lambda: of("rust_futures:yield_now"), IN_TURN)),
}
"""Each with its loop."""

KINDS: dict[str, tuple[Callable[[Case], Coroutine[Any, Any, float]], int]] = {
    "one after the other": (in_turn, IN_TURN),
    f"{MANY:,} at once": (functools.partial(gather, size=MANY), MANY),
}
"""What times a case, and how often it awaits for that."""


def turns() -> Iterator[Timed]:
    for kind, (seconds, times) in KINDS.items():
        for name, (loop, case) in TURNS.items():
            yield Timed(f"asyncio: {kind}: {name}", in_loop(loop, seconds, case), times)
