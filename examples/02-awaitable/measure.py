"""What it costs to make an awaitable and to await it. Repeat it: `python measure.py`.

Prints the table that the README shows; `--record` keeps the figures in `measured.json`, which the
README is compared with. All kinds run in turn, round after round, so that a noisy machine is noisy
to all of them; the figure is the median over the rounds of the ratio to `async def` in that round.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import awaitable
import in_python


async def give(value: int) -> int:
    return value


NATIVE = "`async def`"
KINDS: dict[str, Callable[[int], Awaitable[int]]] = {
    NATIVE: give,
    "`Ready` in Rust": awaitable.Ready,
    "`Ready` in Python": in_python.Ready,
    "`Handoff` in Rust, of an `async def`": lambda value: awaitable.Handoff(give(value)),
    "`Handoff` in Python, of an `async def`": lambda value: in_python.Handoff(give(value)),
}
RECORD = Path(__file__).with_name("measured.json")


async def await_often(make: Callable[[int], Awaitable[int]], times: int) -> None:
    for number in range(times):
        await make(number)


def seconds(make: Callable[[int], Awaitable[int]], times: int) -> float:
    """Return how long `times` awaits take, in one step of a coroutine: no event loop has a part."""
    steps = await_often(make, times)
    start = perf_counter()
    try:
        steps.send(None)
    except StopIteration:
        return perf_counter() - start
    raise AssertionError("it suspended")


def measure(rounds: int) -> dict[str, Any]:
    """Return, for each kind, the median of its ratio to `async def`, to two digits."""
    times = [{kind: seconds(make, 5_000) for kind, make in KINDS.items()} for _ in range(rounds)]
    ratios = {
        kind: float(f"{median(one[kind] / one[NATIVE] for one in times):.2g}") for kind in KINDS
    }
    return {"python": platform.python_version(), "rounds": rounds, "ratios": ratios}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as the README's Markdown table."""
    rows = (f"| {kind} | {ratio:g} × |" for kind, ratio in figures["ratios"].items())
    return "| Made and awaited | cost |\n|---|---|\n" + "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the figures")
    parser.add_argument("--rounds", type=int, default=101)
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    if arguments.record:
        RECORD.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
