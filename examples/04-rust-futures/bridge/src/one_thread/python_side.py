"""The class of the loop, in Python: the compiled module contains this file."""

from __future__ import annotations

import asyncio
import contextvars
import signal
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop. While it runs, each signal writes to a socket that it watches.

    A signal interrupts what waits in Python. It does not interrupt what waits in tokio, and so
    Ctrl-C would not be heard while the loop is idle. The proactor loop of asyncio does it this way.
    """

    def __init__(self, selector: Any) -> None:
        super().__init__(selector)
        self.wakeups = Wakeups(self.create_future())

    def close(self) -> None:
        super().close()
        self.wakeups.finished = None  # it holds the loop

    def run_forever(self) -> None:
        before = self._hear_signals()
        self._ready.extendleft(self.wakeups.left())  # type: ignore[attr-defined]
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
    """The handle of a loop that resumes Tasks: each time it runs, all that have come in together.

    Handles of asyncio run one callback each.
    """

    _cancelled = False
    _source_traceback = None
    _callback = None

    def __init__(self, future: asyncio.Future[None]) -> None:
        # A Task asks what it waited for how that ended. Any future that is finished says so.
        future.set_result(None)
        self.finished: asyncio.Future[None] | None = future
        self.coming: deque[Wakeup | None] = deque()

    def _run(self) -> None:
        coming, finished = self.coming, self.finished
        while coming and (wakeup := coming.popleft()):
            context, resume = wakeup
            try:
                context.run(resume, finished)
            except (KeyboardInterrupt, SystemExit):
                raise  # the loop stops: see `left`
            except BaseException as error:
                told = {"message": "a Task could not be resumed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(told)

    def left(self) -> list[Wakeups]:
        """Return this handle once for all that came in together and that an interrupt has left."""
        return [self] * self.coming.count(None)


Wakeup = tuple[contextvars.Context, Callable[[asyncio.Future[None] | None], object]]
"""What a Task is resumed by, and the context to call it in."""


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
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=event_loop) as runner:
        return runner.run(main)
