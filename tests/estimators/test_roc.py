from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_curve as sklearn_roc_curve

from recohort.estimators.auc import auc
from recohort.estimators.proportion import proportion_interval
from recohort.estimators.roc import (
    RocBand,
    cut_point,
    roc_band,
    roc_curve,
    sensitivity_at,
    youden_cut_point,
)

DATA = np.genfromtxt(Path(__file__).parents[1] / "reference/aSAH.csv", delimiter=",", names=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=30))
def test_curve_agrees_with_sklearn_and_its_area_is_the_auc(pairs):
    y = np.array([case for _, case in pairs])
    if y.all() or not y.any():
        return
    scores = np.array([score for score, _ in pairs])
    ours = roc_curve(scores, y)
    fpr, tpr, cuts = sklearn_roc_curve(y, scores, drop_intermediate=False)
    np.testing.assert_allclose(1 - ours.specificity, fpr, atol=1e-14)
    np.testing.assert_allclose(ours.sensitivity, tpr, atol=1e-14)
    np.testing.assert_allclose(ours.cuts, cuts)
    assert np.trapezoid(ours.sensitivity, 1 - ours.specificity) == pytest.approx(auc(scores, y))
    best = youden_cut_point(scores, y)
    assert best.youden == pytest.approx((ours.sensitivity + ours.specificity - 1)[1:].max())
    assert cut_point(scores, y, best.cut) == best


def test_youden_agrees_with_proc():
    # R, pROC 1.18.0: coords(r, "best", best.method = "youden"): threshold 0.205 (between 0.20
    # and 0.22), sensitivity 0.634146341463415, specificity 0.805555555555556, tp 26, fp 14
    ours = youden_cut_point(DATA["s100b"], DATA["y"])
    assert (ours.table.true_positive, ours.table.false_positive) == (26, 14)
    assert ours.sensitivity == pytest.approx(0.634146341463415)
    assert ours.specificity == pytest.approx(0.805555555555556)


def test_sensitivity_is_read_along_the_curve():
    curve = roc_curve([1, 2, 2, 3], [0, 0, 1, 1])
    # (0, 0) - (0, .5) - (.5, 1) - (1, 1): the tie makes the slanted step.
    ours = sensitivity_at(curve, [1.0, 0.75, 0.5, 0.0])
    np.testing.assert_allclose(ours, [0.5, 0.75, 1.0, 1.0])


@pytest.mark.parametrize("method", list(RocBand))
def test_band_holds_the_curve_and_repeats(method):
    rng = np.random.default_rng
    ours = roc_band(DATA["ndka"], DATA["y"], rng(3), method, resamples=200)
    again = roc_band(DATA["ndka"], DATA["y"], rng(3), method, resamples=200)
    np.testing.assert_array_equal(ours.low, again.low)
    assert (ours.low <= ours.sensitivity + 1e-12).all()
    assert (ours.high >= ours.sensitivity - 1e-12).all()
    assert ((ours.low >= 0) & (ours.high <= 1)).all()


def test_bootstrap_band_agrees_with_proc():
    # R, pROC 1.18.0: ci.se(roc(y, ndka), specificities = c(.2, .5, .8, .9), boot.n = 20000)
    low = [0.731707317073, 0.487804878049, 0.170731707317, 0.048780487805]
    high = [0.975609756098, 0.829268292683, 0.560975609756, 0.414634146341]
    ours = roc_band(
        DATA["ndka"],
        DATA["y"],
        np.random.default_rng(1),
        specificity=[0.2, 0.5, 0.8, 0.9],
        resamples=4000,
    )
    # Sensitivities move in steps of 1/41, and so do the limits.
    np.testing.assert_allclose(ours.low, low, atol=1.01 / 41)
    np.testing.assert_allclose(ours.high, high, atol=1.01 / 41)


def test_sensitivities_agree_with_proc_coords():
    # R, pROC 1.18.0: coords(roc(y, ndka), c(.1, .25, .5, .8, .9), input = "specificity")
    ours = sensitivity_at(roc_curve(DATA["ndka"], DATA["y"]), [0.1, 0.25, 0.5, 0.8, 0.9])
    printed = [
        0.90243902439024,
        0.87804878048780,
        0.70731707317073,
        0.34146341463415,
        0.19512195121951,
    ]
    np.testing.assert_allclose(ours, printed, atol=1e-13)


def test_binomial_band_is_wilsons_interval_at_each_point():
    ours = roc_band(
        DATA["ndka"],
        DATA["y"],
        np.random.default_rng(1),
        RocBand.POINTWISE_BINOMIAL,
        specificity=[1 / 2],
    )
    one = proportion_interval(round(41 * float(ours.sensitivity[0])), 41)
    assert (ours.low[0], ours.high[0]) == pytest.approx((one.low, one.high))


def test_kolmogorov_band_moves_the_curve_by_the_quantiles_of_stephens_1970():
    # Campbell 1994, with Kolmogorov's 1.48 for √0.95 = 97.5% and Stephens' correction.
    band = roc_band(
        DATA["ndka"],
        DATA["y"],
        np.random.default_rng(1),
        RocBand.SIMULTANEOUS_KOLMOGOROV,
        specificity=[0.5],
    )
    up, across = (
        stats.kstwobign.ppf(0.95**0.5) / (n**0.5 + 0.12 + 0.11 / n**0.5) for n in (41, 72)
    )
    curve = roc_curve(DATA["ndka"], DATA["y"])
    low = sensitivity_at(curve, 0.5 + across) - up
    high = sensitivity_at(curve, 0.5 - across) + up
    assert (band.low[0], band.high[0]) == pytest.approx((max(low, 0), min(high, 1)))


def test_kolmogorov_band_covers_whole_curves():
    # Campbell 1994: at least 95% of samples; the curve of equal normals is the diagonal.
    rng = np.random.default_rng(1)
    y = np.arange(80) < 40
    grid = np.linspace(0.02, 0.98, 49)
    covered = 0
    for _ in range(200):
        band = roc_band(
            rng.normal(size=80), y, rng, RocBand.SIMULTANEOUS_KOLMOGOROV, specificity=grid
        )
        covered += bool(((band.low <= 1 - grid) & (1 - grid <= band.high)).all())
    assert covered >= 185
