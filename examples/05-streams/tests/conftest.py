"""What runs the tests: each event loop, native and twin beside the Rust, and how often."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

import in_python
import native
import rust_streams
from collector import the_collector_is_quick as the_collector_is_quick
from soak import often as often
from soak import pytest_addoption as pytest_addoption

if sys.platform != "win32":
    import uvloop

    UNIX: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "uvloop": uvloop.new_event_loop,
        "one thread": rust_streams.event_loop,
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
NewLoop = Callable[[], asyncio.AbstractEventLoop]
Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]
Open = Callable[..., tuple[Any, Any]]


@pytest.fixture(params=[native, in_python, rust_streams], ids=["native", "twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    """What has the functions of the module: native async generators, the twin, the Rust."""
    module: ModuleType = request.param
    return module


@pytest.fixture(params=[in_python, rust_streams], ids=["twin", "rust"])
def ours(request: pytest.FixtureRequest) -> ModuleType:
    """What promises more than a native async generator does."""
    module: ModuleType = request.param
    return module


CHANNELS: dict[str, Open] = {
    "twin": in_python.channel,
    "spawned": rust_streams.channel,
    "inline": lambda **options: rust_streams.channel(inline=True, **options),
}


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> Open:
    """Return a sender and a stream of what it sends, of each kind that is ours."""
    return CHANNELS[request.param]


@pytest.fixture(params=["spawned", "inline"])
def rust_channel(request: pytest.FixtureRequest) -> Open:
    """The same of the Rust alone, which also runs under trio."""
    return CHANNELS[request.param]


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> NewLoop:
    return LOOPS[request.param]


def runs_on(name: str) -> Run:
    """Return what runs a coroutine function on a fresh loop of this kind."""
    if name == "trio":
        return lambda main: trio.run(main)

    def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
            return runner.run(main())

    return run


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function on a fresh loop of each kind that speaks asyncio."""
    return runs_on(request.param)


@pytest.fixture(params=[*LOOPS, "trio"])
def run_anywhere(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function on a fresh loop of each kind, and under trio."""
    return runs_on(request.param)


@pytest.fixture(params=[name for name in LOOPS if name != "one thread"])
def run_beside_workers(request: pytest.FixtureRequest) -> Run:
    """The same where workers poll what is spawned, also while the loop stands still."""
    return runs_on(request.param)


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test no stream is left. One that is being polled goes with that poll, and one in a
    circle, such as that of an error and the frame that caught it, with the collector.
    """
    yield
    if request.module.__name__ == "test_readme":
        return  # its sessions keep theirs to the end of the page
    if streams():
        gc.collect()
    for _ in range(5_000):  # a test that has failed keeps its own
        if not streams():
            return
        threading.Event().wait(0.001)
    pytest.fail(f"{streams()} streams are left")


def streams() -> int:
    """Return how many streams exist, of the Rust and of the twin."""
    return rust_streams.live_streams() + in_python.live_streams()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do. The watchdog ends it if it never happens."""
    while not condition():
        threading.Event().wait(0.001)


async def turns(count: int) -> None:
    """Let the loop take this many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def comes_to(condition: Callable[[], bool]) -> None:
    """Let the loop take turns until this is so. The watchdog ends it if it never is."""
    while not condition():
        await asyncio.sleep(0.001)


async def parked(awaitable: Awaitable[Any]) -> asyncio.Task[Any]:
    """Return a Task that waits for what does not come."""

    async def main() -> Any:
        return await awaitable

    task = asyncio.create_task(main())
    await turns(5)
    assert not task.done()
    return task


async def taken(stream: AsyncIterator[Any], count: int) -> list[Any]:
    """Take so many items."""
    return [await anext(stream) for _ in range(count)]


async def all_of(stream: AsyncIterator[Any]) -> list[Any]:
    """Take the rest."""
    return [item async for item in stream]


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
