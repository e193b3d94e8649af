"""The three ways to the next step differ in cost, never in what they do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import await_manual
from samples import Steps, hello_after

WAYS = [
    await_manual.count_steps_by_name,
    await_manual.count_steps_by_interned_name,
    await_manual.count_steps_by_slot,
]


@pytest.mark.parametrize("count_steps", WAYS)
def test_each_way_takes_the_same_steps(count_steps: Callable[[Any], int]) -> None:
    assert count_steps(hello_after(9)) == 10
    assert count_steps(Steps(itertools.repeat(None, 9))) == 10


@pytest.mark.parametrize("count_steps", WAYS)
def test_each_way_lets_an_exception_through(count_steps: Callable[[Any], int]) -> None:
    with pytest.raises(ZeroDivisionError):
        count_steps(Steps(1 // step for step in (1, 0)))
