"""Futures that are not `Send`: made, polled and dropped on the thread of the loop."""

from __future__ import annotations

import asyncio
import threading

import pytest
import trio

from conftest import LOOPS, forget, in_child, turns, wait_until
from one_thread import count_in_turns, event_loop, live_futures, local_pending, run


def test_two_futures_share_what_no_other_thread_may_see() -> None:
    assert run(count_in_turns(1_000)) == 2_000


def test_on_another_loop_there_is_an_error_in_words() -> None:
    words = "a local future needs an event loop that polls it on its own thread"
    with pytest.raises(RuntimeError, match=words):
        asyncio.run(count_in_turns(1))
    with pytest.raises(RuntimeError, match=words):
        trio.run(count_in_turns, 1)
    with pytest.raises(RuntimeError, match="no running event loop"):
        count_in_turns(1).send(None)


def test_cancelled_it_is_gone_when_its_await_raises() -> None:
    async def main() -> None:
        task = asyncio.create_task(local_pending())
        await turns(3)
        assert live_futures() == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert live_futures() == 0

    run(main())


def test_a_loop_that_is_closed_drops_it() -> None:
    loop = event_loop()
    loop.create_task(local_pending())
    loop.run_until_complete(turns(3))
    assert live_futures() == 1
    forget(loop)
    loop.close()
    assert live_futures() == 0


def test_dropped_on_another_thread_it_goes_when_its_own_comes_by() -> None:
    async def main() -> None:
        coroutine = local_pending()
        coroutine.send(None)
        await turns(3)
        await asyncio.to_thread(coroutine.close)
        await turns(1)
        assert live_futures() == 0

    run(main())


def test_its_thread_ends_and_it_is_gone() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    def work() -> None:
        loop = event_loop()
        loop.create_task(local_pending())
        loop.run_until_complete(turns(3))
        loops.append(loop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    forget(loops[0])
    loops[0].close()
    wait_until(lambda: live_futures() == 0)


def test_a_loop_that_moves_to_another_thread_cannot_take_it_along() -> None:
    loop = event_loop()
    errors: list[str] = []

    async def waits() -> None:
        try:
            await count_in_turns(10)
        except RuntimeError as error:
            errors.append(str(error))

    task = loop.create_task(waits())
    loop.run_until_complete(turns(2))
    thread = threading.Thread(target=lambda: loop.run_until_complete(task))
    thread.start()
    thread.join()
    loop.run_until_complete(turns(1))
    loop.close()
    assert errors == ["a local future cannot go on on another thread than the one it was begun on"]


def test_a_forked_child_has_none_of_its_parents() -> None:
    async def main() -> int:
        task = asyncio.create_task(local_pending())
        await turns(3)
        status = in_child(lambda: run(count_in_turns(3)) + live_futures())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return status

    assert run(main()) == 6


@pytest.mark.parametrize("name", LOOPS)
def test_never_awaited_it_is_never_made(name: str) -> None:
    coroutine = local_pending()
    coroutine.close()
    assert live_futures() == 0
