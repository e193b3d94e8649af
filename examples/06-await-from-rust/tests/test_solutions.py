"""The solution to the README's exercise does what the exercise asks for, and so shall yours."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import await_from_rust
from conftest import Hook, Run, cancelled_when, turns

Hedge = Callable[[Callable[[], Any], float], Coroutine[Any, Any, Any]]


@pytest.fixture(params=["my_hedge", "hedge"])
def hedge(request: pytest.FixtureRequest) -> Hedge:
    """The function in `src/exercises.rs`, once it is written, and ours."""
    chosen: Hedge = getattr(await_from_rust, request.param)
    try:
        chosen(Hooks(), 0).close()
    except NotImplementedError as error:
        pytest.skip(str(error))
    return chosen


class Hooks:
    """A function that is called several times: each call is a hook of its own."""

    def __init__(self) -> None:
        self.hooks = [Hook(number) for number in range(3)]
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        return self.hooks[self.calls - 1]()


def test_the_second_may_be_the_first_that_ends(hedge: Hedge, run_anywhere: Run) -> None:
    async def main() -> Any:
        hooks = Hooks()
        hooks.hooks[1].go.set()
        return await hedge(hooks, 0.001), hooks.hooks[0].ends, hooks.calls

    assert run_anywhere(main) == (1, 1, 2)


def test_and_so_may_the_first(hedge: Hedge, run_anywhere: Run) -> None:
    async def main() -> Any:
        hooks = Hooks()

        async def function() -> Any:
            if hooks.calls == 1:
                hooks.hooks[0].go.set()  # now that the second begins
            return await hooks()

        return await hedge(function, 0.001), hooks.hooks[1].ends, hooks.calls

    assert run_anywhere(main) == (0, 1, 2)


def test_what_is_quick_is_called_once(hedge: Hedge, run_anywhere: Run) -> None:
    async def main() -> Any:
        hooks = Hooks()
        hooks.hooks[0].go.set()
        return await hedge(hooks, 1_000), hooks.calls

    assert run_anywhere(main) == (0, 1)


def test_an_error_is_an_end(hedge: Hedge, run_anywhere: Run) -> None:
    async def fails() -> None:
        await turns(1)
        raise ValueError("no")

    async def main() -> None:
        await hedge(fails, 1_000)

    with pytest.raises(ValueError, match="no"):
        run_anywhere(main)


def test_both_are_cancelled_when_the_await_is(hedge: Hedge, run_anywhere: Run) -> None:
    async def main() -> Any:
        hooks = Hooks()
        await cancelled_when(hooks.hooks[1].begun, lambda: hedge(hooks, 0.001))
        return [hook.ends for hook in hooks.hooks]

    assert run_anywhere(main) == [1, 1, 0]
