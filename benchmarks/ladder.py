"""Every way to await that the book knows, and its peers: the cases that `cost.py` has timed.

From the cheapest to the dearest they make a ladder. `streams.py` and `calls.py` have more cases.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import importlib.util
import itertools
import os
import sys
import time
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple

EXAMPLES = Path(__file__).parent.parent / "examples"

LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": lambda: importlib.import_module("uvloop").new_event_loop(),
}
if not importlib.util.find_spec("uvloop"):  # as on Windows
    del LOOPS["uvloop"]
ONE_THREAD = "chapter 07 on its own loop"
EVERY_LOOP = {
    **LOOPS,
    ONE_THREAD: lambda: importlib.import_module("one_thread").event_loop(),
}
SIZES = [1, 100, 10_000, 100_000]
"""How many are gathered at once, to show how the cost grows."""

NATIVE = "`async def`"
SLEEP = "`asyncio.sleep(0)`"
Make = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Case:
    find: Callable[[], Make]
    """Returns what makes the awaitable; imports it, as few processes need all crates."""
    times: int
    """How often it is awaited to be timed: some milliseconds' worth."""
    chapter: str = ""
    steps: str = ""
    """If so, one awaitable is made that suspends so many times, and the figure is for a step: the
    native case to compare it with."""


def of(path: str) -> Make:
    found: Make = resolve_name(path)
    return found


