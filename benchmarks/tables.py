"""The tables that `cost.json` makes, in Markdown: its own page's, and each chapter's share.

`python benchmarks/tables.py 3.14` prints those of a Python that the pages do not show.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import calls as call_cases
import streams as stream_cases
import turns as turn_cases
from echo import KEPT_STREAMS, TOKIO, UVLOOP_STREAMS
from ladder import BESIDE_THREADS, CASES, COUNTDOWN, DELEGATE, NATIVE, ONE_THREAD, SLEEP, THREADS

HERE = Path(__file__).parent
RECORD = HERE / "cost.json"
SHOWN = "3.12"
"""The Python of the pages and the pictures."""

COUNTED = {
    NATIVE: "an await: async def",
    "a class in C": "an await: Floor, in C",
    "`my_coroutine()` in Rust": "an await: my_coroutine()",
    DELEGATE: "a step: delegate as async def",
    "a step of `delegate` in Rust": "a step: delegate()",
}
"""The cases whose instructions are counted, and what `instructions.py` calls them."""

BESIDE = {
    "02": [NATIVE, "a class in C"],
    "03": [NATIVE, "a class in C", DELEGATE, COUNTDOWN],
}
"""What a chapter shows its own cases beside."""

NAMES = {"redis": "GET over one connection to Redis", "http": "HTTP, each over its own connection"}

ASKED = "system calls, of them `futex`"

Figures = dict[str, list[float]]
Found = dict[str, Any]
"""What one Python's record has of each part."""


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name).read_text("utf-8"))
    return found


def found(python: str) -> Found:
    recorded: Found = record("cost.json")[python]
    return recorded


def figures(found: Found, part: str) -> Any:
    """The figures of a part; none if it was not measured."""
    return found.get(part, {}).get("figures", {})


def leading(found: Found, loop: str, name: str) -> tuple[list[float], list[float]]:
    """The times of a case, and those of its native one in the same rounds.

    On one core, where a case has to do with other threads: so they repeat.
    """
    one_core = figures(found, "one core")
    times = one_core if f"{loop}: {name}" in one_core else figures(found, "awaits")
    return times[f"{loop}: {name}"], times[f"{loop}: {CASES[name].steps or NATIVE}"]


def ladder(found: Found) -> str:
    """All cases, the cheapest first."""
    python = ".".join(found["awaits"]["versions"]["python"].split(".")[:2])
    counts = record("instructions.json").get(python, {}).get("instructions", {})
    rows = (
        [name, *leading_cells(found, name), f"{counts.get(COUNTED.get(name), '')}"]
        for name in by_cost(found, list(CASES))
    )
    return table(["made and awaited", *loop_columns(found), "instructions"], rows)


def chapter(number: str) -> str:
    """The chapter's own cases, and what they are to be seen beside."""
    shown = found(SHOWN)
    own = [name for name, case in CASES.items() if case.chapter == number]
    rows = ([name, *leading_cells(shown, name)] for name in by_cost(shown, BESIDE[number] + own))
    return table(["", *loop_columns(shown)], rows)


def driven(found: Found) -> str:
    """A step, by how a driver reaches `__next__`."""
    ways = figures(found, "driven")
    rows = (
        [way, f"{spread(times)} ns", f"{ratio(times, ways['through the slot'])} ×"]
        for way, times in ways.items()
    )
    return table(["`__next__` is reached", "a step", "to the slot"], rows)


def one_core(found: Found) -> str:
    """What has to do with other threads, with its system calls."""
    if not figures(found, "one core"):
        return "Measured on Linux only."
    head = ["on one core", *loop_columns(found), ASKED]
    names = [*BESIDE_THREADS, *THREADS]
    rows = ([name, *leading_cells(found, name), asked(found, name)] for name in names)
    return table(head, rows)


def all_cores(found: Found) -> str:
    """The same where each thread may have a core."""
    times = figures(found, "awaits")
    head = ["on all cores", *loop_columns(found), ASKED]

    def cells(name: str) -> Iterable[str]:
        for loop in loops(found):
            yield from compared(times[f"{loop}: {name}"], times[f"{loop}: {NATIVE}"])

    return table(head, ([name, *cells(name), asked(found, name)] for name in THREADS))


