"""`FirstTry`: the value that everyone makes awaitable first, and the values that it harms."""

from __future__ import annotations

import pytest

from awaitable import FirstTry
from samples import run


@pytest.mark.parametrize(
    ("value", "harmed"), [((1, 2), 1), (((1, 2), 3), (1, 2)), ((), None), (StopIteration(3), 3)]
)
def test_the_first_try_harms_tuples_and_stop_iterations(value: object, harmed: object) -> None:
    assert run(FirstTry(value)) == harmed


@pytest.mark.parametrize("value", [None, 5, [1, 2], ValueError("as a value")], ids=repr)
def test_the_first_try_looks_right_with_anything_else(value: object) -> None:
    assert run(FirstTry(value)) is value
