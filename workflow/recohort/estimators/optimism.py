"""Optimism of what was measured on the data that chose it: models and cut-points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary_vector,
    numeric_array,
    vector,
    whole_number,
)
from recohort.estimators.bootstrap import cluster_resample
from recohort.estimators.roc import cut_point, youden_cut_point


class Fit(Protocol):
    """Fits a model, every data-driven step included, and returns its predictor."""

    def __call__(self, x: FloatArray, y: BoolArray, /) -> Callable[[FloatArray], FloatArray]:
        """From rows ``x`` (n, p) and outcomes ``y`` (n,), a function from rows to scores."""


class Metric(Protocol):
    """A measure of scores for outcomes, such as :func:`recohort.estimators.auc.auc`."""

    def __call__(self, scores: FloatArray, y: BoolArray, /) -> float:
        """The measure; ValueError where it does not exist."""


@dataclass(frozen=True, slots=True)
class Optimism:
    """A measure on its own data, its optimism, and the difference.

    ``failures`` counts resamples in which the fit or the measure raised ValueError or gave a value
    that is not finite; they are left out, which is not harmless when they are many.
    """

    apparent: float
    optimism: float
    corrected: float
    monte_carlo_error: float
    resamples: int
    failures: int


@dataclass(frozen=True, slots=True)
class CutPointOptimism:
    """Optimism of sensitivity, specificity and Youden's index at a cut chosen for the last."""

    cut: float
    sensitivity: Optimism
    specificity: Optimism
    youden: Optimism


def bootstrap_optimism(
    x: ArrayLike,
    y: ArrayLike,
    fit: Fit,
    metric: Metric,
    rng: np.random.Generator,
    resamples: int = 200,
    cluster: ArrayLike | None = None,
) -> Optimism:
    """Harrell's optimism correction of ``metric`` for a model fitted by ``fit``.

    optimism = mean over resamples of (measure on the resample - measure on the data), both of the
    model refitted to the resample; corrected = apparent - optimism. With ``cluster`` (n,), whole
    clusters are resampled.
    Source: Harrell, Lee and Mark, Stat Med 1996;15:361; Efron, J Am Stat Assoc 1983;78:316.
    """
    rows_ = numeric_array(x, "x")
    if rows_.ndim != 2 or rows_.shape[1] == 0:
        raise ValueError(f"x: got shape {rows_.shape}; takes (n, p), a row a person")
    outcome = binary_vector(y, "y", rows_.shape[0])
    count = whole_number(resamples, "resamples", 2)
    apparent = metric(fit(rows_, outcome)(rows_), outcome)
    gaps: list[float] = []
    for _ in range(count):
        drawn = _draw(outcome.size, cluster, rng)
        try:
            predict = fit(rows_[drawn], outcome[drawn])
            own = metric(predict(rows_[drawn]), outcome[drawn])
            gap = own - metric(predict(rows_), outcome)
        except ValueError:
            continue
        if np.isfinite(gap):
            gaps.append(gap)
    return _collect(apparent, np.array(gaps), count)


def cut_point_optimism(
    scores: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 200,
    cluster: ArrayLike | None = None,
) -> CutPointOptimism:
    """Optimism of Youden's cut-point: it is chosen again in each resample and tried on the data.

    Scores are taken as given; where they come from a fitted model, :func:`bootstrap_optimism` with
    a metric that chooses the cut covers both. Source: Ewald, J Clin Epidemiol 2006;59:798;
    Leeflang et al., Clin Chem 2008;54:729, for the size of the problem.
    """
    score = vector(scores, "scores")
    outcome = binary_vector(y, "y", score.size)
    count = whole_number(resamples, "resamples", 2)
    chosen = youden_cut_point(score, outcome)
    gaps: list[tuple[float, float, float]] = []
    for _ in range(count):
        drawn = _draw(score.size, cluster, rng)
        if outcome[drawn].all() or not outcome[drawn].any():
            continue
        own = youden_cut_point(score[drawn], outcome[drawn])
        back = cut_point(score, outcome, own.cut)
        gaps.append(
            (
                own.sensitivity - back.sensitivity,
                own.specificity - back.specificity,
                own.youden - back.youden,
            )
        )
    table = np.array(gaps).reshape(-1, 3)
    return CutPointOptimism(
        chosen.cut,
        _collect(chosen.sensitivity, table[:, 0], count),
        _collect(chosen.specificity, table[:, 1], count),
        _collect(chosen.youden, table[:, 2], count),
    )


def _draw(size: int, cluster: ArrayLike | None, rng: np.random.Generator) -> IntArray:
    if cluster is None:
        return rng.integers(size, size=size)
    labels = np.asarray(cluster)
    if labels.shape != (size,):
        raise ValueError(f"cluster: got shape {labels.shape}; takes ({size},)")
    return cluster_resample(labels, rng)


def _collect(apparent: float, gaps: FloatArray, asked: int) -> Optimism:
    if gaps.size < 2:
        raise ValueError(
            f"resamples: got {gaps.size} usable of {asked}; takes data in which most resamples "
            "can be fitted"
        )
    optimism = float(gaps.mean())
    error = float(gaps.std(ddof=1)) / gaps.size**0.5
    return Optimism(apparent, optimism, apparent - optimism, error, gaps.size, asked - gaps.size)
