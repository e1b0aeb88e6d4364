"""Ratios with limits and p-values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.audit.finding import FindingVerdict
from recohort.audit.ratio import check_ratio, wald_p
from recohort.audit.ratio_box import ratio_reach
from recohort.audit.two_by_two import (
    check_crude_ratio,
    check_events_per_variable,
    check_standard_error,
)
from recohort.printed import ACCEPTED_RULES, Printed, RoundingRule, round_text

Z = 1.959963984540054


def test_altman_and_bland_2011_p_from_a_ratio_and_its_interval() -> None:
    """BMJ 2011;343:d2304: 0.81 (0.70 to 0.94) gives P = 0.005."""
    found = wald_p("0.81", "0.70", "0.94")
    assert found is not None
    assert found.low < 0.005 < found.high
    report = check_ratio("0.81", "0.70", "0.94", "0.005")
    assert [f.verdict for f in report.findings] == [FindingVerdict.POSSIBLE]


def test_a_p_value_inside_the_box_passes_though_the_point_estimate_is_off() -> None:
    # At the printed points p is .041; over the box it reaches .0450 to .0470.
    report = check_ratio("0.32", "0.11", "0.98", ".046")
    point = 2 * math.log(1 / 0.32) * Z / math.log(0.98 / 0.11)
    assert not Printed.parse(".046").accepts(math.erfc(point / math.sqrt(2)))
    assert report.findings[0].verdict is FindingVerdict.POSSIBLE
    assert report.wald is not None
    assert report.wald.low == pytest.approx(0.04495, abs=1e-5)
    assert report.wald.high == pytest.approx(0.04699, abs=1e-5)


def test_the_p_value_that_the_box_fixes_is_determined() -> None:
    report = check_ratio("5.02", "1.74", "14.53", ".003", ids={"p": "volume.p_value"})
    assert [d.value for d in report.determined] == ["volume.p_value"]
    assert not check_ratio("0.32", "0.11", "0.98", ".046").determined


def test_a_small_misfit_is_a_note_that_names_other_tests() -> None:
    report = check_ratio("3.78", "1.19", "12.04", ".03")
    assert report.findings[0].verdict is FindingVerdict.NOTE
    assert any("t distribution" in text for text in report.conventions)
    assert "likelihood-ratio" in report.findings[0].reconcile[0]


def test_a_misfit_that_flips_significance_says_so() -> None:
    finding = check_ratio("2.00", "1.50", "2.67", "0.40").findings[0]
    assert finding.verdict is FindingVerdict.UNDETERMINED
    assert finding.changes_conclusion is True
    assert "one of them says significant" in finding.sentence


def test_one_sided_and_other_levels_are_recognised() -> None:
    b, se = math.log(1.8), 0.33
    texts = [round_text(math.exp(b + s * Z * se), 3) for s in (0, -1, 1)]
    half = f"{math.erfc(b / se / math.sqrt(2)) / 2:.4f}"
    assert any(
        "one-sided" in text for text in check_ratio(texts[0], texts[1], texts[2], half).conventions
    )
    ninety = [round_text(math.exp(b + s * 1.6448536 * se), 3) for s in (0, -1, 1)]
    p = f"{math.erfc(b / se / math.sqrt(2)):.4f}"
    assert any(
        "90%" in text for text in check_ratio(ninety[0], ninety[1], ninety[2], p).conventions
    )


def test_lopsided_limits_are_a_note_where_mild_and_open_where_not() -> None:
    mild = check_ratio("2.10", "1.10", "3.60").findings[0]
    assert mild.verdict is FindingVerdict.NOTE
    wild = check_ratio("4.10", "1.10", "4.60").findings[0]
    assert wild.verdict is FindingVerdict.UNDETERMINED
    assert any("the ratio is 2.2" in text for text in wild.reconcile)


@given(b=st.floats(-9, 2), se=st.floats(0.05, 4), decimals=st.integers(1, 3))
def test_true_wald_values_lie_in_the_reach(b: float, se: float, decimals: int) -> None:
    texts = [round_text(math.exp(b + s * Z * se), decimals) for s in (0, -1, 1)]
    numbers = [Printed.parse(text) for text in texts]
    reach = ratio_reach(numbers[0], numbers[1], numbers[2])
    assert reach is not None
    assert reach.b[0] - 1e-9 <= b <= reach.b[1] + 1e-9
    assert reach.h[0] - 1e-9 <= Z * se <= reach.h[1] + 1e-9
    found = wald_p(texts[0], texts[1], texts[2])
    assert found is not None
    p = math.erfc(abs(b) / se / math.sqrt(2))
    assert found.low * (1 - 1e-6) - 1e-12 <= p <= found.high * (1 + 1e-6) + 1e-12


@given(
    b=st.floats(-9, 2),
    se=st.floats(0.1, 4),
    decimals=st.integers(1, 3),
    rule=st.sampled_from(ACCEPTED_RULES),
)
def test_wald_papers_are_never_in_conflict(
    b: float, se: float, decimals: int, rule: RoundingRule
) -> None:
    texts = [round_text(math.exp(b + s * Z * se), decimals, rule) for s in (0, -1, 1)]
    p = round_text(math.erfc(abs(b) / se / math.sqrt(2)), 3, rule)
    assert not any(f.is_conflict for f in check_ratio(texts[0], texts[1], texts[2], p).findings)


def test_a_limit_printed_as_zero_is_read_as_small() -> None:
    assert check_ratio("0.04", "0.00", "0.9", "0.3").findings
    assert check_ratio("0.0", "0.00", "0.9", "0.3").findings


def test_a_ratio_printed_as_zero_may_be_as_small_as_one_likes() -> None:
    # exp(-9) with a standard error of 4.06: the limits are 4e-8 and 0.35, and p is .027. The
    # smaller the ratio, the wider its interval on the log scale; b/h nears -1, and p .05.
    reach = ratio_reach(*map(Printed.parse, ("0.00", "0.00", "0.35")))
    assert reach is not None
    assert reach.b[0] == -math.inf
    assert reach.h[1] == math.inf
    assert reach.b_over_h[1] == -1.0
    for p, verdict in (("0.027", FindingVerdict.POSSIBLE), ("0.2", FindingVerdict.UNDETERMINED)):
        assert [f.verdict for f in check_ratio("0.00", "0.00", "0.35", p).findings] == [verdict]


def test_a_ratio_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="ratio"):
        check_ratio("-1.2", "0.3", "4.0")


def test_a_crude_ratio_with_a_table_and_one_without() -> None:
    # 5 of 20 against 2 of 20: (5·18)/(15·2) = 3.
    assert check_crude_ratio("3.00", 20, 20, 7)[0].verdict is FindingVerdict.POSSIBLE
    assert check_crude_ratio("2.50", 20, 20, 7, measure="risk")[0].evidence["tables"] == [5]
    found = check_crude_ratio("2.45", 20, 20, 7)[0]
    assert found.verdict is FindingVerdict.IMPOSSIBLE
    assert found.certificate is not None
    with pytest.raises(ValueError, match="measure"):
        check_crude_ratio("3.00", 20, 20, 7, measure="hazard")
    with pytest.raises(ValueError, match="events"):
        check_crude_ratio("3.00", 20, 20, 70)


def test_the_conditional_ratio_of_fishers_test_counts_as_a_table() -> None:
    """R: fisher.test(matrix(c(5,15,2,18),2))$estimate is 2.924."""
    assert check_crude_ratio("2.92", 20, 20, 7)[0].verdict is not FindingVerdict.IMPOSSIBLE


def test_the_floor_of_the_standard_error() -> None:
    # 10 of 100: no binary predictor has SE below sqrt(4/10 + 4/90) = 0.667.
    narrow = check_standard_error("2.0", "1.5", "2.7", 100, 10)
    assert narrow[0].evidence["smallest_se_possible"] == pytest.approx(0.667, abs=5e-4)
    assert check_standard_error("2.0", "0.5", "8.0", 100, 10) == ()


def test_events_per_variable() -> None:
    assert check_events_per_variable(13, 3)[0].verdict is FindingVerdict.NOTE
    assert check_events_per_variable(40, 3) == ()


@settings(max_examples=150, deadline=None)
@given(
    n1=st.integers(2, 40),
    n0=st.integers(2, 40),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    decimals=st.integers(1, 3),
    rule=st.sampled_from(RoundingRule),
    half=st.booleans(),
)
def test_a_real_table_is_never_impossible(
    n1: int, n0: int, shares: tuple[float, float], decimals: int, rule: RoundingRule, half: bool
) -> None:
    a, c = round(shares[0] * n1), round(shares[1] * n0)
    add = 0.5 if half else 0.0
    below = (n1 - a + add) * (c + add)
    if below == 0:
        return
    text = round_text((a + add) * (n0 - c + add) / below, decimals, rule)
    for finding in check_crude_ratio(text, n1, n0, a + c):
        assert finding.verdict is not FindingVerdict.IMPOSSIBLE