@functools.cache
def twin(chapter: str) -> Any:
    """Load a chapter's `in_python.py`, which all have by that name and none installs."""
    (path,) = EXAMPLES.glob(f"{chapter}-*/in_python.py")
    spec = importlib.util.spec_from_file_location(f"twin_{chapter}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def native() -> str:
    return "Ended"


async def native_delegate(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@types.coroutine
def turn() -> Generator[None, None, None]:
    yield


async def native_countdown(number: int) -> str:
    for _ in range(number):
        await turn()
    return "liftoff"


class Idle:
    """An awaitable that yields `turns` times and does nothing else, in C."""

    def __init__(self, turns: int) -> None:
        self.turns = turns

    def __await__(self) -> Any:
        return itertools.repeat(None, self.turns)


def ready(make: Callable[[Any], Awaitable[Any]]) -> Make:
    return lambda: make("Ended")


def handoff(make: Callable[[Any], Awaitable[Any]]) -> Make:
    return lambda: make(native())


def delegate(make: Callable[[Any], Awaitable[Any]]) -> Make:
    return lambda turns: make(Idle(turns))


def to_thread() -> Awaitable[Any]:
    return asyncio.to_thread(int)


QUICK, STEPS, TRIPS = 20_000, 10_000, 500
DELEGATE, COUNTDOWN = "a step of `delegate` as `async def`", "a step of `countdown` as `async def`"
READY, INLINE, SPAWNED = "`ready()`", "`inline_yield_now()`", "`yield_now()`"
TWIN = "`yield_now()` in Python"
ASYNC_FN, INTO_PY = "PyO3's `async fn`, spawned", "`future_into_py`"
WAKE, THREAD = "`call_soon_threadsafe`", "`asyncio.to_thread`"

CASES = {
    NATIVE: Case(lambda: native, QUICK),
    "a class in C": Case(lambda: of("floor:Floor"), QUICK),
    "`Ready` in Rust": Case(lambda: ready(of("awaitable:Ready")), QUICK, "02"),
    "`Ready` in Python": Case(lambda: ready(twin("02").Ready), QUICK, "02"),
    "`Handoff` in Rust": Case(lambda: handoff(of("awaitable:Handoff")), QUICK, "02"),
    "`Handoff` in Python": Case(lambda: handoff(twin("02").Handoff), QUICK, "02"),
    "`my_coroutine()` in Rust": Case(lambda: of("coroutine_class:my_coroutine"), QUICK, "03"),
    "`my_coroutine()` in Python": Case(lambda: twin("03").my_coroutine, QUICK, "03"),
    DELEGATE: Case(lambda: delegate(native_delegate), STEPS, "", DELEGATE),
    "a step of `delegate` in Rust": Case(
        lambda: delegate(of("coroutine_class:delegate")), STEPS, "03", DELEGATE
    ),
    "a step of `delegate` in Python": Case(
        lambda: delegate(twin("03").delegate), STEPS, "03", DELEGATE
    ),
    COUNTDOWN: Case(lambda: native_countdown, STEPS, "", COUNTDOWN),
    "a step of `countdown` in Rust": Case(
        lambda: of("coroutine_class:countdown"), STEPS, "03", COUNTDOWN
    ),
    "a step of `countdown` in Python": Case(lambda: twin("03").countdown, STEPS, "03", COUNTDOWN),
    SLEEP: Case(lambda: lambda: asyncio.sleep(0), STEPS),
    "PyO3's `async fn`, ready": Case(lambda: of("published:async_fn.ready"), QUICK),
    READY: Case(lambda: of("rust_futures:ready"), QUICK, "04"),
    INLINE: Case(lambda: of("rust_futures:inline_yield_now"), TRIPS, "04"),
    SPAWNED: Case(lambda: of("rust_futures:yield_now"), TRIPS, "04"),
    TWIN: Case(lambda: twin("04").yield_now, TRIPS, "04"),
    ASYNC_FN: Case(lambda: of("published:async_fn.yield_now"), TRIPS),
    INTO_PY: Case(lambda: of("published:into_py.yield_now"), TRIPS),
    WAKE: Case(lambda: of("published:wake_thread"), TRIPS),
    THREAD: Case(lambda: to_thread, TRIPS),
}

THREADS = [SPAWNED, TWIN, ASYNC_FN, INTO_PY, WAKE, THREAD]
"""What goes to another thread and back. With more cores than one, most of its time is what the
kernel needs to wake a core that idles."""

BESIDE_THREADS = [NATIVE, SLEEP, READY, INLINE]

DRIVEN = {
    "by name": "count_steps_by_name",
    "by an interned name": "count_steps_by_interned_name",
    "through the slot": "count_steps_by_slot",
}
"""How `__next__` is reached, and chapter 01's function that does; there is no loop."""

GATHERED = [SLEEP, READY, INLINE, SPAWNED, ASYNC_FN, INTO_PY, WAKE, THREAD]


async def in_turn(case: Case) -> float:
    """Return the seconds that `case.times` awaits take, or one await of so many steps."""
    make = case.find()
    await await_all(make, case.steps, 10)  # makes the runtime, where there is one
    gc.collect()
    start = clock()
    await await_all(make, case.steps, case.times)
    return clock() - start


async def await_all(make: Make, steps: str, times: int) -> None:
    if steps:
        await make(times)
        return
    for _ in range(times):
        await make()


async def at_once(make: Make, size: int) -> float:
    """Return the seconds that a gather of so many takes; a small one is repeated."""
    await asyncio.gather(*(make() for _ in range(10)))
    gc.collect()
    start = clock()
    for _ in range(repeats(size)):
        await asyncio.gather(*(make() for _ in range(size)))
    return clock() - start


def repeats(size: int) -> int:
    return max(1, 500 // size)


def clock() -> float:
    """Return seconds: on one core those of this process alone, whatever else runs there.

    On one core nothing of the process waits for anything but the process itself.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return time.process_time() if cores == 1 else time.perf_counter()


class Timed(NamedTuple):
    """One time to be taken."""

    title: str
    seconds: Callable[[], float]
    """Takes it. How often something must be done for that is its own affair."""
    times: int
    """How often it is done, to say what one costs."""


def in_loop(loop: str, case: Callable[..., Any], *arguments: Any) -> Callable[[], float]:
    """Return what runs a case in an event loop, and returns its seconds."""

    def seconds() -> float:
        with asyncio.Runner(loop_factory=EVERY_LOOP[loop]) as runner:
            taken: float = runner.run(case(*arguments))
            return taken

    return seconds


def driven() -> Iterator[Timed]:
    for name, function in DRIVEN.items():
        yield Timed(name, functools.partial(drive, function), STEPS)


def drive(function: str) -> float:
    """Return the seconds that a driver of chapter 01 takes for so many steps."""
    count_steps: Callable[[Idle], int] = resolve_name(f"await_manual:{function}")
    start = clock()
    count_steps(Idle(STEPS))
    return clock() - start


def awaits(names: Iterable[str] = CASES) -> Iterator[Timed]:
    for loop, name in itertools.product(LOOPS, names):
        case = CASES[name]
        yield Timed(f"{loop}: {name}", in_loop(loop, in_turn, case), case.times)


def growth(most: int) -> Iterator[Timed]:
    """Gathers of more and more, up to so many."""
    sizes = [size for size in SIZES if size <= most]
    for loop, size, name in itertools.product(LOOPS, sizes, GATHERED):
        seconds = in_loop(loop, gather, CASES[name], size)
        yield Timed(f"{loop}: {size}: {name}", seconds, size * repeats(size))


async def gather(case: Case, size: int) -> float:
    return await at_once(case.find(), size)


def end_at_once() -> None:
    """End without the interpreter's exit, which PyO3's `async fn` may turn into an abort."""
    sys.stdout.flush()
    os._exit(0)
