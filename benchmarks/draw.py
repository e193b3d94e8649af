"""The pictures that `cost.json` makes: six cases, all of them, how a gather's cost grows, an echo.

Plain SVG.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from html import escape
from itertools import product
from statistics import median

from calls import TRIVIAL
from echo import BRIDGED, CLIENTS, KEPT_STREAMS, LARGE, SMALL, TOKIO, UVLOOP_STREAMS
from ladder import CASES, INTO_PY, NATIVE, ONE_THREAD, READY, SLEEP, SPAWNED, THREADS
from streams import COUNT
from tables import SHOWN, by_cost, figures, found, leading, loops

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.axis { stroke: #d1d9e0 } .faint { fill: #59636e }
.native { --ink: #59636e } .rust { --ink: #bc4c00 } .python { --ink: #0969da }
circle, path, .spread { stroke: var(--ink); stroke-width: 2 } circle { fill: var(--ink) }
.uvloop, path { fill: none } .rust path { stroke-width: 3.5 }
text.rust { fill: var(--ink); font-weight: 600 } text.python { fill: var(--ink) }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .axis { stroke: #3d444d } .faint { fill: #9198a1 }
  .native { --ink: #9198a1 } .rust { --ink: #f0883e } .python { --ink: #4493f8 }
}
"""
LABELS, RIGHT, ROW, TOP = 270, 780, 24, 58

ECHOES = [TOKIO, UVLOOP_STREAMS, KEPT_STREAMS, ONE_THREAD, BRIDGED]
OPENED = {"streams": "python", "chapter 07": "rust", "": "native"}
"""Whose a connection is, by how its client opens it."""

Scale = Callable[[float], float]


def plain(name: str) -> str:
    return name.replace("`", "")


def kind(name: str) -> str:
    """Whose case it is: of a chapter's Rust, of its twin, or a peer's."""
    if not CASES[name].chapter:
        return "native"
    return "python" if name.endswith("in Python") else "rust"


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    span = math.log10(high / low)
    return lambda value: round(start + math.log10(value / low) / span * (end - start), 1)


def decades(low: float, high: float) -> list[float]:
    return [10.0**n for n in range(round(math.log10(low)), round(math.log10(high)) + 1)]


def time(nanoseconds: float) -> str:
    if nanoseconds < 1000:
        return f"{nanoseconds:.0f} ns"
    microseconds = nanoseconds / 1000
    return f"{microseconds:.{0 if microseconds >= 10 else 1}f} µs".replace(".0 ", " ")


def short(number: int) -> str:
    return f"{number // 1000}k" if number >= 1000 else f"{number}"


