"""The paired t test, from pairs, from printed summaries, and for many cohorts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    confidence_level,
    number,
    rows,
    same_shape,
    vector,
    whole_number,
)
from recohort.estimators.result import Estimate, HypothesisTest, Interval


@dataclass(frozen=True, slots=True)
class PairedT:
    """The mean difference (second - first), its t interval and two-sided t test."""

    difference: Estimate
    sd: float
    test: HypothesisTest


@dataclass(frozen=True, slots=True)
class PairedTBatch:
    """One entry a cohort (C,); ``t`` and ``p_value`` are NaN where every difference is equal."""

    difference: FloatArray
    se: FloatArray
    t: FloatArray
    p_value: FloatArray


def paired_t(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> PairedT:
    """Paired t test of ``first`` (n,) against ``second`` (n,): d = second - first.

    t = mean(d) / (SD(d) / √n) with n - 1 degrees of freedom (Student, Biometrika 1908;6:1).
    Differences that only the rounding of the two values tells apart count as equal.
    Raises ValueError for fewer than two pairs, NaN or shapes that differ.
    """
    before, after = vector(first, "first", 2), vector(second, "second", 2)
    same_shape(before, after, "first", "second")
    gap = after - before
    sd = 0.0 if _equal(before, after) else float(gap.std(ddof=1))
    return paired_t_from_summary(float(gap.mean()), sd, gap.size, level)


def _equal(before: FloatArray, after: FloatArray) -> BoolArray:
    """Whether all differences along the last axis are equal, but for the rounding of the values."""
    size = np.maximum(np.abs(before), np.abs(after)).max(axis=-1)
    return np.asarray(np.ptp(after - before, axis=-1) <= 8.0 * np.finfo(float).eps * size)


def paired_t_from_summary(
    mean_difference: float, sd_difference: float, n: int, level: float = 0.95
) -> PairedT:
    """Paired t test from the mean and the SD (n - 1) of the differences of ``n`` pairs.

    Where the SD is 0 the test does not exist, and a note says so.
    """
    gap = number(mean_difference, "mean_difference")
    sd = number(sd_difference, "sd_difference", 0.0)
    size = whole_number(n, "n", 2)
    se, df = sd / size**0.5, size - 1.0
    half = float(stdtrit(df, 0.5 + confidence_level(level) / 2.0)) * se
    interval = Interval(gap - half, gap + half, float(level))
    if se == 0.0:
        note = "every difference is equal: the SD is 0 and the test does not exist"
        return PairedT(Estimate(gap, 0.0, interval, note), sd, HypothesisTest(None, None, df, note))
    t = gap / se
    return PairedT(
        Estimate(gap, se, interval), sd, HypothesisTest(t, float(2.0 * stdtr(df, -abs(t))), df)
    )


def sd_of_differences(sd_first: float, sd_second: float, correlation: float) -> float:
    """SD of the differences from both SDs and the pairs' correlation: √(s1² + s2² - 2 r s1 s2).

    What a paper that prints only both means and SDs leaves open is ``correlation``.
    """
    s1, s2 = number(sd_first, "sd_first", 0.0), number(sd_second, "sd_second", 0.0)
    r = number(correlation, "correlation", -1.0, 1.0)
    return float(max(s1 * s1 + s2 * s2 - 2.0 * r * s1 * s2, 0.0) ** 0.5)


def paired_t_batch(first: ArrayLike, second: ArrayLike) -> PairedTBatch:
    """:func:`paired_t` for every row of ``first`` and ``second``, both (C, n)."""
    before, after = rows(first, "first", 2), rows(second, "second", 2)
    same_shape(before, after, "first", "second")
    gap = after - before
    n = gap.shape[1]
    centre = gap.mean(axis=1)
    se = gap.std(axis=1, ddof=1) / n**0.5
    se[_equal(before, after)] = 0.0
    t = np.divide(centre, se, out=np.full(centre.shape, np.nan), where=se > 0.0)
    return PairedTBatch(centre, se, t, np.asarray(2.0 * stdtr(n - 1.0, -np.abs(t))))
