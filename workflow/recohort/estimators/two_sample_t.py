"""Student's and Welch's t tests of two groups, from data, from printed summaries, in batches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from recohort.estimators.arguments import (
    FloatArray,
    choice,
    confidence_level,
    number,
    rows,
    vector,
    whole_number,
)
from recohort.estimators.result import Estimate, HypothesisTest, Interval


class TwoSampleVariance(StrEnum):
    """student: one pooled variance; welch: a variance a group."""

    STUDENT = "student"
    WELCH = "welch"


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """Size, mean and SD (n - 1) of one group."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class TwoSampleT:
    """The difference of means (first - second), its interval, and the two-sided test."""

    difference: Estimate
    test: HypothesisTest


@dataclass(frozen=True, slots=True)
class TwoSampleTBatch:
    """One entry a cohort (C,); NaN where both groups have no spread."""

    difference: FloatArray
    se: FloatArray
    df: FloatArray
    t: FloatArray
    p_value: FloatArray


def two_sample_t(
    first: ArrayLike,
    second: ArrayLike,
    variance: TwoSampleVariance = TwoSampleVariance.WELCH,
    level: float = 0.95,
) -> TwoSampleT:
    """t test of the mean of ``first`` (m,) against that of ``second`` (n,), each of at least 2.

    See :func:`two_sample_t_from_summary` for formulas and sources.
    """
    x, y = vector(first, "first", 2), vector(second, "second", 2)
    return two_sample_t_from_summary(
        GroupSummary(x.size, float(x.mean()), float(_squares(x)) ** 0.5),
        GroupSummary(y.size, float(y.mean()), float(_squares(y)) ** 0.5),
        variance,
        level,
    )


def two_sample_t_from_summary(
    first: GroupSummary,
    second: GroupSummary,
    variance: TwoSampleVariance = TwoSampleVariance.WELCH,
    level: float = 0.95,
) -> TwoSampleT:
    """t test from sizes, means and SDs.

    student: se² = s²(1/m + 1/n), s² = ((m-1)s1² + (n-1)s2²)/(m+n-2), df = m + n - 2.
    welch: se² = s1²/m + s2²/n, df = se⁴ / [(s1²/m)²/(m-1) + (s2²/n)²/(n-1)] (Welch, Biometrika
    1947;34:28). Where neither group has any spread the test does not exist; ``note`` says so.
    """
    m, n = whole_number(first.n, "first.n", 2), whole_number(second.n, "second.n", 2)
    gap = number(first.mean, "first.mean") - number(second.mean, "second.mean")
    a = number(first.sd, "first.sd", 0.0) ** 2
    b = number(second.sd, "second.sd", 0.0) ** 2
    confidence_level(level)
    squared, df = _variance(
        np.asarray(a), np.asarray(b), m, n, choice(TwoSampleVariance, variance, "variance")
    )
    se, freedom = float(squared) ** 0.5, float(df)
    if se == 0.0:
        note = "neither group has any spread: the test does not exist"
        return TwoSampleT(Estimate(gap, 0.0, None, note), HypothesisTest(None, None, note=note))
    half = float(stdtrit(freedom, 0.5 + level / 2.0)) * se
    t = gap / se
    return TwoSampleT(
        Estimate(gap, se, Interval(gap - half, gap + half, float(level))),
        HypothesisTest(t, float(2.0 * stdtr(freedom, -abs(t))), freedom),
    )


def _squares(values: FloatArray) -> FloatArray:
    """Sample variance along the last axis; 0 where all are equal but for their rounding."""
    spread = np.ptp(values, axis=-1) > 8.0 * np.finfo(float).eps * np.abs(values).max(axis=-1)
    return np.asarray(np.where(spread, values.var(axis=-1, ddof=1), 0.0))


def _variance(
    a: FloatArray, b: FloatArray, m: int, n: int, kind: TwoSampleVariance
) -> tuple[FloatArray, FloatArray]:
    """Squared standard error of the difference and its degrees of freedom; a, b are variances."""
    if kind is TwoSampleVariance.STUDENT:
        df = m + n - 2.0
        pooled = ((m - 1) * a + (n - 1) * b) / df
        return pooled * (1.0 / m + 1.0 / n), np.full(a.shape, df)
    u, v = a / m, b / n
    total = u + v
    # As shares of the total: the squares of a tiny variance would underflow.
    share = np.divide(u, total, out=np.full(u.shape, 0.5), where=total > 0.0)
    return total, 1.0 / (share**2 / (m - 1) + (1.0 - share) ** 2 / (n - 1))


def two_sample_t_batch(
    first: ArrayLike,
    second: ArrayLike,
    variance: TwoSampleVariance = TwoSampleVariance.WELCH,
) -> TwoSampleTBatch:
    """:func:`two_sample_t` for every row of ``first`` (C, m) and ``second`` (C, n)."""
    x, y = rows(first, "first", 2), rows(second, "second", 2)
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"second: got {y.shape[0]} rows; takes {x.shape[0]}, as first")
    gap = x.mean(axis=1) - y.mean(axis=1)
    squared, df = _variance(
        _squares(x),
        _squares(y),
        x.shape[1],
        y.shape[1],
        choice(TwoSampleVariance, variance, "variance"),
    )
    se = np.sqrt(squared)
    t = np.divide(gap, se, out=np.full(gap.shape, np.nan), where=se > 0.0)
    return TwoSampleTBatch(gap, se, df, t, np.asarray(2.0 * stdtr(df, -np.abs(t))))
