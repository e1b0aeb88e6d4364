import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.estimators.wilcoxon_signed_rank import (
    SignedRankMethod,
    ZeroDifferences,
    wilcoxon_signed_rank,
    wilcoxon_signed_rank_batch,
)

EXACT, NORMAL, CORRECTED = SignedRankMethod


def test_hollander_and_wolfe_depression():
    # Hollander and Wolfe, Table 3.1: Hamilton scores; T+ = 40 and one-sided P = 0.019 (the data
    # of R's help page of wilcox.test).
    x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    ours = wilcoxon_signed_rank(np.subtract(x, y), EXACT)
    assert ours.statistic == 40
    assert ours.p_value == pytest.approx(2 * 0.01953125)


def test_agrees_with_r_wilcox_test():
    # R 4.2.2: wilcox.test(d); (d, exact = FALSE); (d, exact = FALSE, correct = FALSE)
    a = np.array([12.1, 9.8, 14.2, 11.0, 8.7, 13.3, 10.4, 9.9])
    d = np.array([10.2, 9.1, 12.8, 11.4, 7.0, 11.9, 10.9, 8.2]) - a
    p = [wilcoxon_signed_rank(d, method).p_value for method in (EXACT, CORRECTED, NORMAL)]
    assert wilcoxon_signed_rank(d).statistic == 3
    np.testing.assert_allclose(p, [0.0390625, 0.042315274905714, 0.0356919001168044], rtol=1e-12)


def test_ties_and_zeros_agree_with_r_wilcox_test():
    # R 4.2.2: wilcox.test(d2); wilcox.test(d2, exact = FALSE, correct = FALSE)
    d = [1, 1, 2, -1, 3, 0, -2, 4, 2, 2, 0, 5]
    ours = wilcoxon_signed_rank(d)
    assert (ours.statistic, ours.p_value) == (47.5, pytest.approx(0.0448622711529148, rel=1e-12))
    assert wilcoxon_signed_rank(d, NORMAL).p_value == pytest.approx(0.0396498797201527, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9), st.sampled_from(list(ZeroDifferences)))
def test_exact_agrees_with_every_choice_of_signs(d, zeros):
    gap = np.array(d, dtype=float)
    ours = wilcoxon_signed_rank(gap, EXACT, zeros)
    kept = gap if zeros is ZeroDifferences.PRATT else gap[gap != 0]
    rank = stats.rankdata(np.abs(kept))[kept != 0]
    if rank.size == 0:
        assert ours.p_value is None
        assert "does not exist" in ours.note
        return
    w = rank[kept[kept != 0] > 0].sum()
    every = np.array([np.dot(s, rank) for s in itertools.product((0, 1), repeat=rank.size)])
    p = min(1, 2 * min((every <= w + 1e-9).mean(), (every >= w - 1e-9).mean()))
    assert (ours.statistic, ours.p_value) == pytest.approx((w, p))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-6, 6), min_size=1, max_size=25).filter(any),
    st.sampled_from(list(ZeroDifferences)),
    st.sampled_from([NORMAL, CORRECTED]),
)
def test_batch_agrees_with_single_and_scipy(d, zeros, method):
    gap = np.array(d, dtype=float)
    one = wilcoxon_signed_rank(gap, method, zeros)
    many = wilcoxon_signed_rank_batch([gap, -gap], method, zeros)
    np.testing.assert_allclose(many.p_value, one.p_value, rtol=1e-12)
    if method is NORMAL:
        reference = stats.wilcoxon(gap, method="asymptotic", zero_method=str(zeros))
        assert one.p_value == pytest.approx(reference.pvalue, rel=1e-9)


def test_batch_without_any_difference_is_nan():
    assert np.isnan(wilcoxon_signed_rank_batch([[0.0, 0.0]]).p_value).all()
