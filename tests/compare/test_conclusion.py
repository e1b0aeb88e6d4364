"""Whether a conclusion changes: significance, the side of no effect, the sign."""

from __future__ import annotations

import pytest

from recohort.card.statistic import Statistic
from recohort.compare.conclusion import changes_conclusion, scale_of
from recohort.compare.interval import Scale
from recohort.printed import Printed


@pytest.mark.parametrize(
    ("kind", "statistic", "printed", "obtained", "expected"),
    [
        ("paired_test", "p_value", ".03", 0.04, "no"),
        ("paired_test", "p_value", ".03", 0.06, "yes"),
        ("paired_test", "p_value", ".08", 0.01, "yes"),
        ("paired_test", "p_value", "<.05", 0.05, "yes"),
        ("paired_test", "p_value", "<.001", 0.02, "no"),
        ("paired_test", "p_value", "<.001", 0.2, "yes"),
        ("paired_test", "p_value", ">.05", 0.2, "no"),
        ("paired_test", "p_value", ">.05", 0.02, "yes"),
        ("paired_test", "p_value", "<.10", 0.2, "yes"),  # the side of 0.05 was not printed
        ("paired_test", "p_value", "<.10", 0.07, "no"),
        ("paired_test", "p_value", ".05", 0.2, "no"),  # its rounding spans 0.05
        ("model_term", "odds_ratio", "1.50", 0.9, "yes"),
        ("model_term", "ci95_lower", "1.10", 0.98, "yes"),
        ("model_term", "ci95_lower", "1.10", 1.3, "no"),
        ("model_term", "ci95_upper", "0.95", 1.02, "yes"),
        ("auc", "ci95_lower", "0.55", 0.49, "yes"),
        ("auc", "auc", "0.80", 0.6, "no"),
        ("percent_change", "percent_change", "-12", 3.0, "yes"),
        ("diagnostic", "ci95_lower", "55", 40.0, ""),
        ("summary", "mean", "5.0", -1.0, ""),
        ("auc", "auc", "0.80", float("nan"), ""),
    ],
)
def test_changes_conclusion(
    kind: str, statistic: str, printed: str, obtained: float, expected: str
) -> None:
    found = changes_conclusion(kind, Statistic(statistic), Printed.parse(printed), obtained)
    assert found == expected


def test_scales() -> None:
    assert scale_of("model_term", Statistic.CI95_UPPER) is Scale.LOG
    assert scale_of("auc", Statistic.CI95_LOWER) is Scale.LOGIT
    assert scale_of("diagnostic", Statistic.CI95_LOWER) is Scale.PERCENT
    assert scale_of("paired_test", Statistic.P_VALUE) is Scale.LOGIT
    assert scale_of("linear_mixed", Statistic.CI95_LOWER) is Scale.PLAIN
