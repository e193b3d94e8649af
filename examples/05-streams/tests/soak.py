"""How often the tests try what can go wrong: a little, or `pytest --soak` for the long session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Often = Callable[[int, int], int]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="try what can go wrong much oftener")


@pytest.fixture
def often(request: pytest.FixtureRequest) -> Often:
    """Return the second number in the long session, else the first."""
    soak = request.config.getoption("--soak")
    return lambda usual, long: long if soak else usual
