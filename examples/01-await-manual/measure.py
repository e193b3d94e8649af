"""By name or through the slot: what a step costs. Repeat it: `python measure.py`.

Prints the table that the README shows; `--record` keeps the figures in `measured.json`, which the
README is compared with. All ways run in turn, round after round, so that a noisy machine is noisy
to all of them; the figure is the median over the rounds of the ratio to the slot in the same round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import await_manual

WAYS: dict[str, Callable[[Any], int]] = {
    "by name": await_manual.count_steps_by_name,
    "by an interned name": await_manual.count_steps_by_interned_name,
    "through the slot": await_manual.count_steps_by_slot,
}
Times: TypeAlias = tuple[float, float]  # seconds: of a step among many, of a whole await
RECORD = Path(__file__).with_name("measured.json")


class Idle:
    """An awaitable that yields `turns` times and does nothing else, in C."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    def __await__(self) -> Iterator[None]:
        return itertools.repeat(None, self.turns)


def seconds(way: Callable[[Any], int], turns: int, awaits: int) -> float:
    """Return the seconds that a step takes, when `awaits` awaitables take `turns` steps more."""
    start = perf_counter()
    for _ in range(awaits):
        way(Idle(turns))
    return (perf_counter() - start) / (awaits * (turns + 1))


def measure(rounds: int) -> dict[str, Any]:
    """Return the median ratios: of a step among many, and of an await of a single step."""
    times: dict[str, list[Times]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            times[name].append((seconds(way, 10_000, 2), seconds(way, 0, 20_000)))
    slot = times["through the slot"]
    ratios = {name: [ratio(mine, slot, kind) for kind in (0, 1)] for name, mine in times.items()}
    return {"python": platform.python_version(), "rounds": rounds, "ratios": ratios}


def ratio(times: list[Times], slot: list[Times], kind: int) -> float:
    """Return the median over the rounds, to two digits: more would be noise."""
    return float(
        f"{median(one[kind] / floor[kind] for one, floor in zip(times, slot, strict=True)):.2g}"
    )


def table(figures: dict[str, Any]) -> str:
    """Return the figures as the README's Markdown table."""
    head = "| `__next__` is reached | a step | an await of one step |\n|---|---|---|\n"
    rows = (
        f"| {name} | {step:g} × | {one:g} × |" for name, (step, one) in figures["ratios"].items()
    )
    return head + "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the figures")
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    if arguments.record:
        RECORD.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
