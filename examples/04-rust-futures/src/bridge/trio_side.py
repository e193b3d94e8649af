"""What the bridge asks of trio, in Python: the compiled module contains this file."""

from __future__ import annotations

from typing import Any

import trio
from trio.lowlevel import Abort


async def park() -> None:
    """Wait for `reschedule`, or for a cancellation."""
    await trio.lowlevel.wait_task_rescheduled(lambda _: Abort.SUCCEEDED)


async def park_shielded() -> None:
    """Wait for `reschedule`, whatever happens: it is sure to come."""
    await trio.lowlevel.wait_task_rescheduled(lambda _: Abort.FAILED)


async def watch(doorbell: Any) -> None:
    """Answer the bell until the run ends, and then until the last future is back.

    A system task is among the first to be cancelled. Others may still wait to hear that their
    futures have been dropped, and without this one they would wait for ever.
    """
    try:
        while True:
            await answer(doorbell)
    finally:
        with trio.CancelScope(shield=True):
            while doorbell.in_flight():
                await answer(doorbell)
        doorbell.close()


async def answer(doorbell: Any) -> None:
    await trio.lowlevel.wait_readable(doorbell.fileno())
    doorbell()
