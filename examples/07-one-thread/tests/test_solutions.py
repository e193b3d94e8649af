"""The solution to the README's exercise does what that asks for, and so shall yours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import one_thread

PingPong = Callable[[int], Coroutine[Any, Any, list[str]]]


@pytest.fixture(params=["my_ping_pong", "ping_pong"])
def ping_pong(request: pytest.FixtureRequest) -> PingPong:
    """The function in `src/exercises.rs`, once it is written, and ours."""
    chosen: Any = getattr(one_thread, request.param)

    def ping_pong(times: int) -> Coroutine[Any, Any, list[str]]:
        try:
            made: Coroutine[Any, Any, list[str]] = chosen(times)
        except NotImplementedError as error:
            pytest.skip(str(error))
        return made

    return ping_pong


def test_they_take_turns(ping_pong: PingPong) -> None:
    assert one_thread.run(ping_pong(3)) == ["ping", "pong"] * 3
    assert one_thread.run(ping_pong(0)) == []


def test_each_has_a_list_of_its_own(ping_pong: PingPong) -> None:
    async def main() -> list[list[str]]:
        return await asyncio.gather(*(ping_pong(100) for _ in range(10)))

    assert one_thread.run(main()) == [["ping", "pong"] * 100] * 10


def test_on_another_loop_it_says_that_it_cannot(ping_pong: PingPong) -> None:
    with pytest.raises(RuntimeError, match="a local future needs an event loop"):
        asyncio.run(ping_pong(1))
