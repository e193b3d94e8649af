"""The tables that `cost.json` makes, in Markdown: its own page's, and each chapter's share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from ladder import COUNTDOWN, DELEGATE, GATHERED, NATIVE, ONE_CORE, RUNGS, SLEEP

HERE = Path(__file__).parent
SHOWN = "3.12"
"""The Python of the pictures, and of what the chapters quote."""

COUNTED = {
    NATIVE: "an await: async def",
    "a class in C": "an await: Floor, in C",
    "`my_coroutine()` in Rust": "an await: my_coroutine()",
    DELEGATE: "a step: delegate as async def",
    "a step of `delegate` in Rust": "a step: delegate()",
}
"""The rungs whose instructions are counted, and what `instructions.py` calls them."""

BESIDE = {
    "02": [NATIVE, "a class in C"],
    "03": [NATIVE, "a class in C", DELEGATE, COUNTDOWN],
}
"""What a chapter shows its own rungs beside."""

OWN_STREAMS = {"asyncio": "asyncio's streams", "uvloop": "uvloop's streams"}


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name).read_text("utf-8"))
    return found


def loops(python: str) -> list[str]:
    """The event loops that were measured, whatever is installed where the page is made."""
    rungs = record("cost.json")[python]["rungs"]
    return list(dict.fromkeys(case.partition(": ")[0] for case in rungs))


def ladder(python: str) -> str:
    """All rungs, the cheapest first, in nanoseconds and as ratio to native."""
    counts = record("instructions.json").get(python, {}).get("instructions", {})
    head = ["made and awaited", *loop_columns(python), "instructions"]
    return table(
        head,
        (
            [name, *loop_cells(python, name), f"{counts.get(COUNTED.get(name), '')}"]
            for name in by_cost(python, list(RUNGS))
        ),
    )


def chapter(number: str) -> str:
    """The chapter's own rungs, and what they are to be seen beside."""
    own = [name for name, rung in RUNGS.items() if rung.chapter == number]
    rows = by_cost(SHOWN, BESIDE[number] + own)
    return table(["", *loop_columns(SHOWN)], ([name, *loop_cells(SHOWN, name)] for name in rows))


def driven(python: str) -> str:
    """A step, by how a driver reaches `__next__`."""
    ways = record("cost.json")[python]["driven"]
    rows = (
        [way, f"{spread(times)} ns", f"{ratio(times, ways['through the slot'])} ×"]
        for way, times in ways.items()
    )
    return table(["`__next__` is reached", "a step", "to the slot"], rows)


def one_core(python: str) -> str:
    """What is timed on one core as well, with the system calls."""
    found = record("cost.json")[python]
    if not found["one core"]:
        return "Measured on Linux only."

    def calls(name: str) -> str:
        each = found["system calls"].get(f"asyncio: {name}", {})
        return f"{sum(each.values()):.0f}, {each.get('futex', 0):.0f}" if each else ""

    head = ["on one core", *loop_columns(python), "system calls, of them `futex`"]
    cells = ([name, *loop_cells(python, name, "one core"), calls(name)] for name in ONE_CORE)
    return table(head, cells)


def loop_columns(python: str) -> Iterable[str]:
    for loop in loops(python):
        yield from (loop, "to native")


def loop_cells(python: str, name: str, part: str = "rungs") -> Iterable[str]:
    rungs = record("cost.json")[python][part]
    for loop in loops(python):
        times = rungs[f"{loop}: {name}"]
        yield f"{spread(times)} ns"
        yield f"{ratio(times, rungs[f'{loop}: {RUNGS[name].steps or NATIVE}'])} ×"


def by_cost(python: str, names: list[str]) -> list[str]:
    """Those that were recorded, the cheapest first."""
    rungs = record("cost.json")[python]["rungs"]
    recorded = [name for name in names if f"asyncio: {name}" in rungs]
    return sorted(recorded, key=lambda name: median(rungs[f"asyncio: {name}"]))


def growth(python: str) -> str:
    """Microseconds for each of those that are gathered, by how many they are."""
    cases = record("cost.json")[python]["growth"]
    rows: dict[tuple[str, str], list[str]] = {}
    for case, times in cases.items():
        loop, size, name = case.split(": ", 2)
        native = cases[f"{loop}: {size}: {SLEEP}"]
        cell = f"{median(times) / 1000:.1f} ({ratio(times, native)} ×)"
        rows.setdefault((loop, name), []).append(cell)
    return table(
        ["", *sizes(python)], ([f"{name}, {loop}", *cells] for (loop, name), cells in rows.items())
    )


def at_once(python: str, size: int = 10_000) -> str:
    """The same for one size, with the spread."""
    cases = record("cost.json")[python]["growth"]

    def cell(loop: str, name: str) -> str:
        times, native = (cases[f"{loop}: {size}: {one}"] for one in (name, SLEEP))
        return f"{spread(times)} ns, {ratio(times, native)} ×"

    head = [f"{size:,} at once", *loops(python)]
    rows = ([name, *(cell(loop, name) for loop in loops(python))] for name in GATHERED)
    return table(head, rows)


def sizes(python: str) -> list[str]:
    found = {int(case.split(": ")[1]) for case in record("cost.json")[python]["growth"]}
    return [f"{size:,}" for size in sorted(found)]


def asleep(python: str) -> str:
    """Bytes for each that sleeps."""
    found = record("cost.json")[python]["asleep"]
    if not found:
        return "Measured on Linux only."

    def cell(loop: str, way: str) -> str:
        bytes_each, native = found[loop][way], found[loop]["`asyncio.sleep`"]
        return f"{spread(bytes_each)} B, {ratio(bytes_each, native)} ×"

    rows = ([way, *(cell(loop, way) for loop in found)] for way in found["asyncio"])
    return table(["", *found], rows)


def echo(python: str) -> str:
    """Requests per second of each client, and as ratio to the streams of its own loop."""
    cases = record("cost.json")[python]["echo"]
    head = ["connections, bytes", *next(iter(cases.values()))]
    return table(head, ([echo_case(case), *echo_cells(row)] for case, row in cases.items()))


def echo_case(case: str) -> str:
    connections, size = map(int, case.split(": "))
    return f"{connections:,}, {'64 KiB' if size > 64 else size}"


def echo_cells(row: dict[str, list[float]]) -> Iterable[str]:
    for client, figures in row.items():
        own = OWN_STREAMS["uvloop" if "uvloop" in client else "asyncio"]
        yield f"{spread(figures)}, {ratio(figures, row[own])} ×"


def versions(python: str) -> str:
    one = record("cost.json")[python]
    return ", ".join(f"{name} {version}" for name, version in one["versions"].items()) + (
        f"; {one['machine']['cpus']} CPUs, load {one['machine']['load']} at the start"
    )


def factor(name: str) -> str:
    """What this rung costs, in native awaits on asyncio."""
    rungs = record("cost.json")[SHOWN]["rungs"]
    return ratio(rungs[f"asyncio: {name}"], rungs[f"asyncio: {NATIVE}"])


def ratio(figures: list[float], native: list[float]) -> str:
    """The median of the rounds' ratios: what disturbs a round disturbs both."""
    middle = median(one / other for one, other in zip(figures, native, strict=True))
    return f"{middle:,.0f}" if middle >= 10 else f"{middle:.2g}"


def spread(figures: list[float]) -> str:
    return f"{median(figures):,.0f} ({min(figures):,.0f}–{max(figures):,.0f})"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
