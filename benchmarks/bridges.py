"""Time each published way to await a Rust future, and chapter 04's bridge, in one run.

`nox -s bridges` builds what it needs and runs it on each Python; `-- --quick` takes a minute. The
ways take turns in each round, so that what else the machine does hurts them alike, and a ratio is
the median over the rounds. Keeps all figures in `bridges.json`; `table()` makes Markdown of them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

from peers import installed, keep, versions
from questions import load

RECORD = Path(__file__).parent / "bridges.json"

NATIVE = "native asyncio"
WAYS: dict[str, str] = {
    NATIVE: "asyncio",
    "a thread that wakes the loop": "wake_thread",
    "PyO3's `async fn`, spawned": "async_fn",
    "`future_into_py`": "into_py",
    "chapter 04": "rust_futures",
}
"""Each column, and the module that has its functions."""

LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": lambda: importlib.import_module("uvloop").new_event_loop(),
}

AT_ONCE = "10,000 in one gather, µs each"
IN_TURN = "one after the other, µs each"
ASLEEP = "asleep, bytes each"


def functions(module: str) -> Any:
    """Return what yields once, and what sleeps: natively without anything around it."""
    if module == "asyncio":
        return SimpleNamespace(yield_now=lambda: asyncio.sleep(0), sleep=asyncio.sleep)
    if module == "wake_thread":
        return SimpleNamespace(yield_now=importlib.import_module("published").wake_thread)
    return load(module)


async def at_once(way: Any) -> float:
    async def gather(number: int) -> None:
        await asyncio.gather(*(way.yield_now() for _ in range(number)))

    return await microseconds_each(gather, 10_000)


async def in_turn(way: Any) -> float:
    async def await_often(number: int) -> None:
        for _ in range(number):
            await way.yield_now()

    return await microseconds_each(await_often, 2_000)


async def microseconds_each(run: Callable[[int], Awaitable[None]], number: int) -> float:
    await run(10)  # makes the runtime, where there is one
    gc.collect()
    start = time.perf_counter()
    await run(number)
    return (time.perf_counter() - start) / number * 1e6


TIMED = {AT_ONCE: at_once, IN_TURN: in_turn}


async def bytes_each(way: Any, number: int) -> float:
    """Return by how much the process grows for each that sleeps."""
    await way.sleep(0.01)
    gc.collect()
    before = resident_bytes()
    many = [asyncio.ensure_future(way.sleep(3600)) for _ in range(number)]
    await asyncio.sleep(2)  # all are spawned
    return (resident_bytes() - before) / len(many)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def in_a_process(module: str, loop: str, number: int) -> float:
    """Measure memory where nothing was allocated and freed before."""
    command = [sys.executable, __file__, "--asleep", module, loop, str(number)]
    return float(subprocess.check_output(command))


def asleep(module: str, loop: str, number: str) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        print(runner.run(bytes_each(functions(module), int(number))), flush=True)
        end_at_once()


def end_at_once() -> None:
    """End without the interpreter's exit, which PyO3's `async fn` may turn into an abort."""
    sys.stdout.flush()
    os._exit(0)


Figures = dict[str, dict[str, dict[str, list[float]]]]
"""For each case, loop and way the figure of each round."""


def measure(ways: dict[str, str], rounds: int, sleepers: int) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        for loop in LOOPS:
            print(f"round {number + 1} of {rounds}, {loop}", flush=True)
            for way, module in ways.items():
                for case, figure in measure_once(module, loop, sleepers).items():
                    print(f"    {way:<30}{case:<32}{figure:>8.1f}", flush=True)
                    row = figures.setdefault(case, {}).setdefault(loop, {})
                    row.setdefault(way, []).append(round(figure, 2))
    return figures


def measure_once(module: str, loop: str, sleepers: int) -> dict[str, float]:
    way = functions(module)
    once = {}
    for case, timed in TIMED.items():
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            once[case] = runner.run(timed(way))
    if hasattr(way, "sleep") and sys.platform == "linux":  # elsewhere there is no /proc
        once[ASLEEP] = in_a_process(module, loop, sleepers)
    return once


def table(record: dict[str, Any], python: str) -> str:
    """Return the medians on this Python, the spread, and the ratios to native, as Markdown."""
    figures: Figures = record[python]["figures"]
    ways = [way for way in WAYS if way in figures[AT_ONCE]["asyncio"]]
    rows = [["", *ways], ["---"] * (1 + len(ways))]
    for case, loops in figures.items():
        for loop, row in loops.items():
            rows.append([f"{case}, {loop}", *(cell(row, way) for way in ways)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(row: dict[str, list[float]], way: str) -> str:
    if way not in row:
        return ""
    middle, low, high = map(short, (median(row[way]), min(row[way]), max(row[way])))
    return f"{middle} ({low}–{high}), {ratio(row, way):.2g} ×"


def short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"


def ratio(row: dict[str, list[float]], way: str) -> float:
    """Return the median of the rounds' ratios to native."""
    return median(one / native for one, native in zip(row[way], row[NATIVE], strict=True))


def main(quick: bool) -> None:
    ways = {way: module for way, module in WAYS.items() if installed(module)}
    rounds, sleepers = (2, 10_000) if quick else (5, 100_000)
    figures = measure(ways, rounds, sleepers)
    keep(RECORD, {"versions": versions(), "sleepers": sleepers, "figures": figures})
    python = ".".join(platform.python_version_tuple()[:2])
    print(table(json.loads(RECORD.read_text("utf-8")), python))
    end_at_once()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--asleep", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.asleep:
        asleep(*arguments.asleep)
    else:
        main(arguments.quick)
