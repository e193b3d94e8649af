"""Random scripts of steps, cancellations and ends: the same record as of native async generators.

A stream that ends when a step of it is cancelled does all that a native generator does. One that
does not end then does what a native generator would if a cancelled step lost nothing: see `Keeps`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import native
from conftest import CHANNELS, Open, streams, turns, wait_until
from soak import Often

Record = list[tuple[str, Any]]
COMMANDS = ["send", "send", "fail", "finish", "next", "next", "next", "cancel", "time out", "close"]
SCRIPTS = st.lists(st.sampled_from(COMMANDS), max_size=30)


class Keeps:
    """A native generator whose step goes on when its Task is cancelled: the next takes the item."""

    def __init__(self, generator: AsyncGenerator[Any, None]) -> None:
        self.generator = generator
        self.step: asyncio.Future[Any] | None = None
        self.is_running = self.is_closed = False

    async def __anext__(self) -> Any:
        if self.is_running:
            raise RuntimeError("anext(): asynchronous generator is already running")
        self.is_running = True
        try:
            if self.step is None:
                self.step = asyncio.ensure_future(anext(self.generator))
                self.step.add_done_callback(lambda step: step.cancelled() or step.exception())
            return await asyncio.shield(self.step)
        except asyncio.CancelledError:
            if self.is_closed:
                raise StopAsyncIteration from None
            raise
        finally:
            self.is_running = False
            if self.step and self.step.done():
                self.step = None

    async def aclose(self) -> None:
        self.is_closed = True
        if self.step:
            self.step.cancel()
            await asyncio.wait([self.step])
        await self.generator.aclose()


class Player:
    """Plays a script, and records what comes of it.

    It knows when a step can end, and waits for that: so no record depends on who is quicker.
    """

    def __init__(self, opened: tuple[Any, Any], ends_when_cancelled: bool) -> None:
        self.sender, self.stream = opened
        self.ends_when_cancelled = ends_when_cancelled
        self.record: Record = []
        self.step: asyncio.Task[Any] | None = None
        self.sent, self.waiting = 0, 0
        self.is_finished = self.is_over = False

    async def play(self, script: list[str]) -> Record:
        for command in script:
            await getattr(self, command.replace(" ", "_"))()
        await self.cancel()
        with contextlib.suppress(BrokenPipeError):
            self.sender.close()
        return self.record

    async def send(self) -> None:
        await self.put(self.sender.send, self.sent)
        self.sent += 1

    async def fail(self) -> None:
        self.is_finished = True
        await self.put(self.sender.fail, f"failed after {self.sent}")

    async def finish(self) -> None:
        self.is_finished = True
        await self.put(self.sender.close)

    async def put(self, put: Callable[..., None], *arguments: Any) -> None:
        self.waiting += 1
        with contextlib.suppress(BrokenPipeError):  # nobody receives it
            put(*arguments)
        if self.step:
            await self.ended()

    async def next(self) -> None:
        if self.step:
            await self.take(anext(self.stream))  # it is refused
            return
        can_end = self.waiting or self.is_over
        self.step = asyncio.create_task(self.take(anext(self.stream)))
        if can_end:
            await self.ended()
        else:
            await turns(5)
            self.record.append(("waits", None))

    async def ended(self) -> None:
        assert self.step
        step, self.step = self.step, None
        await step

    async def take(self, step: Any) -> None:
        """Await a step, and record what it brings."""
        try:
            self.record.append(("item", await step))
            self.waiting -= 1
        except StopAsyncIteration:
            self.record.append(("end", None))
            self.is_over = True
        except ValueError as error:
            self.record.append(("error", str(error)))
            self.is_over = True
        except RuntimeError as error:
            self.record.append(("refused", str(error)))

    async def cancel(self) -> None:
        if self.step:
            self.step.cancel()
            with pytest.raises(asyncio.CancelledError):
                await self.ended()
            self.cancelled("cancelled")

    async def time_out(self) -> None:
        if self.step or self.waiting or self.is_over:
            return  # it would be in time
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(self.stream)
        self.cancelled("timed out")

    def cancelled(self, verb: str) -> None:
        self.record.append((verb, None))
        self.is_over |= self.ends_when_cancelled

    async def close(self) -> None:
        """A native generator refuses that while a step waits: then the step is cancelled first."""
        if self.ends_when_cancelled:
            await self.cancel()
        self.is_over = True
        await self.stream.aclose()
        if self.step:
            await self.ended()
        self.record.append(("closed", None))


def played(script: list[str], open_channel: Open, ends_when_cancelled: bool) -> Record:
    async def main() -> Record:
        return await Player(open_channel(), ends_when_cancelled).play(script)

    return asyncio.run(main())


def native_that_keeps() -> tuple[Any, Any]:
    sender, generator = native.channel()
    return sender, Keeps(generator)


def compare(often: Often, expected: Callable[[list[str]], Record], **others: Any) -> None:
    @settings(
        max_examples=often(150, 10_000),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(SCRIPTS)
    def same(script: list[str]) -> None:
        record = expected(script)
        for name, other in others.items():
            assert other(script) == record, name
        wait_until(lambda: streams() == 0)

    same()


def test_one_that_ends_when_cancelled_does_what_a_native_generator_does(often: Often) -> None:
    compare(
        often,
        lambda script: played(script, native.channel, True),
        **{
            name: lambda script, opened=opened: played(
                script, lambda: opened(ends_when_cancelled=True), True
            )
            for name, opened in CHANNELS.items()
        },
    )


def test_one_that_does_not_keeps_what_a_cancelled_step_would_have_brought(often: Often) -> None:
    compare(
        often,
        lambda script: played(script, native_that_keeps, False),
        **{
            name: lambda script, opened=opened: played(script, opened, False)
            for name, opened in CHANNELS.items()
        },
    )
