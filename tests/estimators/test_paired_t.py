import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.estimators.paired_t import (
    paired_t,
    paired_t_batch,
    paired_t_from_summary,
    sd_of_differences,
)

A = [12.1, 9.8, 14.2, 11.0, 8.7, 13.3, 10.4, 9.9]
B = [10.2, 9.1, 12.8, 11.4, 7.0, 11.9, 10.9, 8.2]
# Student, Biometrika 1908;6:1: hours of sleep gained under two drugs.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_student_1908_sleep():
    ours = paired_t(SLEEP_1, SLEEP_2)
    assert ours.difference.value == pytest.approx(1.58)
    assert round(ours.test.statistic, 4) == 4.0621
    assert round(ours.test.p_value, 6) == 0.002833


def test_agrees_with_r_t_test():
    # R 4.2.2: t.test(b, a, paired = TRUE)
    ours = paired_t(A, B)
    assert ours.test.statistic == pytest.approx(-2.919069616735, rel=1e-12)
    assert ours.test.p_value == pytest.approx(0.0223696380330103, rel=1e-12)
    assert ours.difference.interval.low == pytest.approx(-1.787435169432397, rel=1e-12)
    assert ours.difference.interval.high == pytest.approx(-0.187564830567603, rel=1e-11)


def test_summary_gives_what_the_data_give():
    gap = np.subtract(B, A)
    r = np.corrcoef(A, B)[0, 1]
    sd = sd_of_differences(np.std(A, ddof=1), np.std(B, ddof=1), r)
    ours = paired_t_from_summary(gap.mean(), sd, 8)
    assert ours.test.p_value == pytest.approx(paired_t(A, B).test.p_value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=20))
def test_batch_agrees_with_scipy_and_single(pairs):
    a, b = np.array(pairs, dtype=float).T
    one, many = paired_t(a, b), paired_t_batch([a, b], [b, a])
    if np.ptp(b - a) == 0:
        assert one.test.p_value is None
        assert "SD is 0" in one.test.note
        assert np.isnan(many.p_value).all()
        return
    reference = stats.ttest_rel(b, a)
    assert one.test.p_value == pytest.approx(reference.pvalue)
    np.testing.assert_allclose(many.p_value, reference.pvalue)
    np.testing.assert_allclose(many.t, [reference.statistic, -reference.statistic], atol=1e-12)


def test_equal_differences_are_equal_however_they_round():
    # In binary the four differences of 0.3 differ in their last bits.
    first, second = [0.1, 0.2, 0.3, 100.7], [0.4, 0.5, 0.6, 101.0]
    ours = paired_t(first, second)
    assert ours.test.p_value is None
    assert ours.difference.value == pytest.approx(0.3)
    assert np.isnan(paired_t_batch([first], [second]).p_value).all()
