"""What a driver owes its caller between two steps: Ctrl-C, and a turn for the other threads.

The awaitables here are C all the way, so that no step of theirs runs a bytecode: in a coroutine
written in Python the interpreter would look after signals and threads, and hide a driver that
does not.
"""

from __future__ import annotations

import collections
import functools
import itertools
import operator
import sys
import threading
from collections.abc import Callable
from types import ModuleType

import pytest

from await_manual import first_try
from samples import PressesCtrlC, Steps

NEEDS_GIL = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without a GIL every thread has its turn at any time",
)


@pytest.mark.parametrize("function", ["drive", "trace"])
@pytest.mark.parametrize("timeout", [None, 3600])
def test_ctrl_c_is_heard_before_the_next_step(
    book: ModuleType, function: str, timeout: float | None
) -> None:
    awaitable = PressesCtrlC()
    with pytest.raises(KeyboardInterrupt):
        getattr(book, function)(awaitable, timeout=timeout)
    assert operator.length_hint(awaitable.presses) == 99_999


def test_the_first_try_is_deaf_until_the_awaitable_ends() -> None:
    awaitable = PressesCtrlC()
    with pytest.raises(KeyboardInterrupt):
        first_try(awaitable)
    assert operator.length_hint(awaitable.presses) == 0


class WakesAnotherThread(Steps):
    """Its first step lets another thread go on, as soon as that thread is given a turn.

    The thread writes down how many steps were left at that moment, and takes them away.
    """

    def __init__(self) -> None:
        self.rest = itertools.repeat(None, 1_000_000)
        self.steps_left: list[int] = []
        self.lock = threading.Lock()
        self.lock.acquire()
        let_go = itertools.islice(iter(self.lock.release, "never"), 1)
        super().__init__(itertools.chain(let_go, self.rest))

    def be_driven_by(self, driver: Callable[[Steps], object]) -> int:
        """Return how many steps were left when the other thread had its turn."""
        thread = threading.Thread(target=self.wait_for_a_turn)
        thread.start()
        driver(self)
        thread.join()
        return self.steps_left[0]

    def wait_for_a_turn(self) -> None:
        with self.lock:
            self.steps_left.append(operator.length_hint(self.rest))
            collections.deque(self.rest, maxlen=0)


@NEEDS_GIL
@pytest.mark.parametrize("function", ["drive", "trace"])
@pytest.mark.parametrize("timeout", [None, 3600])
def test_another_thread_gets_its_turn(
    book: ModuleType, function: str, timeout: float | None
) -> None:
    drive = functools.partial(getattr(book, function), timeout=timeout)
    assert WakesAnotherThread().be_driven_by(drive) > 0


@NEEDS_GIL
def test_the_first_try_lets_it_wait_until_the_awaitable_ends() -> None:
    assert WakesAnotherThread().be_driven_by(first_try) == 0
