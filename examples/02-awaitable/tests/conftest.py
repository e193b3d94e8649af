"""Each test that asks for `book` runs twice: over the twin, and over the Rust extension."""

from __future__ import annotations

from types import ModuleType

import pytest

import awaitable
import in_python


@pytest.fixture(params=[in_python, awaitable], ids=["twin", "rust"])
def book(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module
