import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recohort.estimators.mann_whitney import (
    MannWhitneyMethod,
    mann_whitney,
    mann_whitney_batch,
)
from recohort.estimators.ranks import midranks

EXACT, NORMAL, CORRECTED = MannWhitneyMethod


def test_hollander_and_wolfe_placenta():
    # Hollander and Wolfe, Table 4.1: permeability at term and at 12-26 weeks; W = 35, one-sided
    # P = 0.1272 (the data of R's help page of wilcox.test).
    x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    y = [1.15, 0.88, 0.90, 0.74, 1.21]
    ours = mann_whitney(x, y, EXACT)
    assert (ours.statistic, round(ours.p_value / 2, 4)) == (35, 0.1272)


def test_agrees_with_r_wilcox_test():
    # R 4.2.2: wilcox.test(x, y); (x, y, exact = FALSE); (x, y, exact = FALSE, correct = FALSE)
    x, y = [1.1, 2.5, 3.7, 0.2, 5.5, 4.1], [2.0, 6.1, 7.3, 4.9, 8.8, 3.3, 9.1]
    p = [mann_whitney(x, y, method).p_value for method in (EXACT, CORRECTED, NORMAL)]
    assert mann_whitney(x, y).statistic == 8
    np.testing.assert_allclose(
        p, [0.0734265734265734, 0.0741455311114069, 0.0632908322333453], rtol=1e-12
    )


def test_ties_agree_with_r_wilcox_test():
    # R 4.2.2: wilcox.test(x, y); wilcox.test(x, y, exact = FALSE, correct = FALSE)
    x, y = [1, 2, 2, 3, 3, 3, 4], [2, 3, 4, 4, 5, 5, 5, 6]
    assert mann_whitney(x, y).statistic == 8.5
    assert mann_whitney(x, y).p_value == pytest.approx(0.0248755652761533, rel=1e-12)
    assert mann_whitney(x, y, NORMAL).p_value == pytest.approx(0.0213146177542319, rel=1e-12)


small = st.lists(st.integers(0, 5), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(small, small)
def test_exact_agrees_with_every_split(x, y):
    ours = mann_whitney(x, y, EXACT)
    pooled = np.array(x + y)
    if np.ptp(pooled) == 0:
        assert ours.p_value is None
        assert "every value is equal" in ours.note
        return
    rank = stats.rankdata(pooled)
    every = np.array(
        [rank[list(c)].sum() for c in itertools.combinations(range(rank.size), len(x))]
    )
    w = rank[: len(x)].sum()
    p = min(1, 2 * min((every <= w + 1e-9).mean(), (every >= w - 1e-9).mean()))
    assert ours.p_value == pytest.approx(p)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=20),
    st.lists(st.integers(0, 9), min_size=1, max_size=20),
    st.sampled_from([NORMAL, CORRECTED]),
)
def test_batch_agrees_with_single_and_scipy(x, y, method):
    many = mann_whitney_batch([x, x], [y, y], method)
    one = mann_whitney(x, y, method)
    if one.p_value is None:
        assert np.isnan(many.p_value).all()
        return
    np.testing.assert_allclose(many.p_value, one.p_value, rtol=1e-12)
    reference = stats.mannwhitneyu(x, y, method="asymptotic", use_continuity=method is CORRECTED)
    assert one.statistic == reference.statistic
    assert one.p_value == pytest.approx(reference.pvalue, rel=1e-9)
    assert one.p_value == pytest.approx(mann_whitney(y, x, method).p_value)


@given(st.lists(st.lists(st.integers(0, 4), min_size=7, max_size=7), min_size=1, max_size=4))
def test_midranks_agree_with_scipy_rankdata(table):
    values = np.array(table, dtype=float)
    ranks, ties = midranks(values)
    np.testing.assert_array_equal(ranks, stats.rankdata(values, axis=1))
    for row, tie in zip(values, ties, strict=True):
        counts = np.unique(row, return_counts=True)[1]
        assert tie == (counts**3 - counts).sum()
