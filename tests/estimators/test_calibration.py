from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from recohort.estimators.calibration import (
    brier_score,
    calibration,
    calibration_curve,
    logarithmic_score,
)

DATA = np.genfromtxt(Path(__file__).parents[1] / "reference/aSAH.csv", delimiter=",", names=True)


def test_asah_agrees_with_r_glm():
    # R 4.2.2: p <- plogis(-1.5 + .4 * wfns); l <- qlogis(p); glm(y ~ l), glm(y ~ offset(l)),
    # family = binomial, epsilon = 1e-14; mean((p - y)^2); sum(y) / sum(p)
    ours = calibration(expit(-1.5 + 0.4 * DATA["wfns"]), DATA["y"])
    assert ours.slope.value == pytest.approx(2.08778382673671, rel=1e-10)
    assert ours.slope.se == pytest.approx(0.39589417635766, rel=1e-7)
    assert ours.slope_intercept.value == pytest.approx(0.27751004050845, rel=1e-9)
    assert ours.slope_intercept.se == pytest.approx(0.27445287105542, rel=1e-7)
    assert ours.intercept.value == pytest.approx(-0.130265266894667, rel=1e-9)
    assert ours.intercept.se == pytest.approx(0.204718373157119, rel=1e-7)
    assert ours.brier == pytest.approx(0.176919554427957)
    assert ours.observed_expected == pytest.approx(0.928571360487312)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(0.2, 3))
def test_recalibrated_predictions_are_calibrated(seed, shift, stretch):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, 60)
    y = rng.random(60) < p
    first = calibration(p, y)
    if first.slope.se is None:
        return
    line = first.slope_intercept.value + first.slope.value * logit(p)
    again = calibration(expit(line), y)
    assert again.intercept.value == pytest.approx(0, abs=1e-6)
    assert again.slope.value == pytest.approx(1, abs=1e-6)
    moved = calibration(expit(shift + stretch * logit(p)), y)
    assert moved.slope.value == pytest.approx(first.slope.value / stretch, rel=1e-6, abs=1e-8)
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p))
    assert logarithmic_score(p, y) == pytest.approx(log_loss(y, p))


@pytest.mark.parametrize(
    ("p", "y", "part", "reason"),
    [
        ([0.2, 0.3, 0.4], [0, 0, 0], "intercept", "one outcome"),
        ([0.3, 0.3, 0.3], [0, 1, 0], "slope", "same"),
        ([0.2, 0.3, 0.8], [0, 0, 1], "slope", "separate"),
    ],
)
def test_what_does_not_exist_is_said(p, y, part, reason):
    ours = getattr(calibration(p, y), part)
    assert np.isnan(ours.value)
    assert ours.interval is None
    assert reason in ours.note


def test_curve_counts_everyone_and_keeps_ties_together():
    p = np.repeat([0.1, 0.2, 0.5, 0.9], [10, 10, 10, 10])
    y = np.tile([0, 1], 20)
    ours = calibration_curve(p, y, groups=8)
    assert ours.size.tolist() == [10, 10, 10, 10]
    np.testing.assert_allclose(ours.predicted, [0.1, 0.2, 0.5, 0.9])
    np.testing.assert_allclose(ours.observed, 0.5)
    assert calibration_curve(np.linspace(0, 1, 100), np.arange(100) % 2).size.tolist() == [10] * 10
