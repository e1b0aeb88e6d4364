"""Compiled core of the random-intercept logistic model: where Newton's method starts.

Both functions read what ordinary logistic regression left behind: a group's sum of residuals R, its
sum of weights W, and the weighted sums of its predictors.
"""

from __future__ import annotations

import numpy as np

from recohort.estimators.jit import lean
from recohort.estimators.logistic_kernel import Cohort, Newton, cholesky, cholesky_solve
from recohort.estimators.mixed_logistic_kernel import Groups, width
from recohort.estimators.simd import LANES, fma8, load8, splat8, store8, sums8

# The moments' standard deviation is about so much smaller than the maximum-likelihood one.
SHORTFALL = 1.13
# Standard deviations at which a maximum apart from the boundary's is looked for, each so many times
# the one before.
FIRST, STEP, STEPS = 0.15, 1.6, 7


@lean
def first_sd(cohort: Cohort, groups: int) -> float:
    """The standard deviation that Newton's method starts from, by moments of the residuals.

    A group's R^2 has expectation W + W^2 sigma^2 about; two rounds of weighting by its variance.
    """
    square = 0.05
    for _ in range(2):
        top, bottom = 0.0, 0.0
        for g in range(groups):
            residual, weight = cohort.group_residual[g], cohort.group_weight[g]
            share = 1.0 / (1.0 + weight * square)
            top += (residual * residual - weight) * share * share
            bottom += weight * weight * share * share
        square = min(max(top / bottom, 0.01), 4.0)
    return float(SHORTFALL * np.sqrt(square))


@lean
def rising_sd(cohort: Cohort, groups: int, p: int, newton: Newton, room: Groups) -> float:
    """Where the likelihood may have a maximum apart from the boundary's; 0 if it only falls.

    The derivative at the boundary sees small standard deviations alone. With few groups of very
    unequal size the likelihood can fall there and rise further on. This looks along the profile
    of the linear mixed model for the working response of ordinary regression, which is cheap:

        sum_g [-log(1 + s W_g) / 2 + s R_g^2 / (2 (1 + s W_g))] + v' A^-1 v / 2, s = sigma^2,
        v = sum_g s R_g / (1 + s W_g) X_g, A = X'WX - sum_g s / (1 + s W_g) X_g X_g',

    X_g the sum of weight * x over a group. ``newton.information`` is X'WX and is kept;
    ``newton.lower`` is its factor again at the end. ``newton.covariance`` is overwritten.
    """
    capacity = cohort.trials.size
    wide = width(groups)
    for b in range(0, groups, LANES):
        for i in range(LANES):
            for j in range(p):
                total = splat8(0.0)
                for r in range(cohort.first[b + i], cohort.first[b + i + 1], LANES):
                    tx = load8(cohort.tx, j * capacity + r)
                    total = fma8(load8(cohort.weight, r), tx, total)
                store8(room.partial, (j * LANES + i) * LANES, total)
        for j in range(p):
            store8(room.mode_slope, j * wide + b, sums8(room.partial, j * LANES * LANES))
    previous, best, found = 0.0, -np.inf, 0.0
    sd = FIRST
    for _ in range(STEPS):
        s = sd * sd
        value = 0.0
        spread = 1.0
        for j in range(p):
            newton.gradient[j] = 0.0
            for k in range(j + 1):
                newton.covariance[j, k] = newton.information[j, k]
        for g in range(groups):
            residual = cohort.group_residual[g]
            ratio = 1.0 + s * cohort.group_weight[g]
            share = s / ratio
            spread *= ratio
            if spread > 1e200:
                value -= 0.5 * np.log(spread)
                spread = 1.0
            value += 0.5 * share * residual * residual
            for j in range(p):
                part = share * room.mode_slope[j * wide + g]
                newton.gradient[j] += residual * part
                for k in range(j + 1):
                    newton.covariance[j, k] -= part * room.mode_slope[k * wide + g]
        value -= 0.5 * np.log(spread)
        if cholesky(newton.covariance, p, newton.lower) < 0:
            cholesky_solve(newton.lower, p, newton.gradient, newton.step)
            for j in range(p):
                value += 0.5 * newton.step[j] * newton.gradient[j]
        if value > previous and value > best:
            best = value
            found = sd
        previous = value
        sd *= STEP
    cholesky(newton.information, p, newton.lower)
    return found
