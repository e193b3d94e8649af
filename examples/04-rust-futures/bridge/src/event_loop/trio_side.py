"""What the bridge asks of trio, in Python: the compiled module contains this file."""

from __future__ import annotations

import contextvars
from typing import Any

import trio
from trio.lowlevel import Abort


class Waiter:
    """A task that waits to be rescheduled: by `wake`, or by trio, which does so when it cancels.
    One of them does it: trio would be at its end otherwise.
    """

    def __init__(self) -> None:
        self.task = trio.lowlevel.current_task()
        self.waits = True

    async def wait(self) -> None:
        """Wait for `wake`, or for a cancellation."""
        await trio.lowlevel.wait_task_rescheduled(self.abort)

    async def wait_shielded(self) -> None:
        """Wait for `wake`, whatever happens: it is sure to come."""
        await trio.lowlevel.wait_task_rescheduled(lambda _: Abort.FAILED)

    def abort(self, raise_cancel: Any) -> Abort:
        self.waits = False
        return Abort.SUCCEEDED

    def wake(self) -> None:
        if self.waits:
            self.waits = False
            trio.lowlevel.reschedule(self.task)

    def has_ended(self) -> bool:
        """Is there nobody left who could be resumed?"""
        return self.task.coro.cr_frame is None


async def watch(handler: Any) -> None:
    """Answer the wake-ups until the run ends, and then until the last future is back.

    A system task is among the first to be cancelled. Others may still wait to hear that their
    futures have been dropped, and without this one they would wait for ever.
    """
    try:
        while True:
            await answer(handler)
    finally:
        with trio.CancelScope(shield=True):
            while handler.somebody_waits():
                await answer(handler)
        handler.close()


async def answer(handler: Any) -> None:
    await trio.lowlevel.wait_readable(handler.fileno())
    handler()


def create_task(coroutine: Any, context: contextvars.Context | None) -> trio.CancelScope:
    """Begin a task, and return its cancel scope. It is a system task, as no nursery of the user's
    is known here.
    """
    scope = trio.CancelScope()

    async def run() -> None:
        with scope:
            await coroutine

    context = contextvars.copy_context() if context is None else context
    trio.lowlevel.spawn_system_task(run, name=coroutine, context=context)
    return scope
