"""Calibration of predicted probabilities: slope, intercept, curve, Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri, xlogy

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary_vector,
    confidence_level,
    vector,
    whole_number,
)
from recohort.estimators.proportion import ProportionInterval, proportion_intervals
from recohort.estimators.result import Estimate, Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weak calibration and overall accuracy of predictions.

    - intercept: calibration in the large, a of logit P(y) = a + logit p (0 if calibrated)
    - slope: b of logit P(y) = a' + b logit p (1 if calibrated); ``slope_intercept`` is its a'
    - observed_expected: events observed over events predicted
    - brier: mean (p - y)²; ``scaled_brier``: 1 - brier / brier of the prevalence, None if that is 0
    """

    intercept: Estimate
    slope: Estimate
    slope_intercept: Estimate
    observed_expected: float
    brier: float
    scaled_brier: float | None


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """Groups of predictions (k,): size, mean prediction, observed share with Wilson limits."""

    size: IntArray
    predicted: FloatArray
    observed: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


def _checked(probability: ArrayLike, y: ArrayLike) -> tuple[FloatArray, BoolArray]:
    p = vector(probability, "probability")
    if ((p < 0.0) | (p > 1.0)).any():
        raise ValueError("probability: got a value outside [0, 1]; takes probabilities")
    return p, binary_vector(y, "y", p.size)


def brier_score(probability: ArrayLike, y: ArrayLike) -> float:
    """Mean squared difference of ``probability`` (n,) and ``y`` (n,) (Brier, 1950)."""
    p, outcome = _checked(probability, y)
    return float(np.mean((p - outcome) ** 2))


def calibration(probability: ArrayLike, y: ArrayLike, level: float = 0.95) -> Calibration:
    """Calibration of ``probability`` (n,), strictly between 0 and 1, for ``y`` (n,).

    See :func:`calibration_from_logits`, which is to be had where a prediction rounds to 0 or 1.
    """
    p, outcome = _checked(probability, y)
    if ((p == 0.0) | (p == 1.0)).any():
        raise ValueError("probability: got 0 or 1; takes probabilities strictly between")
    return _calibration(np.asarray(logit(p)), p, outcome, level)


def calibration_from_logits(logits: ArrayLike, y: ArrayLike, level: float = 0.95) -> Calibration:
    """Calibration of predictions given as log odds ``logits`` (n,) for ``y`` (n,).

    Slope and intercepts are maximum-likelihood logistic regressions with Wald intervals. Where one
    does not exist (one outcome only, one prediction only, predictions that separate the outcomes)
    its value is NaN and its note says why.
    Sources: Cox, Biometrika 1958;45:562; Van Calster et al., J Clin Epidemiol 2016;74:167.
    """
    line = vector(logits, "logits")
    return _calibration(line, np.asarray(expit(line)), binary_vector(y, "y", line.size), level)


def _calibration(line: FloatArray, p: FloatArray, outcome: BoolArray, level: float) -> Calibration:
    confidence_level(level)
    total = outcome.astype(np.float64)
    brier = float(np.mean((p - total) ** 2))
    prevalence = float(total.mean())
    reference = prevalence * (1.0 - prevalence)
    reason = ""
    if prevalence in (0.0, 1.0):
        reason = "one outcome only"
    intercept = _missing(reason)
    if not reason:
        # From the middle prediction, where far ones still have a slope to climb.
        middle = float(np.median(line))
        found = _newton(np.ones((p.size, 1)), line - middle, total)
        intercept = _missing(_SATURATED)
        if found is not None:
            intercept = _wald(float(found[0][0]) - middle, float(found[1][0, 0]), level)
        reason = _no_slope(line, outcome)
    slope = start = _missing(reason)
    if not reason:
        centre = float(line.mean())
        scale = float(line.std())
        design = np.column_stack([np.ones(p.size), (line - centre) / scale])
        found = _newton(design, np.zeros(p.size), total)
        slope = start = _missing(_SATURATED)
        if found is not None:
            (a, b), v = found
            slope = _wald(float(b) / scale, float(v[1, 1]) / scale**2, level)
            ratio = centre / scale
            variance = v[0, 0] - 2.0 * ratio * v[0, 1] + ratio**2 * v[1, 1]
            start = _wald(float(a - b * ratio), float(variance), level)
    return Calibration(
        intercept=intercept,
        slope=slope,
        slope_intercept=start,
        observed_expected=_over(float(total.sum()), float(p.sum())),
        brier=brier,
        scaled_brier=1.0 - brier / reference if reference > 0.0 else None,
    )


