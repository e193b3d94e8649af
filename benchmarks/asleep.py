"""By how much a process grows for each that sleeps, many at once.

Not timed, and so not by pyperf: `python asleep.py rust_futures uvloop 100000` prints the bytes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ladder import LOOPS, end_at_once
from questions import load

MODULES = {
    "`asyncio.sleep`": "asyncio",
    "PyO3's `async fn`, spawned": "async_fn",
    "`future_into_py`": "into_py",
    "chapter 04": "rust_futures",
}


async def bytes_each(way: Any, number: int) -> float:
    await way.sleep(0.01)
    gc.collect()
    before = resident_bytes()
    many = [asyncio.ensure_future(way.sleep(3600)) for _ in range(number)]
    await asyncio.sleep(2)  # all are spawned
    return (resident_bytes() - before) / len(many)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def measure(rounds: int, number: int) -> dict[str, dict[str, list[float]]]:
    """Return, for each loop and way, the bytes of each round; each in a process of its own."""
    figures: dict[str, dict[str, list[float]]] = {}
    if sys.platform != "linux":  # elsewhere there is no /proc
        return figures
    for turn in range(rounds):
        for loop in LOOPS:
            for way, module in MODULES.items():
                command = [sys.executable, __file__, module, loop, str(number)]
                figure = round(float(subprocess.check_output(command)))
                print(f"    asleep, round {turn + 1}, {loop}: {way}: {figure} bytes", flush=True)
                figures.setdefault(loop, {}).setdefault(way, []).append(figure)
    return figures


def main(module: str, loop: str, number: str) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        print(runner.run(bytes_each(load(module), int(number))), flush=True)
        end_at_once()


if __name__ == "__main__":
    main(*sys.argv[1:])
