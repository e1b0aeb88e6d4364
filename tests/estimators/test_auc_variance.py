import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from recohort.estimators.auc import auc_delong
from recohort.estimators.auc_batch import auc_delong_batch
from recohort.estimators.auc_variance import AucVarianceModel, auc_variance


def test_hanley_mcneil_1982_ct_example():
    # AUC 0.893 with 51 abnormal and 58 normal scans. The paper's SE of 0.032 takes Q1 and Q2 from
    # the rating table; its formula for exponential scores gives 0.0325.
    assert float(auc_variance(0.893, 51, 58)) ** 0.5 == pytest.approx(0.0325, abs=5e-5)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.5])
def test_binormal_variance_agrees_with_simulation(ratio):
    rng = np.random.default_rng(11)
    n1, n0, area = 15, 25, 0.8
    shift = norm.ppf(area) * (1 + ratio**2) ** 0.5
    scores = rng.normal(size=(40_000, n1 + n0))
    scores[:, :n1] = shift + ratio * scores[:, :n1]
    drawn = auc_delong_batch(scores, np.arange(n1 + n0) < n1).auc
    ours = float(auc_variance(area, n1, n0, AucVarianceModel.BINORMAL_UNEQUAL, ratio))
    # The relative error of a variance from 40,000 draws is about 0.7%.
    assert drawn.mean() == pytest.approx(area, abs=0.002)
    assert drawn.var() == pytest.approx(ours, rel=0.03)


def test_binormal_probabilities_agree_with_the_bivariate_normal():
    area, ratio = 0.77, 1.7
    h = norm.ppf(area)
    share = 1 / (1 + ratio**2)
    q1, q2 = (
        multivariate_normal.cdf([h, h], cov=[[1, r], [r, 1]], abseps=1e-12, releps=1e-12)
        for r in (share, 1 - share)
    )
    n1, n0 = 12, 31
    oracle = (area * (1 - area) + (n1 - 1) * (q1 - area**2) + (n0 - 1) * (q2 - area**2)) / (n1 * n0)
    ours = auc_variance(area, n1, n0, AucVarianceModel.BINORMAL_UNEQUAL, ratio)
    assert float(ours) == pytest.approx(oracle, rel=1e-7)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(["hanley_mcneil", "binormal_equal", "binormal_unequal"]),
    st.floats(0.05, 20),
)
def test_no_model_exceeds_van_dantzig(area, n1, n0, model, ratio):
    bound = auc_variance(area, n1, n0, AucVarianceModel.VAN_DANTZIG)
    ours = auc_variance(area, n1, n0, AucVarianceModel(model), ratio)
    assert 0 <= ours <= bound * (1 + 1e-9) + 1e-15


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=4, max_size=25))
def test_no_delong_estimate_exceeds_its_bound(pairs):
    y = np.array([case for _, case in pairs])
    if min(y.sum(), (~y).sum()) < 2:
        return
    ours = auc_delong([score for score, _ in pairs], y)
    bound = auc_variance(
        ours.estimate.value, ours.cases, ours.controls, AucVarianceModel.DELONG_BOUND
    )
    assert ours.estimate.se**2 <= float(bound) + 1e-12


def test_delong_bound_is_attained():
    # Every case lies above all controls or below all.
    ours = auc_delong([9, 9, 0, 5, 5, 5, 5], [1, 1, 1, 0, 0, 0, 0])
    bound = auc_variance(ours.estimate.value, 3, 4, AucVarianceModel.DELONG_BOUND)
    assert ours.estimate.se**2 == pytest.approx(float(bound))
