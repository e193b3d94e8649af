"""The README's pictures are records of the Rust class. The others say and do the same."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import native
import pytest

import coroutine_class
import in_python
from listening import Message
from recording import Make, cancellation, changes, nested_await


@pytest.mark.parametrize("module", [in_python, coroutine_class], ids=["twin", "rust"])
@pytest.mark.parametrize("record", [nested_await, cancellation])
def test_all_say_the_same(record: Callable[[Make], list[Message]], module: ModuleType) -> None:
    assert record(module.delegate) == record(native.delegate)


def test_a_state_changes_as_that_of_a_native_one() -> None:
    assert changes(coroutine_class.delegate) == changes(native.delegate)
