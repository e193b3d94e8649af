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
from typing import Any

import pytest

import one_thread
from soak import often as often
from soak import pytest_addoption as pytest_addoption

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # Windows has no selector that can be waited for

NewLoop = Callable[[], asyncio.AbstractEventLoop]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

LOOPS: dict[str, NewLoop] = {
    "one thread": one_thread.event_loop,
    "asyncio": asyncio.new_event_loop,
}


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return one_thread.run(main)


@pytest.fixture(params=LOOPS)
def run_on_each(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on a fresh loop of this chapter, and on one of asyncio's own."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main)

    return run


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
