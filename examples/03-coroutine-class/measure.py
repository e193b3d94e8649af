"""What a coroutine in Rust costs, beside a native one. Repeat it: `python measure.py`.

Prints the table that the README shows; `--record` keeps the figures in `measured.json`, which the
README is compared with. All kinds run in turn, round after round, so that a noisy machine is noisy
to all of them; the figure is the median over the rounds of the ratio to the native one in a round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import coroutine_class
import in_python


async def my_coroutine() -> str:
    return "Ended"


async def delegate(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class Idle:
    """An awaitable that yields `turns` times and does nothing else, in C."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    def __await__(self) -> Any:
        return itertools.repeat(None, self.turns)


async def await_often(make: Callable[[], Awaitable[Any]], times: int) -> None:
    for _ in range(times):
        await make()


def seconds(coroutine: Any) -> float:
    """Return how long it takes to step `coroutine` to its end, without an event loop."""
    start = perf_counter()
    for _ in iter(lambda: step(coroutine), False):
        pass
    return perf_counter() - start


def step(coroutine: Any) -> bool:
    """Step the coroutine; return whether it suspended."""
    try:
        coroutine.send(None)
    except StopIteration:
        return False
    return True


def whole(make: Callable[[], Awaitable[Any]]) -> Callable[[], Any]:
    return lambda: await_often(make, 3_000)


CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "made and awaited, ready at once": {
        "native": whole(my_coroutine),
        "Rust": whole(coroutine_class.MyCoroutine),
        "Rust, by `my_coroutine()`": whole(coroutine_class.my_coroutine),
        "Python": whole(in_python.my_coroutine),
    },
    "a step through `delegate`": {
        "native": lambda: delegate(Idle(10_000)),
        "Rust": lambda: coroutine_class.delegate(Idle(10_000)),
        "Python": lambda: in_python.delegate(Idle(10_000)),
    },
}
RECORD = Path(__file__).with_name("measured.json")


def measure(rounds: int) -> dict[str, Any]:
    """Return, for each case and kind, the median of the ratio to native, to two digits."""
    ratios: dict[str, dict[str, float]] = {}
    for case, kinds in CASES.items():
        times = [{kind: seconds(make()) for kind, make in kinds.items()} for _ in range(rounds)]
        ratios[case] = {
            kind: float(f"{median(one[kind] / one['native'] for one in times):.2g}")
            for kind in kinds
        }
    return {"python": platform.python_version(), "rounds": rounds, "ratios": ratios}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as the README's Markdown table."""
    rows = (
        f"| {case} | {kind} | {ratio:g} × |"
        for case, kinds in figures["ratios"].items()
        for kind, ratio in kinds.items()
    )
    return "| | coroutine | cost |\n|---|---|---|\n" + "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the figures")
    parser.add_argument("--rounds", type=int, default=101)
    arguments = parser.parse_args()
    figures = measure(arguments.rounds)
    if arguments.record:
        RECORD.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures))
