"""What the tests share: loops to run on, and a look at what is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any

import pytest
import trio

import in_python
import one_thread
from collector import the_collector_is_quick as the_collector_is_quick
from soak import often as often
from soak import pytest_addoption as pytest_addoption

# Windows has no selector that can be waited for.
collect_ignore_glob = ["test_[!w]*.py" if sys.platform == "win32" else "test_windows.py"]

if sys.platform != "win32":
    import uvloop

    UVLOOP = {"uvloop": uvloop.new_event_loop}
else:
    UVLOOP = {}

NewLoop = Callable[[], asyncio.AbstractEventLoop]
Main = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Main], Any]

LOOPS: dict[str, NewLoop] = {
    "one thread": one_thread.event_loop,
    "asyncio": asyncio.new_event_loop,
    **UVLOOP,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function on a fresh loop of this chapter, and on those of others."""

    def run(main: Main) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main())

    return run


@pytest.fixture(params=[*LOOPS, "trio"])
def run_anywhere(request: pytest.FixtureRequest) -> Run:
    """The same, and under trio."""
    if request.param == "trio":
        return lambda main: trio.run(main)

    def run(main: Main) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main())

    return run


@pytest.fixture(params=[in_python, one_thread], ids=["twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """After each test no Rust future is left."""
    yield
    gc.collect()
    wait_until(lambda: one_thread.live_futures() == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do. The watchdog ends it if it never happens."""
    while not condition():
        threading.Event().wait(0.001)


async def turns(count: int) -> None:
    """Let the loop take this many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def forget(loop: asyncio.AbstractEventLoop) -> None:
    """Keep asyncio from saying that tasks are destroyed while they are pending."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def run_program(program: str, *, begin: str = "") -> tuple[int, str]:
    """Run a program of its own. Return its exit status, and what it said on standard error."""
    source = "import asyncio, os, signal, sys, threading\nfrom one_thread import *\n" + program
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def in_child(function: Callable[[], int]) -> int:
    """Run `function` in a forked child. Return the child's exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
