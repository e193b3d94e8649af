"""What it costs to await a Rust future. Repeat it: `python measure.py`.

Prints the table that the README shows; `--record` keeps the figures in `measured.json`, which the
README is compared with. All kinds run in turn, round after round, so that a noisy machine is noisy
to all of them; the figure is the median over the rounds of the ratio to the first one in a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import in_python
import rust_futures

if sys.platform != "win32":
    import uvloop

    LOOPS: dict[str, Any] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop}


async def at_once(make: Callable[[], Awaitable[Any]], count: int = 10_000) -> None:
    await asyncio.gather(*(make() for _ in range(count)))


async def in_turn(make: Callable[[], Awaitable[Any]], count: int = 1_000) -> None:
    for _ in range(count):
        await make()


class Waker:
    """A thread that does nothing but wake the loop: the least that a round trip can cost."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.future: asyncio.Future[None]
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while True:
            self.asked.acquire()
            future = self.future
            future.get_loop().call_soon_threadsafe(future.set_result, None)

    def __call__(self) -> Awaitable[None]:
        self.future = asyncio.get_running_loop().create_future()
        self.asked.release()
        return self.future


WAKER = Waker()
CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "10,000 at once": {
        "native `asyncio.sleep(0)`": lambda: at_once(lambda: asyncio.sleep(0)),
        "`yield_now()`": lambda: at_once(rust_futures.yield_now),
        "`polled_yield_now()`": lambda: at_once(rust_futures.polled_yield_now),
        "`ready()`": lambda: at_once(rust_futures.ready),
        "`yield_now()` in Python": lambda: at_once(in_python.yield_now, 2_000),
    },
    "one after the other": {
        "a thread that wakes the loop": lambda: in_turn(WAKER),
        "`yield_now()`": lambda: in_turn(rust_futures.yield_now),
        "`polled_yield_now()`": lambda: in_turn(rust_futures.polled_yield_now),
        "`ready()`": lambda: in_turn(rust_futures.ready),
        "`yield_now()` in Python": lambda: in_turn(in_python.yield_now),
    },
}
COUNTS = {("10,000 at once", "`yield_now()` in Python"): 5}  # how much shorter than the others
RECORD = Path(__file__).with_name("measured.json")


def seconds(case: str, kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> float:
    """Return how long it takes, as if all kinds were of the same length."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.sleep(0))
        start = perf_counter()
        runner.run(CASES[case][kind]())
        return (perf_counter() - start) * COUNTS.get((case, kind), 1)


def measure(rounds: int) -> dict[str, Any]:
    """Return, for each case, kind and loop, the median of the ratio, to two digits."""
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    for case, kinds in CASES.items():
        ratios[case] = {kind: {} for kind in kinds}
        for loop, new_loop in LOOPS.items():
            times = [{kind: seconds(case, kind, new_loop) for kind in kinds} for _ in range(rounds)]
            first = next(iter(kinds))
            for kind in kinds:
                ratio = median(one[kind] / one[first] for one in times)
                ratios[case][kind][loop] = float(f"{ratio:.2g}")
    return {"python": platform.python_version(), "rounds": rounds, "ratios": ratios}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as the README's Markdown table."""
    loops = list(next(iter(next(iter(figures["ratios"].values())).values())))
    rows = (
        f"| {case} | {kind} | " + " | ".join(f"{ratios[loop]:g} ×" for loop in loops) + " |"
        for case, kinds in figures["ratios"].items()
        for kind, ratios in kinds.items()
    )
    head = f"| | | {' | '.join(loops)} |\n|---|---|{'---|' * len(loops)}\n"
    return head + "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the figures")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    if arguments.record:
        RECORD.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
