"""After `os.fork()` the child can have Python called, and the parent goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable

import pytest

from await_from_rust import call, call_all, live_futures
from conftest import Hook, turns
from soak import Often

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # From 3.12 Python says that threads and forks do not go together. That is the point here.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


def in_child(function: Callable[[], object]) -> int:
    """Return the exit code of a child that runs this, and then nothing else."""
    child = os.fork()
    if not child:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def quick() -> int:
    await asyncio.sleep(0)
    return 1


async def many() -> None:
    assert live_futures() == 0  # those of the parent are not here
    assert await asyncio.gather(*(call(quick) for _ in range(100))) == [1] * 100
    assert await call_all([quick] * 100) == [1] * 100


def test_the_child_can_call_and_so_can_the_parent() -> None:
    asyncio.run(many())
    assert in_child(lambda: asyncio.run(many())) == 0
    asyncio.run(many())


def test_from_inside_a_loop_with_calls_out() -> None:
    async def main() -> None:
        hooks = [Hook(number) for number in range(20)]
        tasks = [asyncio.create_task(call(hook)) for hook in hooks]
        await asyncio.gather(*(hook.begun.wait() for hook in hooks))

        def child() -> None:
            asyncio.run(many())
            tasks.clear()  # what belongs to the parent is forgotten, and not dropped
            gc.collect()

        assert in_child(child) == 0
        for hook in hooks:
            hook.go.set()
        assert await asyncio.gather(*tasks) == list(range(20))

    asyncio.run(main())


def test_from_inside_a_function_that_rust_has_called() -> None:
    async def forks() -> int:
        await asyncio.sleep(0)
        return in_child(lambda: asyncio.run(many()))

    # To the child, the loop of its parent is no running loop any more.
    assert asyncio.run(call(forks)) == 0
    asyncio.run(many())


def test_forks_while_calls_come_and_go(often: Often) -> None:
    """No child hangs on a lock that was copied taken."""
    ended = threading.Event()

    async def busy() -> None:
        while not ended.is_set():
            await asyncio.gather(*(call(quick) for _ in range(100)))
            await asyncio.gather(
                *(asyncio.wait_for(call(Hook()), 0.0001) for _ in range(10)), return_exceptions=True
            )

    def awaits() -> None:
        asyncio.run(call(quick))

    thread = threading.Thread(target=asyncio.run, args=(busy(),))
    thread.start()
    try:
        for _ in range(often(30, 2_000)):
            assert in_child(awaits) == 0
    finally:
        ended.set()
        thread.join()


def test_what_the_parent_began_the_child_cannot_end() -> None:
    async def main() -> None:
        hook = Hook()
        coroutine = call(hook)
        coroutine.send(None)
        await hook.begun.wait()

        def child() -> None:
            with pytest.raises(RuntimeError, match="other side of a fork"):
                coroutine.send(None)

        assert in_child(child) == 0
        coroutine.close()
        while not hook.ends:
            await turns(1)

    asyncio.run(main())
