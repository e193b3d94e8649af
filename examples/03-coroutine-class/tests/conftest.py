"""Each test that asks for `book` runs over the native coroutines, the twin, and the Rust class."""

from __future__ import annotations

from types import ModuleType

import native
import pytest
from hypothesis import settings

import coroutine_class
import in_python

settings.register_profile("default", max_examples=1_500, deadline=None)
settings.register_profile("soak", max_examples=100_000, deadline=None)


@pytest.fixture(params=[native, in_python, coroutine_class], ids=["native", "twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module
