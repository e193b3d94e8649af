"""Measure what each way to await costs, from the cheapest to the dearest, and streams and calls.

`nox -f benchmarks/noxfile.py -s cost` builds what it needs and runs it on each Python. After `--`
say `--quick` to try it in minutes and keep nothing, or `--only streams calls` to measure these
parts again, and leave the others as they are recorded.

The times are taken by pyperf, in a process of its own for each, round after round, so that what
else the machine does hurts all alike; on one core it is the process's own time that counts. A ratio
is the median of those of the rounds. Keeps all figures in
`cost.json`, with the versions of everything, and puts them into the book's pages (`pages.py`).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asleep
import clients
import echo
import pages
import system_calls
import tables
from instructions import build_floor
from peers import keep, versions

HERE = Path(__file__).parent
PYTHON = ".".join(platform.python_version_tuple()[:2])

Figures = dict[str, list[float]]
"""For each title the nanoseconds of each round."""


@dataclass
class Session:
    """Has times taken, round after round."""

    quick: bool
    folder: str
    """Has what is compiled for the session."""

    def rounds(self, number: int) -> int:
        return 1 if self.quick else number

    def time(self, what: str, rounds: int, *options: str, values: int = 3) -> Figures:
        """Return the times of a part, in all its cases."""
        figures: Figures = {}
        for number in range(self.rounds(rounds)):
            print(f"{what}, round {number + 1} of {self.rounds(rounds)}", flush=True)
            for title, nanoseconds in self.time_once(what, values, *options).items():
                figures.setdefault(title, []).append(float(f"{nanoseconds:.4g}"))
        return figures

    def time_once(self, what: str, values: int, *options: str) -> dict[str, float]:
        kept = Path(self.folder, "times.json")
        kept.unlink(missing_ok=True)
        # Each case warms up by itself, and knows how often it must run: nothing to calibrate.
        once = ["--quiet", "--processes", "1", "--loops", "1", "--warmups", "0"]
        timed = [str(HERE / "timed.py"), "--what", what, *options, "--values", str(values)]
        subprocess.run(
            [sys.executable, *timed, *once, "--output", kept, "--inherit-environ", "PYTHONPATH"],
            env={**os.environ, "PYTHONPATH": self.folder},
            check=True,
        )
        suite = importlib.import_module("pyperf").BenchmarkSuite.load(str(kept))
        return {one.get_name(): one.median() * 1e9 for one in suite.get_benchmarks()}

    def time_on_one_core(self, what: str, rounds: int) -> Figures:
        if not hasattr(os, "sched_getaffinity"):  # as on macOS
            return {}
        core = str(min(os.sched_getaffinity(0)))
        return self.time(what, rounds, "--affinity", core)

    def time_on_one_core_and_all(self, what: str) -> dict[str, Figures]:
        return {
            "one core": self.time_on_one_core(what, 5),
            "all cores": self.time(what, 5),
        }


def growth(session: Session) -> Figures:
    most = "10000" if session.quick else "100000"
    return session.time("growth", 3, "--most", most, values=1)


PARTS: dict[str, Callable[[Session], Any]] = {
    "driven": lambda session: session.time("driven", 9),
    "awaits": lambda session: session.time("awaits", 9),
    "one core": lambda session: session.time_on_one_core("one core", 5),
    "system calls": lambda _: system_calls.measure(),
    "growth": growth,
    "asleep": lambda session: asleep.measure(
        session.rounds(3), 10_000 if session.quick else 100_000
    ),
    "echo": lambda session: echo.measure(session.rounds(5), 0.2 if session.quick else 1),
    "clients": lambda session: clients.measure(session.rounds(5), 0.2 if session.quick else 1),
    "turns": lambda session: session.time_on_one_core_and_all("turns"),
    "streams": lambda session: session.time_on_one_core_and_all("streams"),
    "calls": lambda session: session.time_on_one_core_and_all("calls"),
}


def measure(parts: Iterable[str], quick: bool) -> Iterator[tables.Found]:
    """For each part, yield its figures, and what they were measured with."""
    with tempfile.TemporaryDirectory() as folder:
        build_floor(folder)
        session = Session(quick, folder)
        for part in parts:
            yield {part: {**circumstances(), "figures": PARTS[part](session)}}


def circumstances() -> dict[str, Any]:
    """What the figures may depend on."""
    return {
        "versions": {**versions(), "pyperf": importlib.metadata.version("pyperf")},
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; keeps nothing")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    arguments = parser.parse_args()
    for found in measure(arguments.only, arguments.quick):
        print(tables.every(found))
        if not arguments.quick:
            keep(tables.RECORD, {**tables.record("cost.json").get(PYTHON, {}), **found})
            pages.write()


if __name__ == "__main__":
    main()
