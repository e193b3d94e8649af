"""Count the instructions that an await takes: chapter 03's class, beside the same written in C.

`nox -s instructions` builds what it needs and runs it on each Python; valgrind must be installed.
Each number is the difference of two runs of different length, divided by the difference, so that
starting Python does not count; they repeat to about one per cent. Prints a table and keeps the
numbers in `instructions.json`, and their table in `README.md`.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "instructions.json"
PAGE = HERE / "README.md"
LENGTHS = (2_000, 12_000)


async def native() -> str:
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


def coroutine(kind: str, length: int) -> Any:
    """Return the coroutine that takes `length` awaits, or steps, of this kind."""
    rust: Any = importlib.import_module("coroutine_class")
    kinds: dict[str, Callable[[], Any]] = {
        "an await: async def": lambda: await_often(native, length),
        "an await: Floor, in C": lambda: await_often(
            importlib.import_module("floor").Floor, length
        ),
        "an await: MyCoroutine": lambda: await_often(rust.MyCoroutine, length),
        "an await: my_coroutine()": lambda: await_often(rust.my_coroutine, length),
        "a step: async def": lambda: delegate(Idle(length)),
        "a step: delegate()": lambda: rust.delegate(Idle(length)),
    }
    return kinds[kind]()


KINDS = {
    "an await: Floor, in C": "an await: Floor, in C",
    "an await: async def": "an await: Floor, in C",
    "an await: MyCoroutine": "an await: Floor, in C",
    "an await: my_coroutine()": "an await: Floor, in C",
    "a step: async def": "a step: async def",
    "a step: delegate()": "a step: async def",
}
"""Each kind, and the one that it is compared with, which comes first."""


TEXT = """\
# Measured comparisons

Instructions that an await takes, on each Python: chapter 03's coroutine class beside the smallest
awaitable class in C ([`floor.c`](floor.c)), and a step through its `delegate` beside one through
`async def`. `nox -s instructions` counts them again (valgrind must be installed) and writes this
page; in brackets is the ratio to the first of each kind.

"""


def drive(kind: str, length: int) -> None:
    """Take the awaits or steps, and nothing else: this is what is counted."""
    driven = coroutine(kind, length)
    try:
        while True:
            driven.send(None)
    except StopIteration:
        pass


def instructions(kind: str, length: int, path: str) -> int:
    """Return how many instructions a whole process takes to drive this kind."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    done = subprocess.run(
        [*command, sys.executable, __file__, kind, str(length)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(re.findall(r"Collected : (\d+)", done.stderr)[0])


def build_floor(folder: str) -> None:
    """Compile `floor.c` for this Python."""
    library = Path(folder, "floor" + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = f"-I{sysconfig.get_path('include')}"
    source = str(HERE / "floor.c")
    subprocess.run(["cc", "-O3", "-shared", "-fPIC", headers, source, "-o", library], check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build_floor(folder)
        short, long = LENGTHS
        counts = {}
        for kind in KINDS:
            more = instructions(kind, long, folder) - instructions(kind, short, folder)
            counts[kind] = round(more / (long - short))
            ratio = counts[kind] / counts[KINDS[kind]]
            print(f"{kind:<28}{counts[kind]:>7}{ratio:>8.2f} x", flush=True)
    version = ".".join(platform.python_version_tuple()[:2])
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[version] = {"python": platform.python_version(), "instructions": counts}
    record = dict(sorted(record.items()))
    RECORD.write_text(json.dumps(record, indent=2) + "\n")
    PAGE.write_text(page(record), encoding="utf-8")


def page(record: dict[str, Any]) -> str:
    """Return the README of this folder, with the recorded numbers as a table."""
    head = "| | " + " | ".join(record) + " |\n|---|" + "---|" * len(record)
    rows = [
        f"| {kind} | "
        + " | ".join(
            f"{counts[kind]} ({counts[kind] / counts[KINDS[kind]]:.2f} ×)"
            for counts in (one["instructions"] for one in record.values())
        )
        + " |"
        for kind in KINDS
    ]
    return TEXT + "\n".join([head, *rows]) + "\n"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        drive(sys.argv[1], int(sys.argv[2]))
    else:
        main()
