"""Survival at a time, and median follow-up, of many candidate versions of the times at once."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["follow_up_medians", "landmark_errors"]

_TOLERANCE = 1e-9


@njit(cache=True, nogil=True)
def landmark_errors(time, event, at, cluster, groups):  # type: ignore[no-untyped-def]
    """Kaplan and Meier's survival S at ``at`` (C,) and its standard error divided by S (C,).

    ``time`` and ``event`` are (C, n); ``cluster`` (n,) numbers the clusters 0 to ``groups`` - 1,
    whose squared summed influences give the error, or ``groups`` is 0 for Greenwood's. NaN where
    the time lies beyond the last observation and S has not reached 0; the error is NaN where S is
    0. The same as :mod:`recohort.estimators.kaplan_meier`, one time and many candidates.
    """
    count, n = time.shape
    survival = np.empty(count)
    error = np.empty(count)
    sums = np.empty(max(groups, 1))
    for c in range(count):
        order = np.argsort(time[c])
        left = 1.0
        greenwood = 0.0
        sums[:] = 0.0
        i = 0
        while i < n and time[c, order[i]] <= at:
            j = i
            events = 0
            while j < n and time[c, order[j]] == time[c, order[i]]:
                events += event[c, order[j]]
                j += 1
            risk = n - i
            if events:
                left *= (risk - events) / risk
                if risk > events:
                    greenwood += events / (risk * (risk - events))
            if groups:
                for k in range(i, j):
                    own = 0.0
                    if event[c, order[k]] and risk > events:
                        own = 1.0 / (risk - events)
                    sums[cluster[order[k]]] += own - greenwood
            i = j
        if i >= n and left > 0.0 and time[c, order[n - 1]] < at:
            survival[c] = np.nan
            error[c] = np.nan
            continue
        if groups:
            for k in range(i, n):
                sums[cluster[order[k]]] -= greenwood
            total = 0.0
            for g in range(groups):
                total += sums[g] * sums[g]
            error[c] = np.sqrt(total)
        else:
            error[c] = np.sqrt(greenwood)
        survival[c] = left
        if left == 0.0:
            error[c] = np.nan
    return survival, error


@njit(cache=True, nogil=True)
def follow_up_medians(time, event):  # type: ignore[no-untyped-def]
    """Median follow-up (C,) by the reversed curve of ``time`` and ``event`` (C, n); NaN: none."""
    count, n = time.shape
    median = np.empty(count)
    for c in range(count):
        order = np.argsort(time[c])
        left = 1.0
        first = np.nan
        found = np.nan
        i = 0
        while i < n:
            j = i
            lost = 0
            while j < n and time[c, order[j]] == time[c, order[i]]:
                lost += not event[c, order[j]]
                j += 1
            left *= (n - i - lost) / (n - i)
            if np.isnan(first):
                if abs(left - 0.5) <= _TOLERANCE:
                    first = time[c, order[i]]
                elif left < 0.5:
                    found = time[c, order[i]]
                    break
            elif left < 0.5 - _TOLERANCE:
                found = (first + time[c, order[i]]) / 2.0
                break
            i = j
        if np.isnan(found) and not np.isnan(first):
            found = (first + time[c, order[n - 1]]) / 2.0
        median[c] = found
    return median