def asked(found: Found, name: str) -> str:
    each = figures(found, "system calls").get(f"asyncio: {name}", {})
    return f"{sum(each.values()):.0f}, {each.get('futex', 0):.0f}" if each else ""


def loops(found: Found) -> list[str]:
    """The event loops that were measured, whatever is installed where the page is made."""
    installed = next(iter(found.values()))["versions"]
    return ["asyncio", *(["uvloop"] if "uvloop" in installed else [])]


def loop_columns(found: Found) -> Iterable[str]:
    for loop in loops(found):
        yield from (loop, "to native")


def leading_cells(found: Found, name: str) -> Iterable[str]:
    for loop in loops(found):
        yield from compared(*leading(found, loop, name))


def compared(times: list[float], native: list[float]) -> tuple[str, str]:
    return f"{spread(times)} ns", f"{ratio(times, native)} ×"


def by_cost(found: Found, names: list[str]) -> list[str]:
    """Those that were recorded, the cheapest first."""
    recorded = [name for name in names if f"asyncio: {name}" in figures(found, "awaits")]
    return sorted(recorded, key=lambda name: median(leading(found, "asyncio", name)[0]))


def growth(found: Found) -> str:
    """Microseconds for each of those that are gathered, by how many they are."""
    times = figures(found, "growth")
    rows: dict[str, list[str]] = {}
    for title, each in times.items():
        loop, size, name = title.split(": ", 2)
        cell = f"{median(each) / 1000:.1f} ({ratio(each, times[f'{loop}: {size}: {SLEEP}'])} ×)"
        rows.setdefault(f"{name}, {loop}", []).append(cell)
    sizes = sorted({int(title.split(": ")[1]) for title in times})
    return table(["", *(f"{size:,}" for size in sizes)], ([n, *cells] for n, cells in rows.items()))


def asleep(found: Found) -> str:
    """Bytes for each that sleeps."""
    measured = figures(found, "asleep")
    if not measured:
        return "Measured on Linux only."

    def cell(loop: str, way: str) -> str:
        bytes_each, native = measured[loop][way], measured[loop]["`asyncio.sleep`"]
        return f"{spread(bytes_each)} B, {ratio(bytes_each, native)} ×"

    rows = ([way, *(cell(loop, way) for loop in measured)] for way in measured["asyncio"])
    return table(["", *measured], rows)


def echo(found: Found) -> str:
    """Requests per second of each client, and as ratio to asyncio's streams with memory kept."""
    cases = figures(found, "echo")
    head = ["connections, bytes", *next(iter(cases.values()))]
    return table(head, ([echo_case(case), *echo_cells(row)] for case, row in cases.items()))


def echo_case(case: str) -> str:
    connections, size = map(int, case.split(": "))
    return f"{connections:,}, {'64 KiB' if size > 64 else size}"


def echo_cells(row: dict[str, list[float]]) -> Iterable[str]:
    for each in row.values():
        yield f"{spread(each)}, {ratio(each, row[KEPT_STREAMS])} ×"


def clients(found: Found) -> str:
    """Requests per second of each client, and as ratio to the first of its kind."""
    kinds = figures(found, "clients")

    def rows() -> Iterable[list[str]]:
        for kind, of_each in kinds.items():
            first = next(iter(of_each.values()))
            for client, each in of_each.items():
                yield [NAMES[kind], client, spread(each), f"{ratio(each, first)} ×"]

    return table(["a hundred tasks", "client, loop", "requests per second", ""], rows())


def one_thread(found: Found) -> str:
    """What chapter 07 makes of it, for the chapter: against the streams of asyncio and uvloop."""
    cases = figures(found, "echo")
    names = [KEPT_STREAMS, UVLOOP_STREAMS, ONE_THREAD, TOKIO]
    shown = [name for name in names if name in next(iter(cases.values()))]

    def ratios(row: dict[str, list[float]]) -> Iterable[str]:
        return (f"{ratio(row[name], row[KEPT_STREAMS])} ×" for name in shown)

    rows = ([echo_case(case), *ratios(row)] for case, row in cases.items())
    return table(["connections, bytes", *shown], rows)


def streams(found: Found) -> str:
    """An item of each stream, for the chapter: on asyncio."""
    return ways(found, "streams", "an item", list(stream_cases.KINDS))


