"""Which assumptions a reported value rests on."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_on_paper import card_file

from recohort.card.statistic import Statistic
from recohort.compare.dependence import Dependence

MODEL = "sites novices wind_shape fitted_rows wind_coding"


@pytest.mark.parametrize(
    ("quantity", "statistic", "expected"),
    [
        ("flyers", "count", ""),
        ("crash", "percent", ""),
        ("risky", "percent", "novices"),  # through a derived column
        ("torn", "count", "kites"),  # through its own unit
        ("age", "mean", "age_shape"),
        # Two times: their correlation counts, and the limits that a crash sets.
        ("calm", "p_value", "wind_shape wind_correlation crash_times test"),
        ("drop", "percent_reduction_from_baseline", "wind_shape wind_correlation crash_times"),
        # A model's every part, and novices through an alternative of the fitted rows; not the
        # limits at a time that the model does not use.
        ("odds", "odds_ratio", MODEL),
        ("auc", "auc", MODEL),
        ("auc", "ci95_lower", f"{MODEL} auc_interval"),
    ],
)
def test_the_assumptions_of_a_value(
    tmp_path: Path, quantity: str, statistic: str, expected: str
) -> None:
    found = Dependence(card_file(tmp_path)).of(quantity, Statistic(statistic))
    assert " ".join(found) == expected
