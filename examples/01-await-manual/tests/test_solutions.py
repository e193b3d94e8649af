"""The solution to the README's second exercise does what it asks for, and so shall yours."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

import await_manual
from samples import Finishes, PressesCtrlC, ask, hello_after

DriveAll = Callable[..., list[Any]]


@pytest.fixture(params=["my_drive_all", "drive_all"])
def drive_all(request: pytest.FixtureRequest) -> DriveAll:
    """The function in `src/exercises.rs`, once it is written, and ours."""
    chosen: DriveAll = getattr(await_manual, request.param)
    try:
        chosen()
    except NotImplementedError as error:
        pytest.skip(str(error))
    return chosen


def test_the_awaitables_take_turns(drive_all: DriveAll) -> None:
    order = []

    async def says(name: str, turns: int) -> str:
        for turn in range(turns):
            order.append(f"{name}{turn}")
            await ask()
        return name

    assert drive_all(says("a", 2), says("b", 3), says("c", 1)) == ["a", "b", "c"]
    assert order == ["a0", "b0", "c0", "a1", "b1", "b2"]


def test_nothing_to_drive_is_soon_done(drive_all: DriveAll) -> None:
    assert drive_all() == []


def test_the_first_error_closes_the_others(drive_all: DriveAll) -> None:
    waiting = [Finishes(), Finishes()]

    async def fails() -> None:
        await ask()
        raise LookupError("nothing here")

    before, after = (one.asking_for(None) for one in waiting)
    with pytest.raises(LookupError, match="nothing here"):
        drive_all(before, fails(), after)
    assert all(one.finished for one in waiting)


def test_what_closing_raises_is_reported_and_hides_nothing(
    drive_all: DriveAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda hook: reported.append(hook.exc_value))

    async def stubborn() -> None:
        try:
            while True:
                await ask()
        finally:
            raise OSError("while closing")

    async def fails() -> None:
        await ask()
        raise LookupError("nothing here")

    with pytest.raises(LookupError) as caught:
        drive_all(stubborn(), fails())
    assert caught.value.__context__ is None
    assert [str(error) for error in reported] == ["while closing"]


def test_a_request_closes_all_of_them(drive_all: DriveAll) -> None:
    asking, waiting = Finishes(), Finishes()
    first, second = waiting.asking_for(None), asking.asking_for("water")
    with pytest.raises(RuntimeError, match="yielded: 'water'"):
        drive_all(first, second, hello_after(3))
    assert asking.finished
    assert waiting.finished


def test_ctrl_c_is_heard_before_the_next_step(drive_all: DriveAll) -> None:
    awaitable = PressesCtrlC()
    with pytest.raises(KeyboardInterrupt):
        drive_all(awaitable)
    assert operator.length_hint(awaitable.presses) == 99_999
