"""The exercises of the README, solved: see `src/solutions.rs`."""

from __future__ import annotations

import pytest

from await_manual import drive_all
from samples import Finishes, ask, hello_after


def test_the_awaitables_take_turns() -> None:
    order = []

    async def says(name: str, turns: int) -> str:
        for turn in range(turns):
            order.append(f"{name}{turn}")
            await ask()
        return name

    assert drive_all(says("a", 2), says("b", 3), says("c", 1)) == ["a", "b", "c"]
    assert order == ["a0", "b0", "c0", "a1", "b1", "b2"]


def test_nothing_to_drive_is_soon_done() -> None:
    assert drive_all() == []


def test_the_first_error_closes_the_others() -> None:
    waiting = [Finishes(), Finishes()]

    async def fails() -> None:
        await ask()
        raise LookupError("nothing here")

    before, after = (one.asking_for(None) for one in waiting)
    with pytest.raises(LookupError, match="nothing here"):
        drive_all(before, fails(), after)
    assert all(one.finished for one in waiting)


def test_what_closing_raises_is_reported_and_hides_nothing(
    monkeypatch: pytest.MonkeyPatch,
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


def test_a_request_closes_all_of_them() -> None:
    asking, waiting = Finishes(), Finishes()
    first, second = waiting.asking_for(None), asking.asking_for("water")
    with pytest.raises(RuntimeError, match="yielded: 'water'"):
        drive_all(first, second, hello_after(3))
    assert asking.finished
    assert waiting.finished
