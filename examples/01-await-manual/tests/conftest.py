"""Each test that asks for `book` runs over the extension, and over the twin while there is one."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

TWIN = [pytest.param("in_python", id="twin")] if find_spec("in_python") else []


@pytest.fixture(params=[*TWIN, pytest.param("await_manual", id="rust")])
def book(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)
