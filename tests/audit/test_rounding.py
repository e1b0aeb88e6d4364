"""One rounding rule for a paper."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recohort.audit.finding import FindingVerdict
from recohort.audit.rounding import Quotient, check_rounding, rules_that_fit
from recohort.printed import RoundingRule, round_text


def test_a_paper_that_rounds_to_the_nearest_is_silent() -> None:
    paper = [Quotient("66.7", 2, 3), Quotient("33.3", 1, 3), Quotient("12.5", 1, 8)]
    assert check_rounding(paper) == ()
    assert RoundingRule.HALF_UP in rules_that_fit(paper)


def test_a_paper_that_cuts_off_throughout_is_a_note() -> None:
    paper = [Quotient("66", 2, 3), Quotient("83", 5, 6), Quotient("28", 2, 7)]
    (finding,) = check_rounding(paper)
    assert finding.verdict is FindingVerdict.NOTE
    assert rules_that_fit(paper) == (RoundingRule.TRUNCATION,)


def test_the_one_value_that_breaks_the_rule_is_named_with_a_witness() -> None:
    paper = [
        Quotient("66", 2, 3, ids=("a.percent", "a.count")),
        Quotient("83.3", 5, 6, ids=("b.percent",)),
        Quotient("28.6", 2, 7, ids=("c.percent", "c.count")),
    ]
    (finding,) = check_rounding(paper)
    assert finding.verdict is FindingVerdict.IMPOSSIBLE
    assert finding.values == ("a.percent", "a.count", "c.percent", "c.count")
    assert "66 was cut off rather than rounded; it should read 67" in finding.reconcile[0]


def test_a_value_that_no_rule_prints_is_left_to_other_checks() -> None:
    assert check_rounding([Quotient("50", 2, 3), Quotient("67", 2, 3)]) == ()


def test_ties_go_either_way() -> None:
    assert check_rounding([Quotient("12", 1, 8), Quotient("38", 3, 8)]) == ()


@given(
    counts=st.lists(
        st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=1,
        max_size=12,
    ),
    decimals=st.integers(0, 2),
    rule=st.sampled_from(RoundingRule),
)
def test_no_paper_with_one_rule_is_impossible(
    counts: list[tuple[int, int]], decimals: int, rule: RoundingRule
) -> None:
    paper = [Quotient(round_text(100 * k / n, decimals, rule), k, n) for k, n in counts]
    assert all(f.verdict is FindingVerdict.NOTE for f in check_rounding(paper))
