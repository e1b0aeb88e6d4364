"""Counts and percentages: exact arithmetic under every rounding rule, against enumeration."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recohort.audit.certificate import check
from recohort.audit.finding import Check, FindingVerdict, UndeterminedReason
from recohort.audit.percentages import (
    Estimator,
    Pair,
    audit_denominators,
    audit_percentage,
    possible_counts,
    possible_pairs,
    printing_rules,
)
from recohort.printed import Printed, RoundingRule, round_text


@given(st.integers(1, 400), st.integers(0, 3), st.sampled_from(list(RoundingRule)), st.data())
def test_a_correct_percentage_is_never_impossible(
    n: int, decimals: int, rule: RoundingRule, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, n))
    text = round_text(100 * k / n, decimals, rule)
    assert audit_percentage(str(k), str(n), text).verdict is not FindingVerdict.IMPOSSIBLE
    assert audit_percentage(None, str(n), text).verdict is not FindingVerdict.IMPOSSIBLE
    plain = f"{100 * k / n:.{decimals}f}"
    assert audit_percentage(str(k), str(n), plain).verdict is FindingVerdict.POSSIBLE


@given(st.integers(1, 60), st.integers(0, 1000))
def test_counts_against_trying_all(n: int, tenths: int) -> None:
    percent = Printed.parse(f"{tenths / 10:.1f}")
    expected = [
        k for k in range(n + 1) if abs(Fraction(100 * k, n) - percent.value) <= Fraction(1, 20)
    ]
    assert list(possible_counts(n, percent)) == expected


def test_rules_that_print_one_eighth() -> None:
    # 12.5: half-up and ceiling print 13, half-even and truncation 12.
    up, down = RoundingRule.HALF_UP, RoundingRule.HALF_EVEN
    assert printing_rules(1, 8, Printed.parse("13")) == (up, RoundingRule.CEILING)
    assert printing_rules(1, 8, Printed.parse("12")) == (down, RoundingRule.TRUNCATION)
    for text in ("12", "13"):
        assert audit_percentage("1", "8", text).verdict is FindingVerdict.POSSIBLE


def test_an_impossible_percentage_has_a_certificate_and_mends() -> None:
    finding = audit_percentage(
        "23", "31", "82.1", denominators={"lesions": 28, "patients": 21}, values=("k", "p")
    )
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert finding.certificate is not None
    assert check(finding.certificate)
    assert finding.reconcile[0] == "The denominator is lesions (28)."
    assert finding.values == ("k", "p")


def test_a_value_that_only_truncation_prints_is_left_to_the_paper() -> None:
    finding = audit_percentage("2", "3", "66.6")
    assert finding.verdict is FindingVerdict.UNDETERMINED
    assert finding.reason is UndeterminedReason.CONVENTION_UNKNOWN
    assert finding.evidence["explained_by"] == ["truncation"]


@pytest.mark.parametrize("estimator", [e for e in Estimator if e is not Estimator.PROPORTION])
def test_other_estimators_are_never_impossible(estimator: Estimator) -> None:
    finding = audit_percentage("10", "91", "94.8", estimator=estimator)
    assert finding.verdict is not FindingVerdict.IMPOSSIBLE
    assert audit_percentage(None, "7", "94.8", estimator=estimator).verdict is not (
        FindingVerdict.IMPOSSIBLE
    )


@pytest.mark.parametrize(
    ("count", "n", "percent"),
    [("5", "4", "125"), ("5", "0", "50"), (None, "9", "104.2"), (None, None, "-3.0")],
)
def test_what_no_proportion_can_be(count: str | None, n: str | None, percent: str) -> None:
    finding = audit_percentage(count, n, percent)
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert finding.check is Check.BAD_VALUE


def test_no_count_of_n() -> None:
    finding = audit_percentage(None, "11", "50.0")
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert "5/11 = 45.454…%" in finding.sentence
    assert "6/11 = 54.545…%" in finding.sentence


def test_pairs_without_a_denominator() -> None:
    pairs = possible_pairs(Printed.parse("87.3"), 110)
    assert Pair(89, 102) in pairs
    assert pairs == tuple(
        Pair(k, n)
        for n in range(1, 111)
        for k in range(n + 1)
        if abs(Decimal(100 * k) / n - Decimal("87.3")) <= Decimal("0.05")
    )
    assert audit_percentage("23", None, "82.1", max_n=40).evidence["pairs"] == [[23, 28]]
    assert audit_percentage("3", None, "99.9", max_n=40).verdict is FindingVerdict.UNDETERMINED


def test_denominators_that_can_and_cannot() -> None:
    paper = {"patients": 91, "vertebrae": 140}
    finding = audit_denominators("1.1", paper, count="1")
    assert finding.verdict is FindingVerdict.NOTE
    assert finding.evidence["fits"] == {"patients": [1]}
    assert finding.evidence["fails"] == {"vertebrae": 140}
    assert audit_denominators("55.555", paper).verdict is FindingVerdict.UNDETERMINED


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(("1.5", "3", "50"), "count"), (("1", "x", "50"), "printed"), (("1", "3", "half"), "printed")],
)
def test_what_is_no_count_is_refused(arguments: tuple[str, str, str], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        audit_percentage(*arguments)
    with pytest.raises(ValueError, match="n: got 0"):
        possible_counts(0, Printed.parse("1"))
    with pytest.raises(ValueError, match="denominators"):
        audit_denominators("1", {"none": 0})
