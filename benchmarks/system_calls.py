"""The system calls of a trip to another thread and back, counted by strace where that is installed.

They say what the trip does, and hardly change from run to run, whatever else the machine does:
`python system_calls.py 'asyncio: `yield_now()`' 2000` makes as many trips, to be looked at.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ladder import BESIDE_THREADS, CASES, LOOPS, NATIVE, THREADS, await_all, end_at_once

TRIPS = 2_000


def measure() -> dict[str, dict[str, float]]:
    """Return, for each loop and case, how often a trip makes each call."""
    if not shutil.which("strace"):
        return {}
    titles = [
        f"{loop}: {name}"
        for loop in LOOPS
        for name in [*BESIDE_THREADS, *THREADS]
        if name != NATIVE
    ]
    return {title: of_a_trip(title) for title in titles}


def of_a_trip(title: str) -> dict[str, float]:
    before, after = (count(title, trips) for trips in (0, TRIPS))
    each = {name: round((after[name] - before[name]) / TRIPS, 1) for name in after}
    print(f"    system calls, {title}: {sum(each.values()):.1f}", flush=True)
    return {name: calls for name, calls in each.items() if calls}


def count(title: str, trips: int) -> Counter[str]:
    """Have strace count all calls of a process that makes so many trips."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "counted.txt")
        strace = ["strace", "-f", "-c", "-U", "calls,name", "-o", str(kept)]
        subprocess.run([*strace, sys.executable, __file__, title, str(trips)], check=True)
        lines = (line.split() for line in kept.read_text("utf-8").splitlines())
        counted = {name: int(calls) for calls, name in lines if calls.isdecimal()}
    counted.pop("total")
    return Counter(counted)


def main(title: str, trips: str) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as when they are timed on one core
    loop, name = title.split(": ")
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(await_all(CASES[name].find(), "", int(trips)))
    end_at_once()


if __name__ == "__main__":
    main(*sys.argv[1:])
