"""Who is cancelled when, and who waits for whom. See `test_protocol.py` for the orders of it."""

from __future__ import annotations

import asyncio
from types import ModuleType

import pytest

import await_from_rust
import in_python
from await_from_rust import call
from conftest import LOOPS, Hook, Run, cancelled_when, runs_on, turns

Cancelled = asyncio.CancelledError


@pytest.fixture(params=[in_python, await_from_rust], ids=["twin", "rust"])
def bridged(request: pytest.FixtureRequest) -> ModuleType:
    """Without the native version, which has no Task of its own for what it awaits."""
    module: ModuleType = request.param
    return module


@pytest.fixture(params=LOOPS)
def run_asyncio(request: pytest.FixtureRequest) -> Run:
    return runs_on(request.param)


class Stubborn:
    """Awaits while it is being cancelled, and may not go on as it was asked."""

    def __init__(self, swallows: bool = False) -> None:
        self.swallows, self.begun, self.cancelled = swallows, asyncio.Event(), asyncio.Event()
        self.go, self.ends = asyncio.Event(), 0

    async def __call__(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except Cancelled:
            self.cancelled.set()
            await self.go.wait()
            if not self.swallows:
                raise
        finally:
            self.ends += 1
        return "swallowed"


def test_the_await_does_not_raise_before_the_function_has_ended(
    bridged: ModuleType, run_asyncio: Run
) -> None:
    async def main() -> None:
        hook = Stubborn()
        task = asyncio.ensure_future(bridged.call(hook))
        await hook.begun.wait()
        task.cancel()
        await hook.cancelled.wait()
        await turns(20)
        assert not task.done()
        hook.go.set()
        await asyncio.wait([task])
        assert (task.cancelled(), hook.ends) == (True, 1)

    run_asyncio(main)


def test_nor_when_it_is_cancelled_once_more(bridged: ModuleType, run_asyncio: Run) -> None:
    async def main() -> None:
        hook = Stubborn()
        task = asyncio.ensure_future(bridged.call(hook))
        await hook.begun.wait()
        task.cancel()
        await hook.cancelled.wait()
        task.cancel()
        await turns(20)
        assert task.done() <= bool(hook.ends)
        hook.go.set()
        await asyncio.wait([task])
        assert (task.cancelled(), hook.ends) == (True, 1)

    run_asyncio(main)


def test_a_task_of_its_own_cannot_swallow_the_cancellation_of_another(
    bridged: ModuleType, run_asyncio: Run
) -> None:
    """As in a `TaskGroup`: what a child does with its cancellation is its own affair."""

    async def main() -> int:
        hook = Stubborn(swallows=True)
        hook.go.set()
        await cancelled_when(hook.begun, lambda: bridged.call(hook))
        return hook.ends

    assert run_asyncio(main) == 1


def test_a_coroutine_that_is_closed_cannot_wait_but_cancels(run_asyncio: Run) -> None:
    async def main() -> int:
        hook = Hook()
        coroutine = call(hook)
        coroutine.send(None)
        await hook.begun.wait()
        coroutine.close()
        while not hook.ends:
            await turns(1)
        return hook.ends

    assert run_asyncio(main) == 1


def test_a_function_that_has_not_begun_never_begins(bridged: ModuleType, run_asyncio: Run) -> None:
    """And leaves no coroutine that was never awaited."""

    async def main() -> None:
        for rest in range(10):
            begun: list[bool] = []

            async def function(begun: list[bool] = begun) -> None:
                begun.append(True)
                await turns(1_000_000)

            task = asyncio.ensure_future(bridged.call(function))
            await turns(rest)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            before = len(begun)
            await turns(20)
            assert len(begun) == before

    run_asyncio(main)
