"""The class of the loop, in Python: the compiled module contains this file."""

from __future__ import annotations

import asyncio
import contextvars
import signal
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Wakeup = tuple[contextvars.Context, Callable[[asyncio.Future[None]], object]]
"""What a Task is resumed by, and the context to call it in."""


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop. While it runs, each signal writes to a socket that it watches.

    A signal interrupts what waits in Python. It does not interrupt what waits in tokio, and so
    Ctrl-C would not be heard while the loop is idle. The proactor loop of asyncio does it this way.
    """

    def __init__(self, selector: Any) -> None:
        super().__init__(selector)
        self._finished = self.create_future()
        self._finished.set_result(None)

    def resume_soon(self, wakeups: list[Wakeup]) -> None:
        """Resume Tasks, in this turn of the loop or the next."""
        debugged = self.get_debug()  # then the loop tells of each callback that takes long
        for some in [[one] for one in wakeups] if debugged else [wakeups]:
            self._ready.append(Wakeups(some, self._finished, self._ready))  # type: ignore[attr-defined]

    def run_forever(self) -> None:
        before = self._hear_signals()
        try:
            super().run_forever()
        finally:
            # What the loop's own handlers of signals need is put away when they are.
            if before is not None and not self._signal_handlers:  # type: ignore[attr-defined]
                set_wakeup_fd(before)

    def remove_signal_handler(self, sig: int) -> bool:
        removed = super().remove_signal_handler(sig)
        if self.is_running():
            self._hear_signals()  # to remove the last one puts the socket away
        return removed

    def _hear_signals(self) -> int | None:
        """Have signals written to the loop's own socket. Return where they were written to before,
        or None if this is not the thread that is told of them."""
        if self.is_closed():
            return None
        return set_wakeup_fd(self._csock.fileno())  # type: ignore[attr-defined]


class Wakeups:
    """A handle of the loop that resumes Tasks. Handles of asyncio run one callback each."""

    __slots__ = ("_callback", "_finished", "_left", "_ready")

    _cancelled = False
    _source_traceback = None

    def __init__(
        self, wakeups: list[Wakeup], finished: asyncio.Future[None], ready: deque[Any]
    ) -> None:
        self._left = iter(wakeups)
        self._callback = wakeups[0][1]  # a loop in debug mode asks for it: there is one only
        self._finished = finished
        self._ready = ready

    def _run(self) -> None:
        """Resume them. A Task asks what it waited for how it ended: any future that is finished says so."""
        finished = self._finished
        try:
            for context, wakeup in self._left:
                context.run(wakeup, finished)
        except BaseException:  # such as KeyboardInterrupt, which goes through a Task and stops the loop
            self._ready.appendleft(self)
            raise


def set_wakeup_fd(fd: int) -> int | None:
    try:
        # A socket that is full wakes as well as one that is not.
        return signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    except ValueError:  # not the main thread
        return None


def run(
    main: Coroutine[Any, Any, Any],
    event_loop: Callable[[], asyncio.AbstractEventLoop],
    debug: bool | None,
) -> Any:
    with asyncio.Runner(debug=debug, loop_factory=event_loop) as runner:
        return runner.run(main)
