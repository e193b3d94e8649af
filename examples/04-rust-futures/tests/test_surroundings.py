"""What is around a loop stays as it was: contexts, signals, descriptors, other libraries."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from rust_futures import live_futures, sleep, yield_now

NewLoop = Callable[[], asyncio.AbstractEventLoop]
posix = pytest.mark.skipif(os.name != "posix", reason="not on this system")


class Big:
    """Something that must not be kept."""


def test_the_context_of_who_awaits_first_is_not_kept(loop_factory: NewLoop) -> None:
    request = contextvars.ContextVar[Big]("request")

    async def main() -> weakref.ref[Big]:
        big = Big()
        request.set(big)
        await yield_now()
        return weakref.ref(big)

    loop = loop_factory()
    context = contextvars.copy_context()
    big = context.run(lambda: loop.run_until_complete(main()))
    del context
    gc.collect()
    assert big() is None  # though the loop is still open
    loop.close()


def run(program: str, **options: Any) -> tuple[int, str]:
    """Return the exit code of a process that runs this, and all that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    return done.returncode, done.stdout


def test_a_coroutine_that_is_not_awaited_does_not_start_the_runtime() -> None:
    program = """
from rust_futures import set_worker_threads, sleep
sleep(1).close()
set_worker_threads(2)
"""
    assert run(program) == (0, "")


@posix
def test_a_signal_that_is_blocked_does_not_find_a_worker() -> None:
    """Who blocks a signal, to wait for it, gets it: the workers have it blocked as well."""
    program = """
import asyncio, os, signal
from rust_futures import yield_now
asyncio.run(yield_now())
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
assert signal.sigwait({signal.SIGTERM}) == signal.SIGTERM
"""
    assert run(program) == (0, "")


@posix
def test_a_runtime_that_gets_no_thread_is_an_error_and_not_a_hang() -> None:
    """One worker could be had, and not the second."""
    if os.getuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("needs root, to become somebody who may have few threads")
    program = """
import asyncio, contextvars, os, resource, signal  # while they can be read
from rust_futures import live_futures, set_worker_threads, sleep
os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
set_worker_threads(2)
try:
    asyncio.run(sleep(0.001))
except BlockingIOError as error:
    assert error.errno == 11
else:
    raise SystemExit("no error")
assert live_futures() == 0
"""
    assert run(program) == (0, "")


@posix
def test_no_descriptor_for_the_wakeup_is_an_error_with_its_number() -> None:
    program = """
import asyncio, errno, os, resource
from rust_futures import sleep, yield_now
asyncio.run(yield_now())  # the runtime has what it needs
loop = asyncio.new_event_loop()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
opened = []
try:
    while True:
        opened.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    loop.run_until_complete(sleep(0))
except OSError as error:
    assert error.errno == errno.EMFILE, error
else:
    raise SystemExit("no error")
for descriptor in opened:
    os.close(descriptor)
assert loop.run_until_complete(sleep(0, "slept")) == "slept"
loop.close()
"""
    assert run(program) == (0, "")


def test_a_running_loop_that_another_library_puts_there_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As trio-asyncio does when it is imported, perhaps after the first await."""
    asyncio.run(yield_now())
    calls: list[str] = []
    before = asyncio._get_running_loop

    def replaced() -> asyncio.AbstractEventLoop | None:
        calls.append("asked")
        return before()

    monkeypatch.setattr(asyncio, "_get_running_loop", replaced)
    asyncio.run(yield_now())
    assert calls


class CountsInMilliseconds(asyncio.SelectorEventLoop):
    """A loop that watches nothing, and whose timers are numbers of 32 bits, as those of Qt."""

    def add_reader(self, *arguments: Any) -> None:  # type: ignore[override]
        raise NotImplementedError

    def call_later(  # type: ignore[override]
        self, delay: float, *arguments: Any, **keywords: Any
    ) -> asyncio.TimerHandle:
        if delay * 1_000 >= 2**31:
            raise OverflowError
        return super().call_later(delay, *arguments, **keywords)

    def call_at(  # type: ignore[override]
        self, when: float, *arguments: Any, **keywords: Any
    ) -> asyncio.TimerHandle:
        if (when - self.time()) * 1_000 >= 2**31:
            raise OverflowError
        return super().call_at(when, *arguments, **keywords)


def test_a_loop_whose_timers_cannot_wait_for_ever() -> None:
    with asyncio.Runner(loop_factory=CountsInMilliseconds) as runner:
        assert runner.run(sleep(0.001, "slept")) == "slept"
    assert live_futures() == 0


def test_a_loop_that_cannot_watch_is_asked_anew_when_the_timer_ends() -> None:
    """Its timer keeps what tells of its end: without it, the loop would count as closed."""

    class Remembers(CountsInMilliseconds):
        def call_later(  # type: ignore[override]
            self, delay: float, callback: Any, *arguments: Any, **keywords: Any
        ) -> asyncio.TimerHandle:
            handle = super().call_later(delay, callback, *arguments, **keywords)
            if delay > 1_000:
                timers.append((handle, callback, arguments))
            return handle

    timers: list[tuple[asyncio.TimerHandle, Any, Any]] = []
    with asyncio.Runner(loop_factory=Remembers) as runner:
        assert runner.run(sleep(0, "first")) == "first"
        handle, callback, arguments = timers.pop()
        handle.cancel()
        callback(*arguments)  # as the loop does when the time has come
        assert len(timers) == 1
        del handle, callback, arguments
        gc.collect()
        assert runner.run(sleep(0, "a day later")) == "a day later"
        timers.clear()
