import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.estimators.two_sample_t import (
    GroupSummary,
    TwoSampleVariance,
    two_sample_t,
    two_sample_t_batch,
    two_sample_t_from_summary,
)

A = [12.1, 9.8, 14.2, 11.0, 8.7, 13.3, 10.4, 9.9]
B = [10.2, 9.1, 12.8, 11.4, 7.0, 11.9, 10.9, 8.2]
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_student_1908_sleep_as_two_groups():
    ours = two_sample_t(SLEEP_1, SLEEP_2).test
    assert (round(ours.statistic, 4), round(ours.df, 3), round(ours.p_value, 5)) == (
        -1.8608,
        17.776,
        0.07939,
    )


@pytest.mark.parametrize(
    ("variance", "df", "p", "low", "high"),
    [
        # R 4.2.2: t.test(a, b); t.test(a, b, var.equal = TRUE)
        ("welch", 13.9740382843729, 0.322089387287632, -1.07612229656008, 3.05112229656008),
        ("student", 14, 0.322057652835149, -1.07576261801577, 3.05076261801577),
    ],
)
def test_agrees_with_r_t_test(variance, df, p, low, high):
    ours = two_sample_t(A, B, TwoSampleVariance(variance))
    assert ours.test.statistic == pytest.approx(1.02651830931522, rel=1e-12)
    assert (ours.test.df, ours.test.p_value) == pytest.approx((df, p), rel=1e-12)
    assert ours.difference.interval.low == pytest.approx(low, rel=1e-12)
    assert ours.difference.interval.high == pytest.approx(high, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-9, 9), min_size=2, max_size=15),
    st.lists(st.integers(-9, 9), min_size=2, max_size=15),
    st.sampled_from(list(TwoSampleVariance)),
)
def test_batch_and_summary_agree_with_scipy(x, y, variance):
    one, many = two_sample_t(x, y, variance), two_sample_t_batch([x, x], [y, y], variance)
    if np.ptp(x) == 0 and np.ptp(y) == 0:
        assert one.test.p_value is None
        assert np.isnan(many.p_value).all()
        return
    reference = stats.ttest_ind(x, y, equal_var=variance is TwoSampleVariance.STUDENT)
    assert one.test.p_value == pytest.approx(reference.pvalue, abs=1e-14)
    np.testing.assert_allclose(many.p_value, reference.pvalue, atol=1e-14)
    printed = two_sample_t_from_summary(
        GroupSummary(len(x), np.mean(x), np.std(x, ddof=1)),
        GroupSummary(len(y), np.mean(y), np.std(y, ddof=1)),
        variance,
    )
    assert printed.test.p_value == pytest.approx(one.test.p_value)


def test_equal_values_have_no_spread_however_they_round():
    # The mean of ten times 0.1 is not 0.1 in binary: R stops with "data are essentially constant".
    ours = two_sample_t([0.1] * 10, [0.2] * 7)
    assert ours.test.p_value is None
    assert "no" in ours.test.note
    assert np.isnan(two_sample_t_batch([[0.1] * 10], [[0.2] * 7]).p_value).all()
