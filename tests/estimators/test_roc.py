from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve as sklearn_roc_curve

from recohort.estimators.auc import auc
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
