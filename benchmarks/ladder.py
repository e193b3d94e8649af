"""The rungs of `cost.py`'s ladder: every way to await that the book knows, and its peers.

Run by `cost.py`, in pyperf's processes: `python ladder.py --what rungs` times all of them once.
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
from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"

LOOPS: dict[str, Callable[[], Any]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": lambda: importlib.import_module("uvloop").new_event_loop(),
}
if not importlib.util.find_spec("uvloop"):  # as on Windows
    del LOOPS["uvloop"]
SIZES = [1, 100, 10_000, 100_000]
"""How many are gathered at once, to show how the cost grows."""

NATIVE = "`async def`"
SLEEP = "`asyncio.sleep(0)`"
Make = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Rung:
    find: Callable[[], Make]
    """Returns what makes the awaitable; imports it, as few processes need all crates."""
    times: int
    """How often it is awaited to be timed: some milliseconds' worth."""
    chapter: str = ""
    steps: str = ""
    """If so, one awaitable is made that suspends so many times, and the figure is for a step: the
    native rung to compare it with."""


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

RUNGS = {
    NATIVE: Rung(lambda: native, QUICK),
    "a class in C": Rung(lambda: of("floor:Floor"), QUICK),
    "`Ready` in Rust": Rung(lambda: ready(of("awaitable:Ready")), QUICK, "02"),
    "`Ready` in Python": Rung(lambda: ready(twin("02").Ready), QUICK, "02"),
    "`Handoff` in Rust": Rung(lambda: handoff(of("awaitable:Handoff")), QUICK, "02"),
    "`Handoff` in Python": Rung(lambda: handoff(twin("02").Handoff), QUICK, "02"),
    "`my_coroutine()` in Rust": Rung(lambda: of("coroutine_class:my_coroutine"), QUICK, "03"),
    "`my_coroutine()` in Python": Rung(lambda: twin("03").my_coroutine, QUICK, "03"),
    DELEGATE: Rung(lambda: delegate(native_delegate), STEPS, "", DELEGATE),
    "a step of `delegate` in Rust": Rung(
        lambda: delegate(of("coroutine_class:delegate")), STEPS, "03", DELEGATE
    ),
    "a step of `delegate` in Python": Rung(
        lambda: delegate(twin("03").delegate), STEPS, "03", DELEGATE
    ),
    COUNTDOWN: Rung(lambda: native_countdown, STEPS, "", COUNTDOWN),
    "a step of `countdown` in Rust": Rung(
        lambda: of("coroutine_class:countdown"), STEPS, "03", COUNTDOWN
    ),
    "a step of `countdown` in Python": Rung(lambda: twin("03").countdown, STEPS, "03", COUNTDOWN),
    SLEEP: Rung(lambda: lambda: asyncio.sleep(0), STEPS),
    "PyO3's `async fn`, ready": Rung(lambda: of("published:async_fn.ready"), QUICK),
    READY: Rung(lambda: of("rust_futures:ready"), QUICK, "04"),
    INLINE: Rung(lambda: of("rust_futures:inline_yield_now"), TRIPS, "04"),
    SPAWNED: Rung(lambda: of("rust_futures:yield_now"), TRIPS, "04"),
    TWIN: Rung(lambda: twin("04").yield_now, TRIPS, "04"),
    ASYNC_FN: Rung(lambda: of("published:async_fn.yield_now"), TRIPS),
    INTO_PY: Rung(lambda: of("published:into_py.yield_now"), TRIPS),
    WAKE: Rung(lambda: of("published:wake_thread"), TRIPS),
    THREAD: Rung(lambda: to_thread, TRIPS),
}

ONE_CORE = [NATIVE, SLEEP, READY, INLINE, SPAWNED, TWIN, ASYNC_FN, INTO_PY, WAKE, THREAD]
"""Chapter 04's and what to see them beside. They are timed on one core as well: with more, most of
a trip to another thread is the time that the kernel needs to wake a core that idles."""

DRIVEN = {
    "by name": "count_steps_by_name",
    "by an interned name": "count_steps_by_interned_name",
    "through the slot": "count_steps_by_slot",
}
"""How `__next__` is reached, and chapter 01's function that does; there is no loop."""

GATHERED = [SLEEP, READY, INLINE, SPAWNED, ASYNC_FN, INTO_PY, WAKE, THREAD]


async def in_turn(rung: Rung) -> float:
    """Return the seconds that `rung.times` awaits take, or one await of so many steps."""
    make = rung.find()
    await await_all(make, rung.steps, 10)  # makes the runtime, where there is one
    gc.collect()
    start = time.perf_counter()
    await await_all(make, rung.steps, rung.times)
    return time.perf_counter() - start


async def await_all(make: Make, steps: str, times: int) -> None:
    if steps:
        await make(times)
        return
    for _ in range(times):
        await make()


def driven(_loops: int, function: str) -> float:
    """Return the seconds that a driver of chapter 01 takes for so many steps."""
    count_steps: Callable[[Idle], int] = resolve_name(f"await_manual:{function}")
    start = time.perf_counter()
    count_steps(Idle(STEPS))
    return time.perf_counter() - start


async def at_once(rung: Rung, size: int) -> float:
    """Return the seconds that a gather of so many takes; a small one is repeated."""
    make = rung.find()
    await asyncio.gather(*(make() for _ in range(10)))
    gc.collect()
    start = time.perf_counter()
    for _ in range(repeats(size)):
        await asyncio.gather(*(make() for _ in range(size)))
    return time.perf_counter() - start


def repeats(size: int) -> int:
    return max(1, 500 // size)


def in_loop(_loops: int, loop: str, case: Callable[..., Any], *arguments: Any) -> float:
    """Time a case as pyperf asks for it; how often is the case's own affair."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        seconds: float = runner.run(case(*arguments))
        return seconds


def time_driven(runner: Any, _up_to: int) -> None:
    for name, function in DRIVEN.items():
        runner.bench_time_func(name, driven, function, inner_loops=STEPS)


def time_rungs(runner: Any, _up_to: int, names: Iterable[str] = RUNGS) -> None:
    for loop, name in itertools.product(LOOPS, names):
        rung, title = RUNGS[name], f"{loop}: {name}"
        runner.bench_time_func(title, in_loop, loop, in_turn, rung, inner_loops=rung.times)


def time_on_one_core(runner: Any, up_to: int) -> None:
    time_rungs(runner, up_to, ONE_CORE)


def time_growth(runner: Any, up_to: int) -> None:
    sizes = [size for size in SIZES if size <= up_to]
    for loop, size, name in itertools.product(LOOPS, sizes, GATHERED):
        title = f"{loop}: {size}: {name}"
        case = (in_loop, loop, at_once, RUNGS[name], size)
        runner.bench_time_func(title, *case, inner_loops=size * repeats(size))


PARTS = {
    "driven": time_driven,
    "rungs": time_rungs,
    "one core": time_on_one_core,
    "growth": time_growth,
}


def main() -> None:
    runner = importlib.import_module("pyperf").Runner(add_cmdline_args=pass_on)
    runner.argparser.add_argument("--what", choices=PARTS)
    runner.argparser.add_argument("--up-to", type=int, default=SIZES[-1])
    arguments = runner.parse_args()
    PARTS[arguments.what](runner, arguments.up_to)
    if arguments.worker:
        end_at_once()


def pass_on(command: list[str], arguments: Any) -> None:
    command += ["--what", arguments.what, "--up-to", str(arguments.up_to)]


def end_at_once() -> None:
    """End without the interpreter's exit, which PyO3's `async fn` may turn into an abort."""
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
