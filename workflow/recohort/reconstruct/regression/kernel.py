"""Compiled loops of the regression search that foretell what moves do, and exchange rows."""

from __future__ import annotations

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, inner
from recohort.estimators.logistic_kernel import cholesky, cholesky_solve

__all__ = [
    "auc_effects",
    "auc_slopes",
    "auc_sums",
    "exchange",
    "newton_moves",
]


_LEAST = 1e-12
"""A pivot of an information matrix below this is none."""


@inner
def _deviations(lower: FloatArray, out: FloatArray) -> None:
    """Roots of the inverse's diagonal; ``lower`` becomes its own inverse."""
    p = out.size
    for j in range(p):
        lower[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, p):
            total = 0.0
            for k in range(j, i):
                total -= lower[i, k] * lower[k, j]
            lower[i, j] = total / lower[i, i]
    for j in range(p):
        variance = 0.0
        for k in range(j, p):
            variance += lower[k, j] * lower[k, j]
        out[j] = np.sqrt(variance)


@entry
def newton_moves(
    coef: FloatArray,
    information: FloatArray,
    bend: FloatArray,
    lean: FloatArray,
    design: FloatArray,
    new_a: FloatArray,
    new_b: FloatArray,
    a: IntArray,
    b: IntArray,
    y: FloatArray,
    shift: FloatArray,
    group: IntArray,
    inside: BoolArray,
    coefs: FloatArray,
    ses: FloatArray,
) -> None:
    """One Newton step for each move: coefficients and standard errors, (M, p) each.

    ``bend`` (p, p, p) is the information's slope along the coefficients: the standard errors follow
    the weights, which follow the coefficients.
    """
    count, p = new_a.shape
    score = np.empty(p)
    step = np.empty(p)
    matrix = np.empty((p, p))
    kept = np.empty((p, p))
    for m in range(count):
        score[:] = 0.0
        matrix[:, :] = information
        for side in range(2):
            row = a[m] if side == 0 else b[m]
            if row < 0 or not inside[row]:
                continue
            for after in range(2):
                sign = 1.0 if after == 1 else -1.0
                eta = shift[row]
                for j in range(p):
                    value = design[row, j]
                    if after == 1:
                        value = new_a[m, j] if side == 0 else new_b[m, j]
                    eta += coef[j] * value
                mean = 1.0 / (1.0 + np.exp(-eta))
                residual = sign * (y[row] - mean)
                weight = sign * mean * (1.0 - mean)
                for j in range(p):
                    value = design[row, j]
                    if after == 1:
                        value = new_a[m, j] if side == 0 else new_b[m, j]
                    pull = value
                    if group[row] >= 0:
                        pull = value - lean[group[row], j]
                    score[j] += pull * residual
                    for k in range(j + 1):
                        other = design[row, k]
                        if after == 1:
                            other = new_a[m, k] if side == 0 else new_b[m, k]
                        if group[row] >= 0:
                            other -= lean[group[row], k]
                        matrix[j, k] += weight * pull * other
        kept[:, :] = matrix
        if cholesky(matrix, p, matrix, 0.0, _LEAST) >= 0:
            coefs[m, :] = np.nan
            ses[m, :] = np.nan
            continue
        cholesky_solve(matrix, p, score, step)
        for j in range(p):
            for k in range(j + 1):
                value = kept[j, k]
                for i in range(p):
                    value += bend[j, k, i] * step[i]
                matrix[j, k] = value
        if cholesky(matrix, p, matrix, 0.0, _LEAST) >= 0:
            matrix[:, :] = kept
            cholesky(matrix, p, matrix, 0.0, _LEAST)
        _deviations(matrix, ses[m])
        for j in range(p):
            coefs[m, j] = coef[j] + step[j]


@entry
def auc_sums(cases: FloatArray, controls: FloatArray) -> FloatArray:
    """(C, 3): AUC, and sums of squared placements of cases and of controls, of ordered scores."""
    found = np.empty((cases.shape[0], 3))
    for c in range(cases.shape[0]):
        x, y = cases[c], controls[c]
        n1, n0 = x.size, y.size
        total = 0.0
        square1 = 0.0
        square0 = 0.0
        i = 0
        j = 0
        while i < n1:
            value = x[i]
            first = i
            while i < n1 and x[i] == value:
                i += 1
            while j < n0 and y[j] < value:
                w = float(n1 - first) / n1
                square0 += w * w
                j += 1
            below = j
            while j < n0 and y[j] == value:
                w = (n1 - i + 0.5 * (i - first)) / n1
                square0 += w * w
                j += 1
            place = 0.5 * (below + j) / n0
            total += place * (i - first)
            square1 += place * place * (i - first)
        found[c, 0] = total / n1
        found[c, 1] = square1
        found[c, 2] = square0
    return found


