"""Each test that asks for `book` runs over the native coroutines, the Rust class, and the twin
while there is one.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest
from hypothesis import settings

from soak import often as often
from soak import pytest_addoption as pytest_addoption

TWIN = [pytest.param("in_python", id="twin")] if find_spec("in_python") else []


def pytest_configure(config: pytest.Config) -> None:
    scripts = 100_000 if config.getoption("--soak") else 1_500
    settings.register_profile("scripts", max_examples=scripts, deadline=None)
    settings.load_profile("scripts")


@pytest.fixture(params=["native", *TWIN, pytest.param("coroutine_class", id="rust")])
def book(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)
