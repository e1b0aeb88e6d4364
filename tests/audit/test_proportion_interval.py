"""Intervals of proportions: method, level and count."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.audit.certificate import check
from recohort.audit.finding import FindingVerdict
from recohort.audit.proportion_interval import (
    Candidate,
    check_proportion_interval,
    methods_that_print,
)
from recohort.estimators.proportion import ProportionInterval, proportion_interval
from recohort.printed import RoundingRule, round_text

M = ProportionInterval


@pytest.mark.parametrize(
    ("k", "n", "lower", "upper", "method"),
    [
        (81, 263, "0.2553", "0.3662", M.WILSON),
        (81, 263, "0.2527", "0.3676", M.CLOPPER_PEARSON),
        (81, 263, "0.2522", "0.3638", M.WALD),
        (15, 148, "0.0624", "0.1605", M.WILSON),
        (1, 29, "0.0061", "0.1718", M.WILSON),
    ],
)
def test_newcombe_1998_table_1(
    k: int, n: int, lower: str, upper: str, method: ProportionInterval
) -> None:
    """Newcombe, Stat Med 1998;17:857, table I."""
    assert (method, 0.95) in methods_that_print(k, n, lower, upper, scale=1)
    report = check_proportion_interval(k, n, lower, upper, scale=1)
    assert report.findings[0].verdict is FindingVerdict.POSSIBLE
    assert [d.value for d in report.determined] == ["lower", "upper"]


def test_an_interval_of_the_complement_is_found() -> None:
    # Exact 95% interval of 9/30 (17 to 49 as 14.7 to 49.4) in the row of 21/30.
    report = check_proportion_interval(21, 30, "14.7", "49.4")
    assert report.findings[0].verdict is FindingVerdict.IMPOSSIBLE
    assert "the complement, 9 of 30" in report.findings[0].reconcile[0]


def test_an_interval_of_another_row_is_found() -> None:
    other = proportion_interval(50, 80, M.WILSON)
    texts = [f"{100 * v:.1f}" for v in (other.low, other.high)]
    report = check_proportion_interval(
        7, 11, *texts, candidates=[Candidate(50, 80, "all scans")], sizes={80: "scans"}
    )
    finding = report.findings[0]
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert finding.certificate is not None
    assert check(finding.certificate)
    assert "all scans, 50 of 80" in finding.reconcile[0]


def test_another_level_and_cut_off_limits_are_recognised() -> None:
    ninety = proportion_interval(12, 40, M.WILSON, 0.90)
    texts = [f"{100 * v:.2f}" for v in (ninety.low, ninety.high)]
    found = check_proportion_interval(12, 40, *texts)
    assert found.findings[0].verdict is FindingVerdict.UNDETERMINED
    assert "90%" in found.findings[0].reconcile[0]
    cut = proportion_interval(12, 40, M.WILSON)
    texts = [round_text(100 * v, 3, RoundingRule.TRUNCATION) for v in (cut.low, cut.high)]
    note = check_proportion_interval(12, 40, *texts).findings[0]
    assert note.verdict is FindingVerdict.NOTE
    assert "cut off" in note.sentence


def test_a_wider_interval_of_clustered_units_is_a_note() -> None:
    assert (
        check_proportion_interval(12, 60, "8", "32", clustered=True).findings[0].verdict
        is FindingVerdict.NOTE
    )
    assert (
        check_proportion_interval(12, 60, "8", "32").findings[0].verdict
        is FindingVerdict.UNDETERMINED
    )


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(2, 300),
    share=st.floats(0, 1),
    method=st.sampled_from(ProportionInterval),
    decimals=st.integers(0, 2),
    rule=st.sampled_from(RoundingRule),
)
def test_no_method_and_no_rounding_is_called_impossible(
    n: int, share: float, method: ProportionInterval, decimals: int, rule: RoundingRule
) -> None:
    k = min(max(round(share * n), 1), n - 1)
    limits = proportion_interval(k, n, method)
    texts = [round_text(100 * v, decimals, rule) for v in (limits.low, limits.high)]
    finding = check_proportion_interval(k, n, *texts).findings[0]
    assert finding.verdict in (FindingVerdict.POSSIBLE, FindingVerdict.NOTE)


def test_bad_counts_are_refused() -> None:
    for k, n in ((5, 4), (-1, 4), (0, 0)):
        with pytest.raises(ValueError, match="k, n"):
            check_proportion_interval(k, n, "1", "2")