@inner
def _one_row(
    old: float,
    new: float,
    own: FloatArray,
    others: FloatArray,
    sums: FloatArray,
    upward: float,
    change: FloatArray,
) -> float:
    """Effect of one score's change: on the AUC (returned) and on both sums of squared placements.

    ``own`` and ``others`` are the ordered scores of its class and of the other one, ``sums`` the
    running sums of the others' placements, ``upward`` 1 for a case and -1 for a control.
    """
    low = 0.5 * (
        np.searchsorted(others, old, side="left") + np.searchsorted(others, old, side="right")
    )
    high = 0.5 * (
        np.searchsorted(others, new, side="left") + np.searchsorted(others, new, side="right")
    )
    place_old, place_new = low / others.size, high / others.size
    if upward < 0.0:
        place_old, place_new = 1.0 - place_old, 1.0 - place_new
    change[0] = place_new * place_new - place_old * place_old
    first, last = int(min(low, high)), int(max(low, high))
    # Each score passed gains or loses one of this class's placements.
    gain = upward / own.size
    if high < low:
        gain = -gain
    between = sums[last] - sums[first]
    change[1] = 2.0 * gain * between + gain * gain * (last - first)
    return (place_new - place_old) / own.size


@entry
def auc_effects(
    before: FloatArray,
    after: FloatArray,
    is_case: IntArray,
    cases: FloatArray,
    controls: FloatArray,
    case_sums: FloatArray,
    control_sums: FloatArray,
) -> FloatArray:
    """(M, 3): what a change of scores from ``before`` to ``after`` (M, 2) does to `auc_sums`.

    ``is_case`` (M, 2) is 1 for a case, 0 for a control, -1 for a row that takes no part.
    """
    found = np.zeros((before.shape[0], 3))
    change = np.empty(2)
    for m in range(before.shape[0]):
        for side in range(2):
            kind = is_case[m, side]
            if kind < 0 or before[m, side] == after[m, side]:
                continue
            if kind == 1:
                found[m, 0] += _one_row(
                    before[m, side], after[m, side], cases, controls, control_sums, 1.0, change
                )
                found[m, 1] += change[0]
                found[m, 2] += change[1]
            else:
                found[m, 0] += _one_row(
                    before[m, side], after[m, side], controls, cases, case_sums, -1.0, change
                )
                found[m, 2] += change[0]
                found[m, 1] += change[1]
    return found


@entry
def auc_slopes(
    scores: FloatArray,
    is_case: IntArray,
    reach: float,
    cases: FloatArray,
    controls: FloatArray,
    case_sums: FloatArray,
    control_sums: FloatArray,
) -> FloatArray:
    """(rows, 3): slopes of `auc_sums` along each row's score, over a window of ``reach``."""
    found = np.empty((scores.size, 3))
    change = np.empty(2)
    for r in range(scores.size):
        low, high = scores[r] - reach, scores[r] + reach
        if is_case[r] == 1:
            found[r, 0] = _one_row(low, high, cases, controls, control_sums, 1.0, change)
            found[r, 1], found[r, 2] = change[0], change[1]
        else:
            found[r, 0] = _one_row(low, high, controls, cases, case_sums, -1.0, change)
            found[r, 2], found[r, 1] = change[0], change[1]
        for k in range(3):
            found[r, k] /= 2.0 * reach
    return found


@entry
def exchange(
    values: FloatArray,
    parts: FloatArray,
    strata: IntArray,
    low: FloatArray,
    high: FloatArray,
    key: IntArray,
    first: IntArray,
    second: IntArray,
    luck: FloatArray,
) -> None:
    """Metropolis' rule on exchanges between rows with (first) and without the outcome, in place.

    ``parts`` (keys, n) is what each value adds to the linear predictor; ``luck`` the logarithms of
    uniform random numbers.
    """
    for m in range(key.size):
        k, a, b = key[m], first[m], second[m]
        if strata[k, a] < 0 or strata[k, a] != strata[k, b]:
            continue
        at_a, at_b = values[k, a], values[k, b]
        if at_a == at_b or luck[m] >= parts[k, b] - parts[k, a]:
            continue
        if at_b < low[k, a] or at_b > high[k, a] or at_a < low[k, b] or at_a > high[k, b]:
            continue
        values[k, a], values[k, b] = at_b, at_a
        parts[k, a], parts[k, b] = parts[k, b], parts[k, a]
