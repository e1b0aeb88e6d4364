"""p-values of groups and pairs, changes and survival rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.audit.comparison import (
    check_mean_change,
    check_paired,
    check_rank_test,
    check_survival,
    check_two_means,
    check_u_statistic,
)
from recohort.audit.finding import FindingVerdict
from recohort.printed import RoundingRule, round_text

IMPOSSIBLE = FindingVerdict.IMPOSSIBLE


def test_students_sleep_data() -> None:
    """R: t.test(extra ~ group, sleep): p = 0.07939; means 0.75 and 2.33, SDs 1.79 and 2.00.

    The Welch p-value of Student's data passes; ten times as small does not.
    """
    groups = (10, "0.75", "1.79", 10, "2.33", "2.00")
    assert check_two_means(*groups, "0.079", test_is_t=True) == ()
    assert check_two_means(*groups, "0.0079", test_is_t=True)[0].verdict is IMPOSSIBLE
    assert (
        check_two_means(*groups, "0.0079")[0].verdict is FindingVerdict.UNDETERMINED
    )  # the test is not stated


def test_paired_p_over_all_correlations() -> None:
    """R: t.test(extra ~ group, sleep, paired = TRUE): p = 0.002833."""
    pairs = (10, "0.75", "1.79", "2.33", "2.00")
    assert check_paired(*pairs, "0.003", test_is_t=True) == ()
    # SDs of 0.5 and 2.5 differ by 2, so the differences vary by at least that.
    spread = (12, "5.0", "0.50", "9.0", "2.5")
    assert check_paired(*spread, "<0.0000001", test_is_t=True)[0].verdict is IMPOSSIBLE
    assert check_paired(*spread, "0.4", test_is_t=True)[0].verdict is IMPOSSIBLE
    loose = check_paired(*spread, "0.4", n_low=11, test_is_t=True)
    assert loose[0].verdict is FindingVerdict.UNDETERMINED


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.tuples(st.integers(3, 60), st.integers(3, 60)),
    ddof=st.integers(0, 1),
    equal=st.booleans(),
    rule=st.sampled_from(RoundingRule),
    decimals=st.integers(0, 2),
)
def test_real_t_tests_are_never_flagged(
    seed: int, sizes: tuple[int, int], ddof: int, equal: bool, rule: RoundingRule, decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(5, 2, sizes[0]), rng.normal(rng.uniform(4, 8), rng.uniform(1, 4), sizes[1])
    texts = [
        (len(x), round_text(float(x.mean()), decimals, rule),
         round_text(float(x.std(ddof=ddof)), decimals, rule))
        for x in (a, b)
    ]  # fmt: skip
    p = round_text(float(stats.ttest_ind(a, b, equal_var=equal).pvalue), 3, rule)
    assert check_two_means(*texts[0], *texts[1], p, test_is_t=True) == ()


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(3, 80),
    ddof=st.integers(0, 1),
    rule=st.sampled_from(RoundingRule),
    decimals=st.integers(0, 2),
)
def test_real_paired_tests_are_never_flagged(
    seed: int, n: int, ddof: int, rule: RoundingRule, decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    person = rng.normal(0, 2, n)
    a, b = 5 + person + rng.normal(0, 1, n), rng.uniform(3, 6) + person + rng.normal(0, 1, n)
    m1, s1, m2, s2 = [
        t for x in (a, b)
        for t in (round_text(float(x.mean()), decimals, rule),
                  round_text(float(x.std(ddof=ddof)), decimals, rule))
    ]  # fmt: skip
    p = round_text(float(stats.ttest_rel(a, b).pvalue), 4, rule)
    assert check_paired(n, m1, s1, m2, s2, p, test_is_t=True) == ()


def test_the_smallest_p_of_rank_tests() -> None:
    # Complete separation of 3 and 3: 2 of 20 orders, p = 0.10 exactly; 0.0495 by the normal.
    assert check_rank_test(3, 3, "0.05") == ()
    assert check_rank_test(3, 3, "<0.001")[0].verdict is IMPOSSIBLE
    assert check_rank_test(11, 38, "<.001") == ()
    assert check_rank_test(4, None, "<0.001")[0].verdict is IMPOSSIBLE
    assert check_rank_test(40, None, "<0.001") == ()


@given(n1=st.integers(1, 8), n2=st.integers(1, 8))
def test_no_separated_sample_has_a_smaller_p(n1: int, n2: int) -> None:
    first, second = np.arange(n1) + 100.0, np.arange(n2) * 1.0
    for method in ("exact", "asymptotic"):
        p = stats.mannwhitneyu(first, second, method=method, use_continuity=False).pvalue
        assert check_rank_test(n1, n2, repr(float(p))) == ()


def test_u_is_at_most_the_number_of_pairs() -> None:
    assert check_u_statistic(5, 6, "30") == ()
    assert check_u_statistic(5, 6, "34")[0].verdict is IMPOSSIBLE


def test_mean_changes_are_exact_only_in_the_same_people() -> None:
    assert check_mean_change("5.2", "4.1", "1.2", same_participants=True) == ()
    assert check_mean_change("5.2", "4.1", "-1.1", same_participants=True) == ()
    same = check_mean_change("5.2", "4.1", "1.4", same_participants=True)
    assert same[0].verdict is IMPOSSIBLE
    other = check_mean_change("5.2", "4.1", "1.4", same_participants=False)
    assert other[0].verdict is FindingVerdict.UNDETERMINED


def test_survival_cannot_exceed_the_share_without_the_event() -> None:
    assert check_survival(100, 12, "88") == ()
    assert check_survival(100, 12, "75.2") == ()  # censoring before events lowers the estimate
    assert check_survival(100, 12, "91")[0].verdict is IMPOSSIBLE
    with pytest.raises(ValueError, match="events"):
        check_survival(10, 12, "91")
