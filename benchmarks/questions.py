"""The questions that `peers.py` puts to each way to await a Rust future.

Each takes the functions of chapter 04, made that way, and returns what happened, in few words.
`python questions.py lazy native` asks one.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import gc
import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

TRIES = 50
SECONDS = 3
"""What does not come in this time never comes."""

NOT_ASKED = "not asked"
MARK = "The answer: "

Way = Any


async def lazy(way: Way) -> str:
    one = way.sleep(0.5)
    time.sleep(1)
    start = time.perf_counter()
    await one  # what has run meanwhile has nothing left to wait for
    return "yes" if time.perf_counter() - start > 0.25 else "no"


async def create_task(way: Way) -> str:
    try:
        await asyncio.create_task(way.yield_now())
    except TypeError:
        return "no"
    return "yes"


def asyncio_run(way: Way) -> str:
    try:
        asyncio.run(way.yield_now())
    except (TypeError, ValueError, RuntimeError) as error:
        return f"no: {said(error)}"
    return "yes"


def under_trio(way: Way) -> str:
    trio: Any = importlib.import_module("trio")

    async def main() -> Any:
        return await way.sleep(0.01)

    try:
        trio.run(main)
    except (TypeError, RuntimeError) as error:
        return f"no: {type(error).__name__}"
    return "yes"


async def never_awaited(way: Way) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        way.yield_now()
        gc.collect()
    return "yes" if any("never awaited" in str(one.message) for one in caught) else "no"


async def awaited_again(way: Way) -> str:
    one = way.yield_now()
    await one
    try:
        await one
    except RuntimeError as error:
        return said(error)
    return "the result again"


async def two_at_once(way: Way) -> str:
    one = way.sleep(0.5)

    async def awaits() -> Any:
        return await one

    done, left = await asyncio.wait(
        [asyncio.create_task(awaits()) for _ in range(2)], timeout=SECONDS
    )
    for task in left:
        task.cancel()
    errors = [said(error) for task in done if (error := task.exception())]
    return f"{len(left)} of 2 hangs" if left else errors[0] if errors else "both get the result"


async def fresh_send(way: Way) -> str:
    one = way.pending()
    driven = one if hasattr(one, "send") else one.__await__()
    if not hasattr(driven, "send"):
        return "has no `send`"
    try:
        driven.send(5)
    except TypeError as error:
        return said(error)
    return "accepted"


async def context_variables(way: Way) -> str:
    variable = contextvars.ContextVar("variable", default="")

    async def awaits(value: str) -> bool:
        variable.set(value)
        await way.yield_now()
        return variable.get() == value

    kept = await asyncio.gather(*(awaits(str(number)) for number in range(TRIES)))
    return "yes" if all(kept) else "no"


async def timers(way: Way) -> str:
    await way.sleep(0.001)
    if not hasattr(way, "sleep_unspawned"):
        return "yes"
    try:
        await way.sleep_unspawned(0.001)
    except BaseException as error:
        return f"if spawned by hand, else {said(error)}"
    return "yes"


async def panic(way: Way) -> str:
    if not hasattr(way, "explode"):
        return NOT_ASKED
    try:
        await way.explode("boom")
    except BaseException as error:
        return said(error)
    return "a result"


async def stop_iteration(way: Way) -> str:
    if not hasattr(way, "stop_iteration"):
        return NOT_ASKED
    try:
        return f"a result: {await asyncio.wait_for(await_it(way.stop_iteration()), SECONDS)!r}"
    except TimeoutError:
        return "hangs"
    except RuntimeError as error:
        return said(error)


async def cancelled(way: Way) -> str:
    """See whether the Rust future is gone where the cancelled await has raised."""
    gone = 0
    for _ in range(TRIES):
        before = way.live_futures()
        task = asyncio.ensure_future(way.pending())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gone += way.live_futures() == before
        await asyncio.sleep(0.01)
    if gone == TRIES:
        return "yes"
    return "no, but soon after" if await comes_to_none(way) else "no, never"


async def dropped(way: Way) -> str:
    one = way.pending()
    if hasattr(one, "send"):
        one.send(None)
    del one
    gc.collect()
    return "yes" if await comes_to_none(way) else "no"


async def comes_to_none(way: Way) -> bool:
    """Tell whether all the Rust futures go away; `pending` never does by itself."""
    end = time.monotonic() + SECONDS
    while way.live_futures() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return not way.live_futures()


def loop_closed(way: Way) -> str:
    return in_a_process(leave_a_closed_loop, way)[1] or "nothing"


def leave_a_closed_loop(way: Way) -> None:
    """Close the loop while one is out, and end when it has finished."""
    loop = asyncio.new_event_loop()
    out = []

    async def start() -> None:
        out.append(asyncio.ensure_future(way.sleep(0.5)))
        await asyncio.sleep(0.1)

    loop.run_until_complete(start())
    loop.close()
    time.sleep(1)


def exit_at_once(way: Way) -> str:
    return exits(leave_at_once, way)


def leave_at_once(way: Way) -> None:
    async def main() -> None:
        await way.yield_now()

    asyncio.run(main())


def exit_with_many(way: Way) -> str:
    return exits(leave_many, way)


def leave_many(way: Way) -> None:
    """End while a hundred finish, one every 0.2 ms."""

    async def main() -> list[Any]:
        return [asyncio.ensure_future(way.sleep(number / 5000)) for number in range(100)]

    asyncio.run(main())


def exits(leave: Callable[[Way], None], way: Way) -> str:
    ends = [in_a_process(leave, way) for _ in range(TRIES)]
    others = {how_it_ended(*end) for end in ends} - {"silently"}
    silent = sum(how_it_ended(*end) == "silently" for end in ends)
    return f"{silent} of {TRIES}" + (f"; else {', '.join(sorted(others))}" if others else "")


def how_it_ended(code: int, complaint: str) -> str:
    if code:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return "with errors on stderr" if complaint else "silently"


def in_a_process(action: Callable[[Way], None], way: Way) -> tuple[int, str]:
    """Return its exit code, and what its first complaint was."""
    done = subprocess.run(
        [sys.executable, __file__, action.__name__, way.__name__],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = re.findall(r"^(?!Traceback|thread |\s).+", done.stderr, re.MULTILINE)
    return done.returncode, re.sub("0x[0-9a-f]+", "0x…", lines[0] if lines else "")


def after_fork(way: Way) -> str:
    async def use() -> None:
        await asyncio.wait_for(await_it(way.sleep(0.01)), SECONDS)

    asyncio.run(use())
    child = os.fork()
    if not child:
        signal.alarm(SECONDS + 1)  # kills: the child has no other way out if it hangs
        asyncio.run(use())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    asyncio.run(use())
    return "no" if status else "yes"


async def messages(way: Way) -> str:
    """Count what wakes a loop that is busy while a thousand finish."""
    count = count_messages()
    many = start_many(way)
    await asyncio.sleep(0.1)
    time.sleep(2)
    await asyncio.gather(*many)
    return f"{count():,}"


def count_messages() -> Callable[[], int]:
    """Count the running loop's calls from other threads and from the descriptors it watches."""
    loop: Any = asyncio.get_running_loop()
    calls: list[Any] = []
    call_soon_threadsafe, add_reader = loop.call_soon_threadsafe, loop.add_reader

    def called(callback: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(callback)
        return call_soon_threadsafe(callback, *args, **kwargs)

    def watched(descriptor: Any, callback: Any, *args: Any) -> Any:
        def run() -> None:
            calls.append(callback)
            callback(*args)

        return add_reader(descriptor, run)

    loop.call_soon_threadsafe, loop.add_reader = called, watched
    return lambda: len(calls)


async def attached(way: Way) -> str:
    """Hold the interpreter while a thousand finish, and see which threads wait for it."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return NOT_ASKED  # nothing to hold
    many = start_many(way)
    await asyncio.sleep(0.1)
    sys.setswitchinterval(1000)  # a thread that asks for the interpreter waits so long
    ctypes.PyDLL(None).sleep(2)
    waiting = thread_states() - threading.active_count()
    sys.setswitchinterval(0.005)
    await asyncio.gather(*many)
    return str(waiting)


def thread_states() -> int:
    """Return how many threads are attached to the interpreter, or wait to be."""
    api = ctypes.pythonapi
    for function in (api.PyInterpreterState_Get, api.PyInterpreterState_ThreadHead):
        function.restype = ctypes.c_void_p
    api.PyThreadState_Next.restype = ctypes.c_void_p
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(api.PyInterpreterState_Get()))
    count = 0
    while state:
        count += 1
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return count


def start_many(way: Way) -> list[asyncio.Task[Any]]:
    """Start a thousand that finish together."""
    return [asyncio.create_task(await_it(way.sleep(0.5))) for _ in range(1000)]


async def await_it(one: Awaitable[Any]) -> Any:
    return await one


def said(error: BaseException) -> str:
    """Return the error's type and text, as far as it is the same in each run."""
    return re.sub(r" <.*|:\d+:\d+$", " …", f"{type(error).__name__}: {error}")


QUESTIONS: dict[str, Callable[[Way], Any]] = {
    "Starts only when awaited?": lazy,
    "`asyncio.create_task` takes it?": create_task,
    "`asyncio.run` takes it?": asyncio_run,
    "Works under trio?": under_trio,
    "Warns when it was never awaited?": never_awaited,
    "Awaited a second time": awaited_again,
    "Awaited by two tasks at once": two_at_once,
    "`send(5)` to a fresh one": fresh_send,
    "Context variables intact?": context_variables,
    "tokio's timers work?": timers,
    "A panic arrives as": panic,
    "An `Err(StopIteration)` arrives as": stop_iteration,
    "Cancelled: dropped where the await raises?": cancelled,
    "Dropped in Python: in Rust too?": dropped,
    "Loop closed while one is out: on stderr": loop_closed,
    "Silent exit, code 0, right after an `await`": exit_at_once,
    "Silent exit, code 0, while 100 finish": exit_with_many,
    "Works in a child after `os.fork()`?": after_fork,
    "Messages to a busy loop from 1,000 that finish": messages,
    "Rust threads that want the interpreter meanwhile": attached,
}

ACTIONS: dict[str, Callable[[Way], Any]] = {
    function.__name__: function
    for function in (*QUESTIONS.values(), leave_a_closed_loop, leave_at_once, leave_many)
}


def load(way: str) -> Way:
    """Import `native`, `rust_futures`, or `async_fn` and `into_py`, which are in `published`."""
    if way in ("async_fn", "into_py"):
        return getattr(importlib.import_module("published"), way)
    return importlib.import_module(way)


def tell(answer: Any) -> None:
    print(MARK + str(answer), flush=True)


if __name__ == "__main__":
    action, way = ACTIONS[sys.argv[1]], load(sys.argv[2])
    tell(asyncio.run(action(way)) if inspect.iscoroutinefunction(action) else action(way))
