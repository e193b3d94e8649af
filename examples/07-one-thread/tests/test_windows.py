"""Windows has no such loop. An error says so, and the functions run on asyncio's own one."""

from __future__ import annotations

import asyncio

import pytest

from one_thread import event_loop, run, sleep


async def main() -> str:
    return await sleep(0.001, "slept")


def test_the_error_says_which_loop_there_is() -> None:
    with pytest.raises(NotImplementedError, match=r"use asyncio\.new_event_loop\(\)"):
        event_loop()


def test_run_raises_the_same() -> None:
    coroutine = main()
    with pytest.raises(NotImplementedError, match=r"use asyncio\.new_event_loop\(\)"):
        run(coroutine)
    coroutine.close()


def test_asyncios_own_loop_runs_the_functions() -> None:
    assert asyncio.run(main()) == "slept"
