"""The collector looks through what tests make, and not each time through all that is imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def the_collector_is_quick() -> Iterator[None]:
    """In the end it sees all again: Hypothesis asks it there who holds an object."""
    gc.freeze()
    yield
    gc.unfreeze()
