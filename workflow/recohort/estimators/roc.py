"""The ROC curve, a confidence band around it, and cut-points on it.

A person is called positive at a cut when score >= cut; cases (``y`` = 1) are expected to score
higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogi

from recohort.estimators.arguments import (
    FloatArray,
    choice,
    confidence_level,
    number,
    numeric_array,
    scores_and_cases,
    vector,
    whole_number,
)
from recohort.estimators.diagnostic_accuracy import TwoByTwo
from recohort.estimators.proportion import ProportionInterval, proportion_intervals


class RocBand(StrEnum):
    """How the band is made; see :func:`roc_band`."""

    POINTWISE_BINOMIAL = "pointwise_binomial"
    POINTWISE_BOOTSTRAP = "pointwise_bootstrap"
    SIMULTANEOUS_KOLMOGOROV = "simultaneous_kolmogorov"


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Operating points from (0, 0) to (1, 1); ties make one slanted step.

    ``cuts`` (k,) fall from +inf (nobody positive) to the lowest score; ``sensitivity`` and
    ``specificity`` (k,) are those of the rule score >= cut.
    """

    cuts: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray


@dataclass(frozen=True, slots=True)
class Band:
    """Limits of the sensitivity (g,) at each ``specificity`` (g,)."""

    specificity: FloatArray
    sensitivity: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A cut, the table that it makes, and Youden's index J = sensitivity + specificity - 1."""

    cut: float
    table: TwoByTwo
    sensitivity: float
    specificity: float
    youden: float


def roc_curve(scores: ArrayLike, y: ArrayLike) -> RocCurve:
    """Every operating point of ``scores`` (n,) for ``y`` (n,); trapezoids under it sum to the AUC.

    Source: Fawcett, Pattern Recognit Lett 2006;27:861, algorithm 2, without dropping points.
    """
    score, case = scores_and_cases(scores, y)
    return _curve(score[case], score[~case])


def _curve(cases: FloatArray, controls: FloatArray) -> RocCurve:
    cuts = np.unique(np.concatenate([cases, controls]))[::-1]
    hits = cases.size - np.sort(cases).searchsorted(cuts, "left")
    alarms = controls.size - np.sort(controls).searchsorted(cuts, "left")
    return RocCurve(
        np.concatenate([[np.inf], cuts]),
        np.concatenate([[0.0], hits / cases.size]),
        np.concatenate([[1.0], 1.0 - alarms / controls.size]),
    )


def sensitivity_at(curve: RocCurve, specificity: ArrayLike) -> FloatArray:
    """Sensitivity read off the curve at each specificity, straight lines between its points.

    Where the curve rises vertically, the highest sensitivity at that specificity.
    """
    at = numeric_array(specificity, "specificity", "numbers in [0, 1]")
    if ((at < 0) | (at > 1)).any():
        raise ValueError("specificity: got a value outside [0, 1]; takes numbers in [0, 1]")
    false_positive = 1.0 - curve.specificity
    # One point for each false-positive rate: its top, and its bottom for the line arriving there.
    x = 1.0 - at
    right = np.searchsorted(false_positive, x + 1e-12, "right") - 1
    nxt = np.minimum(right + 1, false_positive.size - 1)
    run = false_positive[nxt] - false_positive[right]
    step = np.where(run > 0, (x - false_positive[right]) / np.where(run > 0, run, 1.0), 0.0)
    rise = curve.sensitivity[nxt] - curve.sensitivity[right]
    return np.asarray(curve.sensitivity[right] + np.clip(step, 0.0, 1.0) * rise)


def roc_band(
    scores: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator,
    method: RocBand = RocBand.POINTWISE_BOOTSTRAP,
    specificity: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
) -> Band:
    """A band for the sensitivity at each ``specificity`` (default 0, 0.01, ..., 1).

    - pointwise_bootstrap: percentiles of the sensitivity over resamples that keep the numbers of
      cases and controls (pROC's ``ci.se``); holds at each point, not for the curve as a whole
    - pointwise_binomial: Wilson's interval at each point, as if the cut were fixed; too narrow,
      as the cut is estimated
    - simultaneous_kolmogorov: the curve moved by the Kolmogorov limits of both axes, which covers
      the whole curve (Campbell, Stat Med 1994;13:499); wide

    Only the bootstrap draws from ``rng``.
    """
    score, case = scores_and_cases(scores, y)
    confidence_level(level)
    grid = np.linspace(0.0, 1.0, 101) if specificity is None else vector(specificity, "specificity")
    cases, controls = np.sort(score[case]), np.sort(score[~case])
    curve = _curve(cases, controls)
    middle = sensitivity_at(curve, grid)
    kind = choice(RocBand, method, "method")
    if kind is RocBand.POINTWISE_BINOMIAL:
        hits = np.rint(middle * cases.size)
        limits = proportion_intervals(hits, cases.size, ProportionInterval.WILSON, level)
        return Band(grid, middle, limits.low, limits.high, float(level))
    if kind is RocBand.SIMULTANEOUS_KOLMOGOROV:
        # Both axes at level^(1/2), so that together they hold at the level.
        each = float(np.sqrt(level))
        up, across = _kolmogorov(each, cases.size), _kolmogorov(each, controls.size)
        low = sensitivity_at(curve, np.minimum(grid + across, 1.0)) - up
        high = sensitivity_at(curve, np.maximum(grid - across, 0.0)) + up
        low = np.where(grid + across >= 1.0, 0.0, np.clip(low, 0.0, 1.0))
        return Band(grid, middle, low, np.clip(high, 0.0, 1.0), float(level))
    count = whole_number(resamples, "resamples", 2)
    draws = np.empty((count, grid.size))
    for i in range(count):
        again = _curve(
            cases[rng.integers(cases.size, size=cases.size)],
            controls[rng.integers(controls.size, size=controls.size)],
        )
        draws[i] = sensitivity_at(again, grid)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return Band(grid, middle, low, high, float(level))


def _kolmogorov(level: float, size: int) -> float:
    """The half-width of the two-sided Kolmogorov band at ``level`` for ``size`` values."""
    # Stephens' correction brings the limiting distribution to small sizes.
    root = float(np.sqrt(size))
    return float(kolmogi(1.0 - level)) / (root + 0.12 + 0.11 / root)


def cut_point(scores: ArrayLike, y: ArrayLike, cut: float) -> CutPoint:
    """The table of the rule score >= ``cut``; ``cut`` may lie anywhere."""
    score, case = scores_and_cases(scores, y)
    at = number(cut, "cut")
    positive = score >= at
    table = TwoByTwo(
        int((positive & case).sum()),
        int((positive & ~case).sum()),
        int((~positive & case).sum()),
        int((~positive & ~case).sum()),
    )
    sensitivity = table.true_positive / int(case.sum())
    specificity = table.true_negative / int((~case).sum())
    return CutPoint(at, table, sensitivity, specificity, sensitivity + specificity - 1.0)


def youden_cut_point(scores: ArrayLike, y: ArrayLike) -> CutPoint:
    """The cut with the largest Youden index; of several, the highest cut.

    The cut is one of the scores (Youden, Cancer 1950;3:32). Its sensitivity and specificity are
    optimistic, being read off the data that chose it:
    :func:`recohort.estimators.optimism.cut_point_optimism`.
    """
    score, case = scores_and_cases(scores, y)
    curve = _curve(score[case], score[~case])
    youden = curve.sensitivity + curve.specificity - 1.0
    # The first point calls nobody positive and is no cut.
    best = 1 + int(np.argmax(np.round(youden[1:], 12)))
    return cut_point(score, case, float(curve.cuts[best]))
