"""Compiled core of logistic regression: packing of cohorts and Newton's method.

Rows are sorted by group and every group is padded to whole vectors of eight rows, so that no loop
has a remainder and a group's sums never depend on what stands before or after it. Padding rows
have no trials, and so no weight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.jit import allocating, lean
from recohort.estimators.simd import (
    LANES,
    add8,
    div8,
    exp8,
    fma8,
    load8,
    log8,
    mul8,
    splat8,
    store8,
    sub8,
    sum8,
    sums8,
    where_less8,
    where_positive8,
)

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Flags as small integers; `FitFlag` in fit_flag.py names them.
OK, BOUNDARY, SEPARATED, SD_UNBOUNDED, SINGLE_OUTCOME = 0, 1, 2, 3, 4
COLLINEAR, UNIDENTIFIED, NOT_CONVERGED, INVALID, INEXACT = 5, 6, 7, 8, 9

# A pivot this small, relative to the column's own sum of squares, is a linear combination.
PIVOT = 1e-11
# Newton stops when the squared step in standard errors is below this.
DECREMENT = 1e-14
# A fit that only opens a mixed one may stop this close, where the groups' differences exceed
# chance by so many standard errors: the solution cannot be at the boundary then.
CLOSE = 1e-4
CLEAR = 0.1


class Cohort(NamedTuple):
    """One packed cohort; column j of ``x`` and ``tx`` starts at j * capacity.

    ``x`` has the p predictors and a column of ones, ``tx`` the same times the trials.
    """

    x: Vector
    tx: Vector
    success: Vector
    trials: Vector
    offset: Vector
    first: NDArray[np.int64]
    group_success: Vector
    eta: Vector
    residual: Vector
    weight: Vector
    group_residual: Vector
    group_weight: Vector
    partial: Vector
    slot: NDArray[np.int64]
    totals: Vector


@allocating
def aligned(size: int) -> Vector:
    """Zeros that start on a whole line of the processor's cache, so that no vector takes two."""
    room = np.zeros(size + LANES)
    first = (-(room.ctypes.data // 8)) % LANES
    return room[first : first + size]


@allocating
def new_cohort(n: int, p: int, groups: int) -> Cohort:
    """An empty cohort with room for n rows in so many groups."""
    capacity = n + LANES * (groups + 1)
    capacity -= capacity % LANES
    return Cohort(
        aligned(capacity * (p + 1)),
        aligned(capacity * (p + 1)),
        aligned(capacity),
        aligned(capacity),
        aligned(capacity),
        np.zeros(groups + LANES + 1, np.int64),
        aligned(groups + LANES),
        aligned(capacity),
        aligned(capacity),
        aligned(capacity),
        aligned(groups + LANES),
        aligned(groups + LANES),
        aligned(2 * LANES * LANES),
        np.zeros(groups + 1, np.int64),
        np.zeros(2),
    )


@lean
def pack(
    cohort: Cohort,
    y: Vector,
    trials: Vector,
    weights: Vector,
    offset: Vector,
    x: Matrix,
    group: NDArray[np.int64],
) -> tuple[int, int, bool, int]:
    """Sort one cohort by group into ``cohort``.

    Returns its padded rows, its groups with at least one trial, whether every row is one trial,
    and the largest number of trials in a group.
    """
    n, p = x.shape
    capacity = cohort.trials.size
    one_y, one_m, one_w = y.size == 1, trials.size == 1, weights.size == 1
    one_o, one_g = offset.size == 1, group.size == 1
    slot = cohort.slot
    slot[:] = 0
    for i in range(n):
        if trials[0 if one_m else i] * weights[0 if one_w else i] > 0.0:
            slot[group[0 if one_g else i]] += 1
    rows = 0
    groups = 0
    for g in range(slot.size):
        count = slot[g]
        slot[g] = rows
        if count > 0:
            cohort.first[groups] = rows
            groups += 1
            rows += (count + LANES - 1) // LANES * LANES
    # Groups that fill the last vector are empty.
    cohort.first[groups : groups + LANES] = rows
    cohort.group_success[groups : groups + LANES] = 0.0
    cohort.trials[:rows] = 0.0
    cohort.success[:rows] = 0.0
    cohort.offset[:rows] = 0.0
    for j in range(p + 1):
        cohort.x[j * capacity : j * capacity + rows] = 0.0
        cohort.tx[j * capacity : j * capacity + rows] = 0.0
    unit = True
    for i in range(n):
        w = weights[0 if one_w else i]
        t = trials[0 if one_m else i] * w
        if t > 0.0:
            g = group[0 if one_g else i]
            r = slot[g]
            slot[g] = r + 1
            cohort.trials[r] = t
            cohort.success[r] = y[0 if one_y else i] * w
            cohort.offset[r] = offset[0 if one_o else i]
            if t != 1.0:
                unit = False
            for j in range(p):
                cohort.x[j * capacity + r] = x[i, j]
                cohort.tx[j * capacity + r] = x[i, j] * t
            cohort.x[p * capacity + r] = 1.0
            cohort.tx[p * capacity + r] = t
    largest = 0.0
    all_success = 0.0
    all_trials = 0.0
    for g in range(groups):
        successes = 0.0
        total = 0.0
        for r in range(cohort.first[g], cohort.first[g + 1]):
            successes += cohort.success[r]
            total += cohort.trials[r]
        cohort.group_success[g] = successes
        all_success += successes
        all_trials += total
        largest = max(largest, total)
    cohort.totals[0] = all_success
    cohort.totals[1] = all_trials
    return rows, groups, unit, 2 if largest > 1.0 else 1


@lean
def linear_predictor(cohort: Cohort, rows: int, p: int, beta: Vector) -> None:
    """eta = offset + x beta, into ``cohort.eta``."""
    capacity = cohort.trials.size
    for r in range(0, rows, LANES):
        eta = load8(cohort.offset, r)
        for j in range(p):
            eta = fma8(splat8(beta[j]), load8(cohort.x, j * capacity + r), eta)
        store8(cohort.eta, r, eta)


@lean
def dot(a: Vector, start_a: int, b: Vector, start_b: int, size: int) -> float:
    """The sum of a * b over ``size`` values, a multiple of eight."""
    total = splat8(0.0)
    for r in range(0, size, LANES):
        total = fma8(load8(a, start_a + r), load8(b, start_b + r), total)
    return float(sum8(total))


@lean
def dot3(w: Vector, a: Vector, start_a: int, b: Vector, start_b: int, size: int) -> float:
    """The sum of w * a * b over ``size`` values, a multiple of eight."""
    total = splat8(0.0)
    for r in range(0, size, LANES):
        wa = mul8(load8(w, r), load8(a, start_a + r))
        total = fma8(wa, load8(b, start_b + r), total)
    return float(sum8(total))


@lean
def evaluate_logistic(
    cohort: Cohort, rows: int, p: int, beta: Vector, gradient: Vector, information: Matrix
) -> float:
    """Log-likelihood of logistic regression, its gradient and its information."""
    capacity = cohort.trials.size
    linear_predictor(cohort, rows, p, beta)
    one, edge = splat8(1.0), splat8(345.0)
    total = splat8(0.0)
    for r in range(0, rows, LANES):
        eta = load8(cohort.eta, r)
        t = load8(cohort.trials, r)
        s = load8(cohort.success, r)
        e = exp8(eta)
        d = add8(one, e)
        prob = div8(e, d)
        fitted = mul8(t, prob)
        store8(cohort.residual, r, sub8(s, fitted))
        # The column of tx times this is trials * p (1 - p) * x; 1 - p as 1 / (1 + e) keeps its
        # digits where p is close to 1.
        store8(cohort.weight, r, where_positive8(t, mul8(prob, div8(one, d))))
        # log(d) saturates where exp does: so must eta, or a wild step would look like a gain.
        total = add8(total, sub8(mul8(s, where_less8(eta, edge, eta, edge)), mul8(t, log8(d))))
    for j in range(p):
        gradient[j] = dot(cohort.residual, 0, cohort.x, j * capacity, rows)
        for k in range(j + 1):
            value = dot3(cohort.weight, cohort.tx, j * capacity, cohort.x, k * capacity, rows)
            information[j, k] = value
            information[k, j] = value
    return float(sum8(total))


@lean
def cholesky(
    a: Matrix, size: int, lower: Matrix, relative: float = PIVOT, least: float = 0.0
) -> int:
    """a = lower lower' of the leading block; the first pivot that is not positive, or -1.

    A pivot is positive if it exceeds ``least`` and ``relative`` times its diagonal element.
    ``lower`` may be ``a`` itself.
    """
    for j in range(size):
        whole = abs(a[j, j])
        pivot = a[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        if not pivot > relative * whole + least:
            return j
        root = np.sqrt(pivot)
        lower[j, j] = root
        for i in range(j + 1, size):
            value = a[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / root
    return -1


@lean
def cholesky_solve(lower: Matrix, size: int, b: Vector, out: Vector) -> None:
    """out = (lower lower')^-1 b."""
    for i in range(size):
        value = b[i]
        for k in range(i):
            value -= lower[i, k] * out[k]
        out[i] = value / lower[i, i]
    for i in range(size - 1, -1, -1):
        value = out[i]
        for k in range(i + 1, size):
            value -= lower[k, i] * out[k]
        out[i] = value / lower[i, i]


@lean
def cholesky_inverse(lower: Matrix, size: int, out: Matrix, column: Vector, unit: Vector) -> None:
    """out = (lower lower')^-1."""
    for j in range(size):
        unit[:size] = 0.0
        unit[j] = 1.0
        cholesky_solve(lower, size, unit, column)
        for i in range(size):
            out[i, j] = column[i]


@allocating
def recedes(cohort: Cohort, rows: int, p: int, step: Vector, direction: Vector) -> bool:
    """Whether the likelihood never falls along ``step``: the mark of separation.

    Along a direction of recession every row moves to its own outcome or not at all. The columns
    that take part are left in ``direction`` as their sign, the others as 0.
    """
    capacity = cohort.trials.size
    furthest = 0.0
    for r in range(rows):
        if cohort.trials[r] > 0.0:
            move = 0.0
            for j in range(p):
                move += step[j] * cohort.x[j * capacity + r]
            cohort.weight[r] = move
            furthest = max(furthest, abs(move))
        else:
            cohort.weight[r] = 0.0
    if furthest < 0.1:
        return False
    slack = 1e-6 * furthest
    for r in range(rows):
        move = cohort.weight[r]
        if cohort.success[r] > 0.0 and move < -slack:
            return False
        if cohort.success[r] < cohort.trials[r] and move > slack:
            return False
    for j in range(p):
        spread = 0.0
        for r in range(rows):
            spread = max(spread, abs(cohort.x[j * capacity + r]))
        part = step[j] * spread
        direction[j] = 0.0 if abs(part) < 1e-3 * furthest else np.sign(part)
    return True


class Newton(NamedTuple):
    """Room for Newton's method in q parameters."""

    gradient: Vector
    information: Matrix
    lower: Matrix
    step: Vector
    previous: Vector
    unit: Vector
    covariance: Matrix


@allocating
def new_newton(q: int) -> Newton:
    """Empty room for q parameters."""
    return Newton(
        np.zeros(q),
        np.zeros((q, q)),
        np.zeros((q, q)),
        np.zeros(q),
        np.zeros(q),
        np.zeros(q),
        np.zeros((q, q)),
    )


@lean
def intercept_score(cohort: Cohort, groups: int, p: int) -> tuple[float, float]:
    """How far the groups differ beyond chance, in standard errors, and the information in total.

    Twice the derivative of the log-likelihood by sigma^2 at 0 is the sum over groups of R^2 - W, R
    the sum of a group's residuals and W of its weights; its standard error is about that of R^2.
    """
    capacity = cohort.trials.size
    score = 0.0
    squares = 0.0
    total = 0.0
    for b in range(0, groups, LANES):
        for i in range(LANES):
            first, stop = cohort.first[b + i], cohort.first[b + i + 1]
            residual, weight = splat8(0.0), splat8(0.0)
            for r in range(first, stop, LANES):
                residual = add8(residual, load8(cohort.residual, r))
                tx = load8(cohort.tx, p * capacity + r)
                weight = fma8(load8(cohort.weight, r), tx, weight)
            store8(cohort.partial, i * LANES, residual)
            store8(cohort.partial, LANES * LANES + i * LANES, weight)
        residual, weight = sums8(cohort.partial, 0), sums8(cohort.partial, LANES * LANES)
        store8(cohort.group_residual, b, residual)
        store8(cohort.group_weight, b, weight)
        score += sum8(sub8(mul8(residual, residual), weight))
        squares += sum8(mul8(weight, weight))
        total += sum8(weight)
    return score / np.sqrt(2.0 * squares), total


@lean
def fit_logistic_rows(
    cohort: Cohort, rows: int, groups: int, p: int, beta: Vector, newton: Newton, clear: float
) -> tuple[int, float, int]:
    """Maximum likelihood from ``beta`` (overwritten). Returns flag, log-likelihood, iterations.

    It stops close to the solution, as NOT_CONVERGED, where the groups differ by more than ``clear``
    standard errors: a random intercept is sure to be wanted then. Infinity never stops it.

    ``newton.lower`` holds the Cholesky factor of the information at the end. In a separated
    cohort the columns that diverge end as plus or minus infinity.
    """
    if cohort.totals[0] <= 0.0 or cohort.totals[0] >= cohort.totals[1]:
        return SINGLE_OUTCOME, np.nan, 0
    loglik = -np.inf
    shrink = 1.0
    iteration = 0
    while iteration < 60:
        iteration += 1
        value = evaluate_logistic(cohort, rows, p, beta, newton.gradient, newton.information)
        if value < loglik - 1e-10 * (1.0 + abs(loglik)) and shrink > 1e-6:
            shrink *= 0.5
            for j in range(p):
                beta[j] = newton.previous[j] + shrink * newton.step[j]
            continue
        loglik = value
        shrink = 1.0
        if cholesky(newton.information, p, newton.lower) >= 0:
            # Far out on a separated cohort the information dies away too: a collinear one is
            # recognised at the start, where the weights are even.
            return (COLLINEAR if iteration == 1 else NOT_CONVERGED), loglik, iteration
        cholesky_solve(newton.lower, p, newton.gradient, newton.step)
        decrement = 0.0
        for j in range(p):
            decrement += newton.step[j] * newton.gradient[j]
        if decrement > -4.0 * loglik:
            # More than there is to gain: far from the data the curvature is next to nothing.
            for j in range(p):
                newton.step[j] *= -4.0 * loglik / decrement
        for j in range(p):
            newton.previous[j] = beta[j]
            beta[j] += newton.step[j]
        if decrement < DECREMENT:
            return OK, loglik, iteration
        if clear < np.inf and decrement < CLOSE and iteration < 10:
            score, _ = intercept_score(cohort, groups, p)
            if score > clear:
                return NOT_CONVERGED, loglik, iteration
        if iteration >= 10 and recedes(cohort, rows, p, newton.step, newton.unit):
            for j in range(p):
                if newton.unit[j] != 0.0:
                    beta[j] = newton.unit[j] * np.inf
            return SEPARATED, loglik, iteration
    return NOT_CONVERGED, loglik, iteration
