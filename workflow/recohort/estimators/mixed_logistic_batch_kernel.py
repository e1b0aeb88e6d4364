"""Compiled core of the random-intercept logistic model: many fits, one a cohort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.jit import entry, lean
from recohort.estimators.logistic_kernel import (
    BOUNDARY,
    INEXACT,
    INVALID,
    OK,
    SINGLE_OUTCOME,
    UNIDENTIFIED,
    Matrix,
    Vector,
    cholesky_inverse,
    fit_logistic_rows,
    new_cohort,
    new_newton,
    pack,
)
from recohort.estimators.mixed_logistic_fit_kernel import fit_mixed_rows
from recohort.estimators.mixed_logistic_kernel import Likelihood, new_groups
from recohort.estimators.simd import LANES, fma8, load8, splat8, sum8


@lean
def finite(values: Vector) -> bool:
    """Whether all of a contiguous array is finite."""
    total = splat8(0.0)
    whole = values.size // LANES * LANES
    for i in range(0, whole, LANES):
        total = fma8(load8(values, i), splat8(0.0), total)
    rest = float(sum8(total))
    for i in range(whole, values.size):
        rest += values[i] * 0.0
    return rest == 0.0


@entry
def fit_mixed_batch(
    y: Matrix,
    trials: Matrix,
    weights: Matrix,
    offset: Matrix,
    x: NDArray[np.float64],
    group: NDArray[np.int64],
    groups_max: int,
    z: Vector,
    log_weight: Vector,
    start: Matrix,
    fixed_sd: Vector,
    out_theta: Matrix,
    out_cov: NDArray[np.float64],
    out_loglik: Vector,
    out_flag: NDArray[np.int64],
    out_iterations: NDArray[np.int64],
    out_mode: Matrix,
    out_scale: Matrix,
) -> None:
    """Fit every cohort; arguments with a leading size of 1 are shared by all.

    With no nodes (z of size 0) the model is ordinary logistic regression. ``out_mode`` and
    ``out_scale`` are filled unless they have no columns.
    """
    n, p = x.shape[1], x.shape[2]
    mixed = z.size > 0
    cohort = new_cohort(n, p, groups_max)
    newton = new_newton(p + 1)
    room = new_groups(cohort.trials.size, groups_max, p, max(z.size, 1))
    theta = np.zeros(p + 1)
    total_x = np.zeros(p)
    plain = np.zeros(p)
    for c in range(out_flag.size):
        one_y = y[c if y.shape[0] > 1 else 0]
        one_x = x[c if x.shape[0] > 1 else 0]
        begin = start[c if start.shape[0] > 1 else 0]
        out_theta[c, :] = np.nan
        out_cov[c, :, :] = np.nan
        out_loglik[c] = np.nan
        out_iterations[c] = 0
        if not (finite(one_y) and finite(one_x.reshape(n * p))):
            out_flag[c] = INVALID
            continue
        rows, groups, unit, largest = pack(
            cohort,
            one_y,
            trials[c if trials.shape[0] > 1 else 0],
            weights[c if weights.shape[0] > 1 else 0],
            offset[c if offset.shape[0] > 1 else 0],
            one_x,
            group[c if group.shape[0] > 1 else 0],
        )
        if mixed:
            if groups < 2 or largest < 2:
                out_flag[c] = UNIDENTIFIED
                continue
            likelihood = Likelihood(cohort, rows, groups, p, unit, z, log_weight, total_x)
            sd = fixed_sd[c if fixed_sd.shape[0] > 1 else 0]
            flag, loglik, iterations = fit_mixed_rows(
                likelihood, begin, sd, theta, newton, room, plain
            )
        else:
            theta[p] = 0.0
            for j in range(p):
                theta[j] = begin[j] if begin[0] == begin[0] else 0.0
            newton.covariance[:, :] = np.nan
            flag, loglik, iterations = fit_logistic_rows(
                cohort, rows, groups, p, theta, newton, np.inf
            )
            if flag == OK:
                cholesky_inverse(newton.lower, p, newton.covariance, newton.step, newton.unit)
            elif flag == SINGLE_OUTCOME:
                theta[:p] = np.nan
        out_flag[c] = flag
        out_loglik[c] = loglik
        out_iterations[c] = iterations
        for j in range(p + 1):
            out_theta[c, j] = theta[j]
            for k in range(p + 1):
                out_cov[c, j, k] = newton.covariance[j, k]
        if out_mode.shape[1] > 0 and (flag <= BOUNDARY or flag == INEXACT):
            for g in range(groups):
                out_mode[c, g] = room.mode[g] * theta[p]
                out_scale[c, g] = room.scale[g] * theta[p]
