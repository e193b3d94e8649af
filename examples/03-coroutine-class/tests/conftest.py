"""Each test that asks for `book` runs over the native coroutines, the twin, and the Rust class."""

from __future__ import annotations

from types import ModuleType

import native
import pytest
from hypothesis import settings

import coroutine_class
import in_python
from soak import often as often
from soak import pytest_addoption as pytest_addoption


def pytest_configure(config: pytest.Config) -> None:
    scripts = 100_000 if config.getoption("--soak") else 1_500
    settings.register_profile("scripts", max_examples=scripts, deadline=None)
    settings.load_profile("scripts")


@pytest.fixture(params=[native, in_python, coroutine_class], ids=["native", "twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module