def calls(found: Found) -> str:
    """A call from Rust in each way, for the chapter: on asyncio."""
    awaited = [kind for kind in call_cases.KINDS if kind != call_cases.AN_ITEM]
    return "\n\n".join(
        [
            ways(found, "calls", "a coroutine, awaited by", awaited),
            ways(found, "calls", "an async generator, by", [call_cases.AN_ITEM]),
        ]
    )


def turns(found: Found) -> str:
    """To suspend once in Rust, for the chapter, beside `asyncio.sleep(0)`."""
    return ways(found, "turns", "to suspend once", list(turn_cases.KINDS), "as a ratio")


def ways(found: Found, part: str, corner: str, kinds: list[str], beside: str = "to native") -> str:
    """One row for each way, and a column for each kind of use, on one core."""
    times = figures(found, part)["one core"] or figures(found, part)["all cores"]
    prefix = f"asyncio: {kinds[0]}: "
    names = [title.removeprefix(prefix) for title in times if title.startswith(prefix)]

    def cells(name: str) -> Iterable[str]:
        for kind in kinds:
            yield from compared(*(times[f"asyncio: {kind}: {way}"] for way in (name, names[0])))

    head = [corner, *(column for kind in kinds for column in (kind, beside))]
    return table(head, ([name, *cells(name)] for name in names))


def everywhere(found: Found, part: str) -> str:
    """All ways and kinds of use, on each loop, on one core and on all."""
    places = {place: times for place, times in figures(found, part).items() if times}
    uses = dict.fromkeys(use_of(title) for times in places.values() for title in times)
    native: dict[str, str] = {}
    for kind, name in uses:
        native.setdefault(kind, name)

    def cells(kind: str, name: str) -> Iterable[str]:
        for times in places.values():
            for loop in loops(found):
                one, other = (times[f"{loop}: {kind}: {which}"] for which in (name, native[kind]))
                yield ", ".join(compared(one, other))

    head = ["", *(f"{loop}, {place}" for place in places for loop in loops(found))]
    return table(head, ([f"{name}, {kind}", *cells(kind, name)] for kind, name in uses))


def use_of(title: str) -> tuple[str, str]:
    _, kind, name = title.split(": ", 2)
    return kind, name


def versions(found: Found) -> str:
    """What was measured with what, and how busy the machine was."""
    loads = [one["load"] for one in found.values()]
    busy = f"load {min(loads)} to {max(loads)} when its parts began"
    ways: dict[str, list[str]] = {}
    for part, one in found.items():
        said = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
        ways.setdefault(f"{said}; {one['cpus']} CPUs, {one['system']}", []).append(part)
    if len(ways) == 1:
        return f"{next(iter(ways))}, {busy}"
    return "; ".join([*(f"{', '.join(parts)}: {said}" for said, parts in ways.items()), busy])


def factor(name: str) -> str:
    """What this case costs, in native awaits on asyncio."""
    return ratio(*leading(found(SHOWN), "asyncio", name))


def ratio(times: list[float], native: list[float]) -> str:
    """The median of the rounds' ratios: what disturbs a round disturbs both."""
    middle = median(one / other for one, other in zip(times, native, strict=True))
    return f"{middle:,.0f}" if middle >= 10 else f"{middle:.2g}"


def spread(times: list[float]) -> str:
    return f"{median(times):,.0f} ({min(times):,.0f}–{max(times):,.0f})"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES: dict[str, tuple[str, Callable[[Found], str]]] = {
    "driven": ("driven", driven),
    "ladder": ("awaits", ladder),
    "one_core": ("one core", one_core),
    "all_cores": ("awaits", all_cores),
    "growth": ("growth", growth),
    "asleep": ("asleep", asleep),
    "echo": ("echo", echo),
    "one_thread": ("echo", one_thread),
    "clients": ("clients", clients),
    "turns": ("turns", turns),
    "streams": ("streams", streams),
    "streams_everywhere": ("streams", lambda found: everywhere(found, "streams")),
    "calls": ("calls", calls),
    "calls_everywhere": ("calls", lambda found: everywhere(found, "calls")),
}
"""Each table, and the part of the record that it shows."""


def every(found: Found) -> str:
    """All tables of what was measured."""
    return "\n\n".join(make(found) for part, make in TABLES.values() if part in found)


if __name__ == "__main__":
    print(every(found(sys.argv[1])))
