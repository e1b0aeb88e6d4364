"""Bootstrap intervals from resampled estimates, and the draws of resamples."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from recohort.estimators.arguments import (
    IntArray,
    choice,
    codes,
    confidence_level,
    number,
    vector,
    whole_number,
)
from recohort.estimators.result import Interval


class BootstrapInterval(StrEnum):
    """percentile: quantiles of the draws; basic: those mirrored at the estimate;
    normal: estimate ± z SD, without bias correction."""

    PERCENTILE = "percentile"
    BASIC = "basic"
    NORMAL = "normal"


def bootstrap_interval(
    draws: ArrayLike,
    observed: float,
    method: BootstrapInterval = BootstrapInterval.PERCENTILE,
    level: float = 0.95,
) -> Interval:
    """Interval from the resampled estimates ``draws`` (B,) and the ``observed`` one.

    Quantiles are of type 7. Source: Davison and Hinkley, Bootstrap Methods (1997), ch. 5.
    """
    sample = vector(draws, "draws", 2)
    centre = number(observed, "observed")
    tail = (1.0 - confidence_level(level)) / 2.0
    kind = choice(BootstrapInterval, method, "method")
    if kind is BootstrapInterval.NORMAL:
        half = float(-ndtri(tail)) * float(sample.std(ddof=1))
        return Interval(centre - half, centre + half, float(level))
    low, high = (float(limit) for limit in np.quantile(sample, [tail, 1.0 - tail]))
    if kind is BootstrapInterval.BASIC:
        low, high = 2.0 * centre - high, 2.0 * centre - low
    return Interval(low, high, float(level))


def bca_interval(
    draws: ArrayLike, observed: float, jackknife: ArrayLike, level: float = 0.95
) -> Interval:
    """Bias-corrected and accelerated interval; ``jackknife`` holds the leave-one-out estimates.

    z0 = Φ⁻¹(share of draws below the observed one, equal ones counting half), a = Σu³ / 6(Σu²)^1.5
    with u = mean - leave-one-out estimate. Source: Efron, J Am Stat Assoc 1987;82:171.
    Raises ValueError where every draw lies on one side of the observed estimate (z0 is infinite).
    """
    sample = vector(draws, "draws", 2)
    left_out = vector(jackknife, "jackknife", 2)
    centre = number(observed, "observed")
    tail = (1.0 - confidence_level(level)) / 2.0
    share = float(((sample < centre).mean() + (sample <= centre).mean()) / 2.0)
    if share in (0.0, 1.0):
        raise ValueError(
            f"draws: got every value on one side of {centre:g}; bca takes draws on both sides"
        )
    pull = left_out.mean() - left_out
    squares = float((pull**2).sum())
    acceleration = float((pull**3).sum()) / (6.0 * squares**1.5) if squares > 0.0 else 0.0
    bias = float(ndtri(share))
    moved = bias + float(ndtri(tail)), bias - float(ndtri(tail))
    at = [float(ndtr(bias + z / (1.0 - acceleration * z))) for z in moved]
    low, high = np.quantile(sample, at)
    return Interval(float(low), float(high), float(level))


def resample_indices(size: int, resamples: int, rng: np.random.Generator) -> IntArray:
    """Row numbers (resamples, size) drawn with replacement from 0..size-1."""
    n, count = whole_number(size, "size", 1), whole_number(resamples, "resamples", 1)
    return rng.integers(n, size=(count, n))


def cluster_resample(cluster: ArrayLike, rng: np.random.Generator) -> IntArray:
    """Row numbers of one resample of whole clusters, drawn with replacement; its length varies."""
    array = np.asarray(cluster)
    label, m = codes(array, "cluster", array.size)
    order = np.argsort(label, kind="stable")
    edges = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=m))])
    drawn = rng.integers(m, size=m)
    return np.concatenate([order[edges[g] : edges[g + 1]] for g in drawn]).astype(np.int64)
