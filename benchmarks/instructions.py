"""Count the instructions that an await takes: chapter 03's class, beside the same written in C.

`nox -f benchmarks/noxfile.py -s instructions` builds what it needs and runs it on each Python;
valgrind must be installed. Each number is the difference of two runs of different length, divided
by the difference, so that starting Python does not count; they repeat to about one per cent. Prints
a table and keeps the numbers in `instructions.json`, from which `pages.py` makes tables.

Its argument is a wheel of chapter 03 that was built without the options of its release profile.
"""

from __future__ import annotations

import asyncio
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
import zipfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

HERE = Path(__file__).parent
RECORD = HERE / "instructions.json"
LENGTHS = {"an await": (2_000, 12_000), "a step": (2_000, 12_000), "a Task": (1_000, 4_000)}


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


async def run_as_tasks(make: Callable[[], Coroutine[Any, Any, Any]], times: int) -> None:
    for _ in range(times):
        await asyncio.create_task(make())


def drive(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Take the awaits or steps, and nothing else: this is what is counted."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def run_await(make: Any, length: int) -> None:
    drive(await_often(make, length))


def run_step(make: Any, length: int) -> None:
    drive(make(Idle(length)))


def run_task(make: Any, length: int) -> None:
    """Have each run by asyncio's Task; those in C are coroutines because this says so."""
    if isinstance(make, type):
        Coroutine.register(make)
    asyncio.run(run_as_tasks(make, length))


RUN = {"an await": run_await, "a step": run_step, "a Task": run_task}

MAKERS = {
    "Floor, in C": "floor:Floor",
    "Floor without GC support": "floor:FloorWithoutGC",
    "Floor with am_send": "floor:FloorWithSend",
    "async def": "__main__:native",
    "my_coroutine()": "coroutine_class:my_coroutine",
    "my_coroutine(), default profile": "coroutine_class:my_coroutine",
    "variant 1: new_err": "variants:NewErr",
    "variant 2: StopIteration called": "variants:Called",
    "variant 3: result interned": "variants:Interned",
    "variant 4: freelist": "variants:Freelist",
    "delegate as async def": "__main__:delegate",
    "delegate()": "coroutine_class:delegate",
}
"""What is awaited, and where it is."""

KINDS = {
    **{
        f"an await: {name}": "an await: Floor, in C"
        for name in MAKERS
        if not name.startswith("delegate")
    },
    **{
        f"a Task: {name}": "a Task: Floor, in C"
        for name in ("Floor, in C", "Floor with am_send", "async def", "my_coroutine()")
    },
    "a step: delegate as async def": "a step: delegate as async def",
    "a step: delegate()": "a step: delegate as async def",
}
"""Each kind, and the one that it is compared with, which comes first."""

SAVINGS = {
    "`am_send`, in `await`": ("an await: Floor, in C", "an await: Floor with am_send"),
    "`am_send`, in a Task": ("a Task: Floor, in C", "a Task: Floor with am_send"),
    "no support for the collector": ("an await: Floor, in C", "an await: Floor without GC support"),
    "`lto` and `codegen-units = 1`": (
        "an await: my_coroutine(), default profile",
        "an await: my_coroutine()",
    ),
    "`StopIteration` by a call of the type": (
        "an await: variant 1: new_err",
        "an await: variant 2: StopIteration called",
    ),
    "the result interned": (
        "an await: variant 2: StopIteration called",
        "an await: variant 3: result interned",
    ),
    "`freelist`": ("an await: variant 3: result interned", "an await: variant 4: freelist"),
}
"""Each trick, and the kinds without it and with it."""


def instructions(kind: str, length: int, folder: str) -> int:
    """Return how many instructions a whole process takes to drive this kind."""
    path = f"{folder}/default" if "default profile" in kind else folder
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
    symbols = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    options = ["-O3", "-shared", "-fPIC", *symbols, headers]
    subprocess.run(["cc", *options, source, "-o", library], check=True)


def main(wheel: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        build_floor(folder)
        zipfile.ZipFile(wheel).extractall(f"{folder}/default")
        counts = {}
        for kind in KINDS:
            short, long = LENGTHS[kind.partition(":")[0]]
            more = instructions(kind, long, folder) - instructions(kind, short, folder)
            counts[kind] = round(more / (long - short))
            ratio = counts[kind] / counts[KINDS[kind]]
            print(f"{kind:<40}{counts[kind]:>7}{ratio:>8.2f} x", flush=True)
    version = ".".join(platform.python_version_tuple()[:2])
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[version] = {"python": platform.python_version(), "instructions": counts}
    record = {  # those of a former list of kinds would leave holes in the tables
        version: one
        for version, one in sorted(record.items())
        if one["instructions"].keys() == KINDS.keys()
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n")
    importlib.import_module("pages").write()  # which imports this


def counts_table(record: dict[str, Any]) -> str:
    """Return the recorded numbers, and the ratio of each to the first of its kind, as Markdown."""
    every = [one["instructions"] for one in record.values()]
    counts = {
        kind: [f"{one[kind]} ({one[kind] / one[first]:.2f} ×)" for one in every]
        for kind, first in KINDS.items()
    }
    return table(record, counts)


def savings_table(record: dict[str, Any]) -> str:
    """Return what each trick saves, as Markdown."""
    every = [one["instructions"] for one in record.values()]
    saved = {
        trick: [str(one[without] - one[with_it]) for one in every]
        for trick, (without, with_it) in SAVINGS.items()
    }
    return table(record, saved)


def table(columns: Iterable[str], rows: dict[str, list[str]]) -> str:
    """Return a Markdown table, with a first column of names."""
    head = ["", *columns]
    lines = [head, ["---"] * len(head), *([name, *cells] for name, cells in rows.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        verb, _, name = sys.argv[1].partition(": ")
        RUN[verb](resolve_name(MAKERS[name]), int(sys.argv[2]))
    else:
        main(sys.argv[1])
