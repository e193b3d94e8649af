"""What runs the tests: each event loop, native and twin beside the Rust, and how often."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

import await_from_rust
import in_python
import native
from collector import the_collector_is_quick as the_collector_is_quick
from soak import often as often
from soak import pytest_addoption as pytest_addoption

if sys.platform != "win32":
    import uvloop

    UNIX: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "uvloop": uvloop.new_event_loop,
        "one thread": await_from_rust.event_loop,
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
Main = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Main], Any]


def runs_on(name: str) -> Run:
    """Return what runs a coroutine function on a fresh loop of this kind."""
    if name == "trio":
        return lambda main: trio.run(main)

    def run(main: Main) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
            return runner.run(main())

    return run


BOOKS = {"native": native, "twin": in_python, "rust": await_from_rust}
PLACES = [
    ("native", "asyncio"),
    ("twin", "asyncio"),
    *(("rust", loop) for loop in (*LOOPS, "trio")),
]


@pytest.fixture(params=PLACES, ids="-".join)
def place(request: pytest.FixtureRequest) -> Any:
    """Which module runs where. To native and twin all loops of asyncio are the same."""
    return request.param


@pytest.fixture
def book(place: tuple[str, str]) -> ModuleType:
    return BOOKS[place[0]]


@pytest.fixture
def run(place: tuple[str, str]) -> Run:
    return runs_on(place[1])


@pytest.fixture(params=[*LOOPS, "trio"])
def run_anywhere(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine function on a fresh loop of each kind, and under trio."""
    return runs_on(request.param)


@pytest.fixture(params=LOOPS)
def run_on_asyncio(request: pytest.FixtureRequest) -> Run:
    """The same without trio."""
    return runs_on(request.param)


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return LOOPS[request.param]


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test no Rust future is left. One that is being polled goes with that poll."""
    yield
    wait_until(lambda: await_from_rust.live_futures() == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do. The watchdog ends it if it never happens."""
    while not condition():
        threading.Event().wait(0.001)


async def turns(count: int) -> None:
    """Let the loop take this many turns, whichever it is."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


class Hook:
    """A function that Rust calls: it waits until somebody lets it go, and says how it ends."""

    def __init__(self, result: Any = None) -> None:
        self.result, self.begun, self.go, self.ends = result, anyio.Event(), anyio.Event(), 0

    async def __call__(self) -> Any:
        self.begun.set()
        try:
            await self.go.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await turns(3)
            self.ends += 1
        return self.result


async def cancelled_when(
    event: anyio.Event | asyncio.Event, function: Callable[[], Awaitable[Any]]
) -> None:
    """Await what the function returns, and cancel that when the event comes."""
    raised: list[BaseException] = []

    async def main() -> None:
        try:
            await function()
        except BaseException as error:
            raised.append(error)
            raise

    async with beside(main) as cancel:
        await event.wait()
        cancel()
    assert isinstance(raised.pop(), anyio.get_cancelled_exc_class())


@asynccontextmanager
async def beside(main: Main) -> AsyncIterator[Callable[[], object]]:
    """Run this in a Task beside, and give what cancels it. Wait for its end."""
    if in_trio():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(main)
            yield nursery.cancel_scope.cancel
    else:
        task = asyncio.ensure_future(main())
        yield task.cancel
        await asyncio.wait([task])


def in_trio() -> bool:
    return trio.lowlevel.in_trio_run()