def svg(title: str, described: str, height: int, inside: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" role="img">'
    said = f"<title>{escape(title)}</title>\n<desc>{escape(described)}</desc>"
    return "\n".join([head, said, f"<style>\n{STYLE}</style>", *inside, "</svg>\n"])


def text(x: float, y: float, said: str, of: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{of}" text-anchor="{anchor}">{escape(said)}</text>'


def dot(x: float, y: float, loop: str, of: str) -> str:
    return f'<g class="{of}"><circle cx="{x}" cy="{y}" r="4.5" class="{loop}"/></g>'


def six() -> str:
    """What the front page shows: six cases in words."""
    costs = six_costs()
    bottom = TOP + ROW * len(costs)
    x = log_scale(10, 100_000, LABELS, RIGHT)
    grid = (upright(x(value), bottom, time(value)) for value in decades(10, 100_000))
    rows = (worded(said, TOP + ROW * (n + 0.5), x) for n, said in enumerate(costs))
    return svg("What one await costs", six_said(), bottom + 12, [*grid, *rows])


def worded(said: str, y: float, x: Scale) -> str:
    times, of = six_costs()[said]
    label = text(LABELS - 14, y + 4, said, of, "end")
    value = text(x(median(times)) + 12, y + 4, time(median(times)), of)
    return label + dot(x(median(times)), y, "asyncio", of) + value


def six_costs() -> dict[str, tuple[list[float], str]]:
    """The times of each, on one core, and whose case it is."""
    stream, call = (figures(found(SHOWN), part)["one core"] for part in ("streams", "calls"))

    def awaited(name: str) -> tuple[list[float], str]:
        return leading(found(SHOWN), "asyncio", name)[0], kind(name)

    return {
        "Python's async def": awaited(NATIVE),
        "a Rust future that is ready": awaited(READY),
        "an item of a Rust stream": (stream[f"asyncio: of one stream: {COUNT}"], "rust"),
        "Python, awaited by Rust": (call[f"asyncio: {TRIVIAL}: `call`"], "rust"),
        "a Rust future on tokio's threads": awaited(SPAWNED),
        "the same by pyo3-async-runtimes": awaited(INTO_PY),
    }


def six_said() -> str:
    costs = [f"{said} {time(median(times))}" for said, (times, _) in six_costs().items()]
    said = "What it costs to make and await each of six, on a logarithmic scale, on one core, on"
    return f"{said} asyncio under Python {SHOWN}: {', '.join(costs)}."


def ladder() -> str:
    names = by_cost(found(SHOWN), list(CASES))
    bottom = TOP + ROW * len(names)
    x = log_scale(10, 100_000, LABELS, RIGHT)
    grid = (upright(x(value), bottom, time(value)) for value in decades(10, 100_000))
    rows = (row(name, TOP + ROW * (n + 0.5), x) for n, name in enumerate(names))
    return svg("The ladder of awaits", ladder_said(), bottom + 12, [legend(), *grid, *rows])


def ladder_said() -> str:
    """The picture in a sentence: also its alt text."""
    costs = [
        f"{plain(name)} {time(median(leading(found(SHOWN), 'asyncio', name)[0]))}"
        for name in by_cost(found(SHOWN), list(CASES))
    ]
    said = "What it costs to make and await each kind of awaitable, on a logarithmic scale, on"
    return (
        f"{said} one core, on asyncio under Python {SHOWN}, from the cheapest: {', '.join(costs)}."
    )


def legend() -> str:
    filled = dot(LABELS, 20, "asyncio", "native") + text(LABELS + 10, 24, "asyncio", "faint")
    hollow = dot(LABELS + 80, 20, "uvloop", "native") + text(LABELS + 90, 24, "uvloop", "faint")
    bound = tick(LABELS + 156, 20, "native") + text(LABELS + 164, 24, "on all cores", "faint")
    whose = text(540, 24, "chapters' Rust", "rust") + text(650, 24, "their twins", "python")
    return filled + hollow + bound + whose + text(736, 24, "others", "faint")


def upright(x: float, bottom: float, said: str) -> str:
    line = f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}" class="axis"/>'
    return line + text(x, TOP - 8, said, "faint", "middle")


def row(name: str, y: float, x: Scale) -> str:
    shown = found(SHOWN)
    marks = [
        dot(x(median(leading(shown, loop, name)[0])), y, loop, kind(name)) for loop in loops(shown)
    ]
    title = f"asyncio: {name}"
    if name in THREADS and figures(shown, "one core"):
        marks.append(over(figures(shown, "awaits")[title], y, name, x))
    return text(LABELS - 14, y + 4, plain(name), kind(name), "end") + "".join(marks)


def over(times: list[float], y: float, name: str, x: Scale) -> str:
    """On all cores: the median, on a line from the fastest round to the slowest."""
    low, high = x(min(times)), x(max(times))
    line = f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" class="spread"/>'
    return f'<g class="{kind(name)}">{line}</g>' + tick(x(median(times)), y, kind(name))


def tick(x: float, y: float, of: str) -> str:
    return f'<g class="{of}"><path d="M{x} {y - 7} v14"/></g>'


def growth() -> str:
    """Two panels, one for each loop: nanoseconds for each, by how many are gathered."""
    panels = (panel(loop, 60 + n * 390) for n, loop in enumerate(loops(found(SHOWN))))
    return svg("How the cost of a gather grows", growth_said(), 420, panels)


def growth_said() -> str:
    cases = figures(found(SHOWN), "growth")
    many = max(int(case.split(": ")[1]) for case in cases)
    costs = [
        f"{plain(case.split(': ', 2)[2])} {time(median(times))}"
        for case, times in sorted(cases.items(), key=lambda item: median(item[1]))
        if case.startswith(f"asyncio: {many}: ")
    ]
    said = f"What each of {many:,} costs that are gathered, on asyncio under Python {SHOWN}"
    return f"{said}: {', '.join(costs)}. Two panels show how that changes from one to so many."


def panel(loop: str, left: float) -> str:
    lines, right = lines_of(loop), left + 170
    x = log_scale(1, max(size for line in lines.values() for size in line), left, right)
    y = log_scale(1_000, 100_000, 380, 50)
    grid = [across(left, right, y(value), time(value)) for value in decades(1_000, 100_000)]
    named = [text(x(size), 402, short(size), "faint", "middle") for size in lines[SLEEP]]
    drawn = [curve(kind(name), line, x, y) for name, line in lines.items()]
    ends = {name: y(list(line.values())[-1]) for name, line in lines.items()}
    labels = [text(right + 10, at + 4, plain(name), kind(name)) for name, at in apart(ends).items()]
    return "\n".join([text(left, 24, loop), *grid, *named, *drawn, *labels])


def lines_of(loop: str) -> dict[str, dict[int, float]]:
    lines: dict[str, dict[int, float]] = {}
    for title, times in figures(found(SHOWN), "growth").items():
        of_loop, size, name = title.split(": ", 2)
        if of_loop == loop:
            lines.setdefault(name, {})[int(size)] = median(times)
    return lines


def across(left: float, right: float, y: float, said: str) -> str:
    line = f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" class="axis"/>'
    return line + text(left - 6, y + 4, said, "faint", "end")


def curve(of: str, line: dict[int, float], x: Scale, y: Scale) -> str:
    points = " L".join(f"{x(size)} {y(value)}" for size, value in line.items())
    return f'<g class="{of}"><path d="M{points}"/></g>'


def apart(ends: dict[str, float]) -> dict[str, float]:
    """Move labels up from below, so that none covers another."""
    placed: dict[str, float] = {}
    lowest = 400.0
    for name, y in sorted(ends.items(), key=lambda item: -item[1]):
        lowest = min(y, lowest - 16)
        placed[name] = lowest
    return placed


def echo() -> str:
    """Two panels, one for each size of a message: requests per second, by how many connections."""
    panels = (echo_panel(size, 38 + n * 408) for n, size in enumerate((SMALL, LARGE)))
    part = found(SHOWN)["echo"]
    named = ", ".join(f"{name} {part['versions'][name]}" for name in ("python", "uvloop", "tokio"))
    measured = text(8, 472, f"{named}; {part['cpus']} CPUs, {part['system']}", "faint")
    return svg("An echo over connections", echo_said(), 484, [*panels, how_counted(), measured])


def how_counted() -> str:
    said = "Lines lead through the median rounds, uprights from the slowest to the fastest."
    return text(8, 452, f"Seconds of the client's processor. {said}", "faint")


def echo_said() -> str:
    said = "Requests per second of the client's processor, by how many connections there are"
    lines = echo_lines(SMALL)
    rates = "; ".join(f"{name}: {end(line):,.0f}" for name, line in lines.items())
    most = f"With {max(lines[TOKIO]):,} under Python {SHOWN}, {in_bytes(SMALL)} at a time"
    return f"{said}. {most}: {rates}."


def echo_panel(size: int, left: float) -> str:
    lines, right = echo_lines(size), left + 148
    counts, rates = lines[TOKIO], [max(each) for line in lines.values() for each in line.values()]
    x, y = log_scale(1, max(counts), left, right), scale(max(rates), 380, 50)
    grid = [across(left, right, y(mark), short(mark)) for mark in round_marks(max(rates))]
    named = [text(x(count), 402, short(count), "faint", "middle") for count in counts]
    foot = text(left, 422, "connections", "faint")
    head = text(left - 30, 24, f"requests per second, {in_bytes(size)} at a time")
    drawn = [echo_curve(whose(name), line, x, y) for name, line in lines.items()]
    ends = apart({name: y(end(line)) for name, line in lines.items()})
    labels = [text(right + 10, at + 4, name, whose(name)) for name, at in ends.items()]
    return "\n".join([head, *grid, *named, foot, *drawn, *labels])


def echo_lines(size: int) -> dict[str, dict[int, list[float]]]:
    """For each client the rates of its rounds, by how many connections it has."""
    lines: dict[str, dict[int, list[float]]] = {}
    for name, (case, rates) in product(ECHOES, figures(found(SHOWN), "echo").items()):
        count, of_size = map(int, case.split(": "))
        if of_size == size and name in rates:
            lines.setdefault(name, {})[count] = rates[name]
    return lines


def echo_curve(of: str, line: dict[int, list[float]], x: Scale, y: Scale) -> str:
    """Through the medians, each on a line from the slowest round to the fastest."""
    spread = "".join(
        f'<line x1="{x(n)}" x2="{x(n)}" y1="{y(min(it))}" y2="{y(max(it))}" class="spread"/>'
        for n, it in line.items()
    )
    medians = {count: median(rates) for count, rates in line.items()}
    return f'{curve(of, medians, x, y)}<g class="{of}">{spread}</g>'


def whose(client: str) -> str:
    return OPENED[CLIENTS[client][1]]


def end(line: dict[int, list[float]]) -> float:
    return median(line[max(line)])


def in_bytes(size: int) -> str:
    return f"{size} bytes" if size < 1024 else f"{size // 1024} KiB"


def scale(high: float, start: float, end: float) -> Scale:
    """From 0."""
    return lambda value: round(start + value / high * (end - start), 1)


def round_marks(high: float) -> list[int]:
    """From 0, at most six more, in steps of 1, 2 or 5 and as many zeros as it takes."""
    steps = (digit * 10**zeros for zeros in range(12) for digit in (1, 2, 5))
    return list(range(0, int(high) + 1, next(step for step in steps if step * 6 >= high)))
