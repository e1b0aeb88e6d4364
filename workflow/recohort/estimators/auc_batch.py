"""AUCs of many cohorts in one call, with DeLong's intervals.

Rows are sorted by NumPy (vector instructions), and one pass of compiled code merges cases and
controls and counts in whole numbers, so that ties are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.special import expit, ndtri

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary,
    choice,
    confidence_level,
    rows,
)
from recohort.estimators.auc import AucScale


class AucStatus(IntEnum):
    """Why an AUC or its interval is missing (NaN) or has no width."""

    OK = 0
    ONE_CLASS = 1
    SINGLE_CASE = 2
    SINGLE_CONTROL = 3
    NO_VARIANCE = 4


@dataclass(frozen=True, slots=True)
class AucBatch:
    """One row a cohort, each field of shape (C,).

    ``status`` holds :class:`AucStatus`: ONE_CLASS leaves all NaN; SINGLE_CASE and SINGLE_CONTROL
    leave se, low and high NaN (the variance does not exist); NO_VARIANCE has se 0 and an interval
    without width (NaN on the logit scale at an AUC of 0 or 1).
    """

    auc: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    status: IntArray
    level: float


@njit(cache=True, nogil=True)
def _merge(
    case_rows: FloatArray,
    control_rows: FloatArray,
    cases: IntArray,
    controls: IntArray,
    auc: FloatArray,
    variance: FloatArray,
) -> None:
    """AUC and DeLong variance of rows whose first cases[c], controls[c] values are ordered."""
    for c in range(case_rows.shape[0]):
        x, y = case_rows[c], control_rows[c]
        n1, n0 = cases[c], controls[c]
        if n1 == 0 or n0 == 0:
            continue
        # Twice the wins, and the sums of squares of twice the wins of each case and control.
        total = 0
        squares_case = 0.0
        squares_control = 0.0
        i = 0
        j = 0
        while i < n1:
            value = x[i]
            first = i
            i += 1
            while i < n1 and x[i] == value:
                i += 1
            while j < n0 and y[j] < value:
                # This control lies below all cases from `first` on.
                w = 2.0 * (n1 - first)
                squares_control += w * w
                j += 1
            below = j
            while j < n0 and y[j] == value:
                w = float(2 * (n1 - i) + (i - first))
                squares_control += w * w
                j += 1
            wins = below + j
            total += wins * (i - first)
            squares_case += float(wins) * wins * (i - first)
        sum_ = float(total)
        auc[c] = sum_ / (2.0 * n1 * n0)
        if n1 > 1 and n0 > 1:
            # Whole numbers below 2**53 up to here for n of a few thousand: no cancellation error.
            s10 = (squares_case - sum_ * sum_ / n1) / (n1 - 1.0) / (4.0 * n0 * n0)
            s01 = (squares_control - sum_ * sum_ / n0) / (n0 - 1.0) / (4.0 * n1 * n1)
            variance[c] = max(s10, 0.0) / n1 + max(s01, 0.0) / n0


def auc_delong_batch(
    scores: ArrayLike,
    y: ArrayLike,
    level: float = 0.95,
    scale: AucScale = AucScale.PLAIN,
) -> AucBatch:
    """AUC with DeLong's interval for every row of ``scores`` (C, n).

    ``y`` is (n,), one outcome for all rows, or (C, n). Definitions, scales and sources as in
    :func:`recohort.estimators.auc.auc_delong`; rows that have no answer are marked in ``status``
    rather than refused. Cost: linear in rows, n log n in their length.
    Raises ValueError for NaN, y other than 0/1, or shapes that do not fit.
    """
    score = rows(scores, "scores")
    case = binary(y, "y")
    z = float(ndtri(0.5 + confidence_level(level) / 2.0))
    if case.shape != score.shape and case.shape != score.shape[1:]:
        raise ValueError(
            f"y: got shape {case.shape}; takes {score.shape[1:]} or {score.shape}, as scores"
        )
    cohorts = score.shape[0]
    value, variance = np.full(cohorts, np.nan), np.full(cohorts, np.nan)
    cases = np.empty(cohorts, dtype=np.int64)
    # Blocks that stay in the processor's cache.
    block = max(1, 65_536 // score.shape[1])
    for start in range(0, cohorts, block):
        part = slice(start, start + block)
        high, low, cases[part] = _ordered_groups(
            score[part], case if case.ndim == 1 else case[part]
        )
        controls = score.shape[1] - cases[part]
        _merge(high, low, cases[part], controls, value[part], variance[part])
    return _with_interval(
        value, variance, cases, score.shape[1], z, choice(AucScale, scale, "scale"), level
    )


def _ordered_groups(score: FloatArray, case: BoolArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Ordered case and control scores, left-aligned in rows, and the number of cases a row."""
    if case.ndim == 1:
        high, low = score[:, case], score[:, ~case]
        count = np.full(score.shape[0], high.shape[1], dtype=np.int64)
    else:
        # Scores are finite, so padding with infinity leaves each group in front.
        high, low = np.where(case, score, np.inf), np.where(case, np.inf, score)
        count = case.sum(axis=1, dtype=np.int64)
    high.sort(axis=1)
    low.sort(axis=1)
    return np.ascontiguousarray(high), np.ascontiguousarray(low), count


def _with_interval(
    value: FloatArray,
    variance: FloatArray,
    cases: IntArray,
    size: int,
    z: float,
    scale: AucScale,
    level: float,
) -> AucBatch:
    se = np.sqrt(variance)
    status = np.zeros(value.size, dtype=np.int64)
    status[se == 0.0] = AucStatus.NO_VARIANCE
    status[cases == size - 1] = AucStatus.SINGLE_CONTROL
    status[cases == 1] = AucStatus.SINGLE_CASE
    status[(cases == 0) | (cases == size)] = AucStatus.ONE_CLASS
    if scale is AucScale.PLAIN:
        low, high = np.maximum(value - z * se, 0.0), np.minimum(value + z * se, 1.0)
    else:
        inside = (value > 0.0) & (value < 1.0)
        safe = np.where(inside, value, 0.5)
        centre, half = np.log(safe / (1.0 - safe)), z * se / (safe * (1.0 - safe))
        low = np.where(inside, expit(centre - half), np.nan)
        high = np.where(inside, expit(centre + half), np.nan)
    return AucBatch(value, se, low, high, status, float(level))
