"""Measure what an await costs in each way there is: one ladder, from the cheapest to the dearest.

`nox -s cost` builds what it needs and runs it on each Python; `-- --quick` takes two minutes. The
times are taken by pyperf, in a process of its own for each, round after round, so that what else
the machine does hurts all alike; a ratio is the median of those of the rounds. Keeps all figures in
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
from pathlib import Path
from statistics import median
from typing import Any

import asleep
import echo
import pages
import system_calls
import tables
from instructions import build_floor
from ladder import NATIVE, RUNGS
from peers import keep, versions

HERE = Path(__file__).parent
RECORD = HERE / "cost.json"

Figures = dict[str, list[float]]
"""For each rung the nanoseconds of each round."""


def time_once(folder: str, what: str, values: int, *options: str) -> dict[str, float]:
    """Have pyperf time all rungs, each in one process, and return their nanoseconds."""
    kept = Path(folder, "times.json")
    kept.unlink(missing_ok=True)
    # Each case warms up by itself, and knows how often it must run: nothing to calibrate.
    once = ["--processes", "1", "--loops", "1", "--warmups", "0", "--values", str(values)]
    command = [sys.executable, str(HERE / "ladder.py"), "--what", what, *options, *once]
    subprocess.run(
        [*command, "--output", kept, "--inherit-environ", "PYTHONPATH"],
        env={**os.environ, "PYTHONPATH": folder},
        check=True,
    )
    suite = importlib.import_module("pyperf").BenchmarkSuite.load(str(kept))
    return {one.get_name(): one.median() * 1e9 for one in suite.get_benchmarks()}


def time_often(rounds: int, folder: str, what: str, values: int, *options: str) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        print(f"{what}, round {number + 1} of {rounds}", flush=True)
        for name, nanoseconds in time_once(folder, what, values, *options).items():
            figures.setdefault(name, []).append(float(f"{nanoseconds:.4g}"))
    return figures


def on_one_core(rounds: int, folder: str) -> Figures:
    if not hasattr(os, "sched_getaffinity"):  # as on macOS and Windows
        return {}
    core = str(min(os.sched_getaffinity(0)))
    return time_often(rounds, folder, "one core", 3, "--affinity", core)


def measure(quick: bool) -> dict[str, Any]:
    sleepers, up_to = (10_000, 10_000) if quick else (100_000, 100_000)
    with tempfile.TemporaryDirectory() as folder:
        build_floor(folder)
        return {
            "sleepers": sleepers,
            "driven": time_often(2 if quick else 9, folder, "driven", 3),
            "rungs": time_often(2 if quick else 9, folder, "rungs", 3),
            "system calls": system_calls.measure(),
            "one core": on_one_core(2 if quick else 5, folder),
            "growth": time_often(1 if quick else 3, folder, "growth", 1, "--up-to", str(up_to)),
            "asleep": asleep.measure(1 if quick else 3, sleepers),
            "echo": echo.measure(1 if quick else 5, 0.2 if quick else 1),
        }


def say(what: str, figures: Figures) -> None:
    """Print the median of each, and its ratio to native on the same loop, as the pages have it."""
    for case, times in sorted(figures.items(), key=lambda item: median(item[1])):
        loop, name = case.split(": ")
        ratio = tables.ratio(times, figures[f"{loop}: {RUNGS[name].steps or NATIVE}"])
        print(f"{what}, {case:<50}{median(times):>12,.0f} ns{ratio:>10} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes; keeps nothing")
    quick = parser.parse_args().quick
    load, found = os.getloadavg()[0], measure(quick)
    say("All", found["rungs"])
    say("On one core", found["one core"])
    if not quick:
        pyperf_s = {"pyperf": importlib.metadata.version("pyperf")}
        machine = {"cpus": os.cpu_count(), "load": round(load, 1), "system": platform.system()}
        keep(RECORD, {"versions": {**versions(), **pyperf_s}, "machine": machine, **found})
        pages.write()


if __name__ == "__main__":
    main()
