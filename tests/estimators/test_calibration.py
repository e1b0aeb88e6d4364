from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from recohort.estimators.calibration import (
    brier_score,
    calibration,
    calibration_curve,
    calibration_from_logits,
    logarithmic_score,
)
from recohort.estimators.proportion import proportion_interval

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


def test_asah_agrees_with_r_rms_val_prob():
    # R 4.2.2, rms 6.5: val.prob(plogis(-1.5 + .4 * wfns), y), which stops at 1e-8 or so
    ours = calibration(expit(-1.5 + 0.4 * DATA["wfns"]), DATA["y"])
    found = [ours.slope_intercept.value, ours.slope.value, ours.brier]
    assert found == pytest.approx([0.277510041574, 2.087783820601, 0.176919554428], rel=1e-7)


def test_logits_give_what_probabilities_give_and_may_be_large():
    p = expit(-1.5 + 0.4 * DATA["wfns"])
    one, two = calibration(p, DATA["y"]), calibration_from_logits(logit(p), DATA["y"])
    assert two.slope.value == pytest.approx(one.slope.value, rel=1e-12)
    assert two.brier == pytest.approx(one.brier, rel=1e-12)
    # At 40 the probability rounds to 1.
    far = calibration_from_logits([-40.0, -1.0, 2.0, 40.0, 1.0], [0, 1, 0, 1, 1])
    assert np.isfinite(far.slope.value)
    moved = calibration_from_logits([500, 501, 502, 503], [0, 1, 0, 1])
    near = calibration_from_logits([0, 1, 2, 3], [0, 1, 0, 1])
    assert moved.intercept.value == pytest.approx(near.intercept.value - 500)
    assert moved.slope.value == pytest.approx(near.slope.value)
    beyond = calibration_from_logits([-800, 900, -700, 700], [0, 1, 1, 0])
    assert "working precision" in beyond.intercept.note
    none = calibration_from_logits([-800, -900], [0, 1])
    assert none.observed_expected == np.inf


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_slope_and_intercepts_agree_with_statsmodels(seed):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.98, 50)
    y = rng.random(50) < p
    ours, line, family = calibration(p, y, 0.9), logit(p), sm.families.Binomial()
    if ours.slope.se is None:
        return
    shift = sm.GLM(y, np.ones(50), family=family, offset=line).fit(tol=1e-14)
    both = sm.GLM(y, sm.add_constant(line), family=family).fit(tol=1e-14)
    for found, fit, at in (
        (ours.intercept, shift, 0),
        (ours.slope_intercept, both, 0),
        (ours.slope, both, 1),
    ):
        assert found.value == pytest.approx(fit.params[at], abs=1e-7)
        assert found.se == pytest.approx(fit.bse[at], rel=1e-6)
        limits = (found.interval.low, found.interval.high)
        assert limits == pytest.approx(tuple(fit.conf_int(0.1)[at]), abs=1e-5)
    assert ours.observed_expected == pytest.approx(y.sum() / p.sum())
    assert ours.scaled_brier == pytest.approx(1 - ours.brier / (y.mean() * (1 - y.mean())))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_curve_agrees_with_grouping_person_by_person(pairs, groups):
    p, y = np.array([a / 20 for a, _ in pairs]), np.array([b for _, b in pairs])
    ours = calibration_curve(p, y, groups)
    held: dict[int, list[int]] = {}
    for i in range(p.size):
        # The middle of the ranks of all who share a prediction says where they go.
        middle = (p < p[i]).sum() + (p == p[i]).sum() / 2
        held.setdefault(min(int(middle * groups / p.size), groups - 1), []).append(i)
    assert ours.size.tolist() == [len(held[g]) for g in sorted(held)]
    for k, g in enumerate(sorted(held)):
        assert ours.predicted[k] == pytest.approx(p[held[g]].mean())
        one = proportion_interval(int(y[held[g]].sum()), len(held[g]))
        assert ours.observed[k] == pytest.approx(y[held[g]].mean())
        assert (ours.low[k], ours.high[k]) == pytest.approx((one.low, one.high))


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
