"""CPython's own tests of asyncio, run on this chapter's loop: `python tests/conformance.py`.

Each test runs twice, in processes of their own: on the standard selector loop, and on
`event_loop()` wherever it asks for that. What passes on the first must pass on the second. Those
that cannot are listed here, and one that passes after all is an error too. Needs the interpreter's
`test` package.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import unittest
from importlib import import_module
from pathlib import Path
from typing import Any

import one_thread

MODULES = [
    "base_events",
    "events",
    "runners",
    "selector_events",
    "sock_lowlevel",
    "streams",
    "subprocess",
    "tasks",
    "unix_events",
]

# What cannot pass, and why.
EXPECTED: dict[str, str] = {}


class Loops(type):
    """Stands for `asyncio.SelectorEventLoop`, which tests call, and look for in others."""

    made = 0

    def __call__(cls, selector: Any = None) -> asyncio.AbstractEventLoop:
        Loops.made += 1
        if selector is not None:
            selector.close()
        return one_thread.event_loop()

    def __instancecheck__(cls, loop: Any) -> bool:
        return isinstance(loop, STANDARD)


STANDARD = asyncio.SelectorEventLoop


class SelectorEventLoop(metaclass=Loops):
    pass


def replace_loops() -> None:
    """Have whoever asks for the standard loop get one of this chapter's."""
    one_thread.event_loop().close()  # makes its class, of the standard one
    unix_events: Any = import_module("asyncio.unix_events")
    modules: list[Any] = [asyncio, unix_events]
    for module in modules:
        module.SelectorEventLoop = SelectorEventLoop
        if hasattr(module, "EventLoop"):
            module.EventLoop = SelectorEventLoop
    for name in "_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy":
        if policy := getattr(unix_events, name, None):
            policy._loop_factory = SelectorEventLoop


def run_here(module: str, report: str, replaced: str) -> None:
    """Run a module's tests in this process. Write down how many ran, on how many loops of this
    chapter, and which failed.
    """
    if replaced == "yes":
        replace_loops()
    tests = import_module(f"test.test_asyncio.test_{module}")
    suite = unittest.defaultTestLoader.loadTestsFromModule(tests)
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    failed = sorted({test.id() for test, _ in [*result.failures, *result.errors]})
    Path(report).write_text(json.dumps([result.testsRun, Loops.made, failed]))


def run(module: str, replaced: str) -> tuple[int, int, set[str]]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        command = [sys.executable, __file__, module, str(report), replaced]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"test_{module} did not come to its end:\n{done.stderr}")
        ran, loops, failed = json.loads(report.read_text())
    return ran, loops, set(failed)


def main() -> int:
    wrong: set[str] = set()
    total = total_of_loops = 0
    for module in MODULES:
        ran, loops, failed = run(module, "yes")
        ran_on_standard, _, failed_on_standard = run(module, "no")
        if ran != ran_on_standard:
            sys.exit(f"test_{module}: {ran} tests ran, and {ran_on_standard} on the standard loop")
        wrong |= failed - failed_on_standard
        total += ran
        total_of_loops += loops
    for name in sorted(wrong - EXPECTED.keys()):
        print("failed, and should pass:", name)
    for name in sorted(EXPECTED.keys() - wrong):
        print("passed, and is said to fail:", name)
    print(f"{total} tests ran, and made {total_of_loops} loops")
    print(f"{len(wrong)} fail here only, {len(EXPECTED)} are expected to")
    return wrong != EXPECTED.keys() or total < 1_000 or total_of_loops < 500


if __name__ == "__main__":
    if sys.argv[1:]:
        run_here(*sys.argv[1:])
    else:
        sys.exit(main())
