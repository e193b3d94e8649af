"""The README's figures are those that were recorded, and anyone can record them again."""

from __future__ import annotations

import json
from pathlib import Path

import measure


def test_the_readme_shows_the_recorded_figures() -> None:
    readme = Path(measure.__file__).with_name("README.md").read_text("utf-8")
    table = measure.table(json.loads(measure.RECORD.read_text("utf-8")))
    assert readme.count(table) == 1


def test_anyone_can_measure_again() -> None:
    ratios = measure.measure(rounds=1)["ratios"]
    assert {case: list(kinds) for case, kinds in ratios.items()} == {
        case: list(kinds) for case, kinds in measure.CASES.items()
    }
    for kinds in ratios.values():
        assert set(next(iter(kinds.values())).values()) == {1.0}
