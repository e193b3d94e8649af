"""What runs the tests: each event loop, the twin beside the Rust, and how often."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

import in_python
import rust_futures
from collector import the_collector_is_quick as the_collector_is_quick
from soak import often as often
from soak import pytest_addoption as pytest_addoption

if sys.platform != "win32":
    import uvloop

    UNIX: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "uvloop": uvloop.new_event_loop,
        "one thread": rust_futures.event_loop,
    }
else:
    UNIX = {}


class CannotWatch(asyncio.SelectorEventLoop):
    """A loop that watches no sockets for others, as the default one of Windows."""

    def add_reader(self, *arguments: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "cannot watch": CannotWatch,
    **UNIX,
}
Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=[in_python, rust_futures], ids=["twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return LOOPS[request.param]


@pytest.fixture
def run(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    """Run a coroutine function on a fresh loop of each kind that speaks asyncio."""

    def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    return run


@pytest.fixture(params=[*LOOPS, "trio"])
def run_anywhere(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function on a fresh loop of each kind, and under trio."""
    if request.param == "trio":
        return lambda main: trio.run(main)

    def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main())

    return run


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test no Rust future is left. One that is being polled goes with that poll."""
    yield
    wait_until(lambda: rust_futures.live_futures() == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do. The watchdog ends it if it never happens."""
    while not condition():
        threading.Event().wait(0.001)


async def turns(count: int) -> None:
    """Let the loop take this many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def parked(awaitable: Awaitable[Any]) -> asyncio.Task[Any]:
    """Return a Task that is parked on a Rust future."""

    async def main() -> Any:
        return await awaitable

    task = asyncio.create_task(main())
    await turns(3)
    return task


def open_if_read(fifo: Path) -> int | None:
    """Open the pipe for writing, if somebody reads it."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


async def opened_for_writing(fifo: Path) -> int:
    """Open the pipe for writing, as soon as somebody reads it."""
    while not (writer := open_if_read(fifo)):
        await asyncio.sleep(0)
    return writer