_SATURATED = "the predictions are 0 and 1 to working precision"


def _over(observed: float, expected: float) -> float:
    if expected == 0.0:
        return float("inf") if observed > 0.0 else float("nan")
    return observed / expected


def _missing(reason: str) -> Estimate:
    return Estimate(float("nan"), None, None, f"does not exist: {reason}")


def _no_slope(line: FloatArray, outcome: BoolArray) -> str:
    """Why the slope has no finite maximum, or nothing."""
    if np.ptp(line) == 0.0:
        return "every prediction is the same"
    cases, controls = line[outcome], line[~outcome]
    if cases.min() >= controls.max() or cases.max() <= controls.min():
        return "the predictions separate the outcomes"
    return ""


def _wald(value: float, variance: float, level: float) -> Estimate:
    se = variance**0.5
    half = float(ndtri(0.5 + level / 2.0)) * se
    return Estimate(value, se, Interval(value - half, value + half, float(level)))


def _empty(information: FloatArray, size: int) -> bool:
    return bool(np.trace(information) < 1e-12 * size or np.linalg.cond(information) > 1e14)


def _newton(
    x: FloatArray, offset: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Logistic regression known to have a finite maximum: coefficients and their covariance.

    None where every fitted probability rounds to 0 or 1, which leaves no information.
    """

    def log_likelihood(at: FloatArray) -> float:
        linear = offset + x @ at
        return float((y * linear - np.logaddexp(0.0, linear)).sum())

    b = np.zeros(x.shape[1])
    now = log_likelihood(b)
    for _ in range(200):
        mean = expit(offset + x @ b)
        information = (x * (mean * (1.0 - mean))[:, None]).T @ x
        if _empty(information, y.size):
            return None
        step = np.linalg.solve(information, x.T @ (y - mean))
        # The likelihood is concave: halving a Newton step that overshoots always ends.
        while log_likelihood(b + step) < now - 1e-12 * abs(now) and np.abs(step).max() > 1e-14:
            step = step / 2.0
        b = b + step
        now = log_likelihood(b)
        if np.abs(step).max() < 1e-10 * (1.0 + np.abs(b).max()):
            break
    mean = expit(offset + x @ b)
    information = (x * (mean * (1.0 - mean))[:, None]).T @ x
    return None if _empty(information, y.size) else (b, np.linalg.inv(information))


def calibration_curve(
    probability: ArrayLike, y: ArrayLike, groups: int = 10, level: float = 0.95
) -> CalibrationCurve:
    """Observed share against mean prediction in ``groups`` of near-equal size, by rank.

    Equal predictions stay in one group, so that there may be fewer groups than asked for.
    """
    p, outcome = _checked(probability, y)
    wanted = whole_number(groups, "groups", 1)
    confidence_level(level)
    _, inverse, counts = np.unique(p, return_inverse=True, return_counts=True)
    # A value goes where the middle of its ranks falls.
    middle = np.cumsum(counts) - counts / 2.0
    label = np.minimum((middle * wanted / p.size).astype(np.int64), wanted - 1)[inverse]
    size = np.bincount(label, minlength=wanted)
    used = size > 0
    n = size[used]
    hits = np.bincount(label, weights=outcome, minlength=wanted)[used]
    predicted = np.bincount(label, weights=p, minlength=wanted)[used] / n
    limits = proportion_intervals(hits, n, ProportionInterval.WILSON, level)
    return CalibrationCurve(
        n.astype(np.int64), predicted, hits / n, limits.low, limits.high, float(level)
    )


def logarithmic_score(probability: ArrayLike, y: ArrayLike) -> float:
    """Mean -log of the probability given to what happened; infinite where that was 0."""
    p, outcome = _checked(probability, y)
    return float(-np.mean(xlogy(outcome, p) + xlogy(~outcome, 1.0 - p)))
