"""Conditioned cohorts spread as exact sampling does: a small run of docs/studies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


@pytest.mark.parametrize(
    ("name", "cohorts"), [("one_margin", 200), ("overlap", 200), ("area", 200)]
)
def test_held_out_estimates_are_distributed_as_by_rejection_sampling(
    name: str, cohorts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(STUDIES))
    import conditioned_spread

    monkeypatch.setattr(conditioned_spread, "WANTED", 500)
    monkeypatch.setattr(conditioned_spread, "ALIKE", 40)
    rows, told = conditioned_spread.study_case(name, tmp_path, cohorts)
    sys.modules.pop("conditioned_spread")
    assert told[1] == cohorts
    for row in rows:
        _, sd_ratio, _, outside, alarms, distance, _ = map(float, row[5:])
        assert 0.85 < sd_ratio < 1.2, row
        assert outside < 0.10, row
        assert alarms < 0.04, row
        assert distance < 0.17, row
    apart, _, exact_apart, _ = map(float, told[4:])
    assert abs(apart - exact_apart) < 0.05
