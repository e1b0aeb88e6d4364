"""Compiled core of the random-intercept logistic model: one fit, and many.

Ordinary logistic regression comes first. It decides between boundary and interior: at its
solution the derivative of the log-likelihood by sigma^2 at 0 is half of sum_g (R^2 - W), R the
sum of a group's residuals and W of its weights. It also finds separation, under which the mixed
model has no finite estimate either. Then Newton's method on (beta, sigma), with halving.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.jit import entry, inner
from recohort.estimators.laplace_kernel import evaluate_laplace
from recohort.estimators.logistic_kernel import (
    BOUNDARY,
    DECREMENT,
    INEXACT,
    INVALID,
    NOT_CONVERGED,
    OK,
    SD_UNBOUNDED,
    SINGLE_OUTCOME,
    UNIDENTIFIED,
    Cohort,
    Matrix,
    Newton,
    Vector,
    cholesky,
    cholesky_inverse,
    cholesky_solve,
    dot,
    fit_logistic_rows,
    new_cohort,
    new_newton,
    pack,
)
from recohort.estimators.mixed_logistic_kernel import Groups, evaluate_mixed, new_groups

# A standard deviation beyond this, in logits, is on its way to infinity.
SD_LIMIT = 30.0
# Louis' identity holds for the integral itself: with fewer nodes than this the Hessian of the
# quadrature objective is taken by differences of its gradient instead.
LOUIS_NODES = 7
# So too where moving the nodes would shift the solution by more standard errors than this,
CRUDE = 1e-3
# and where Louis' matrix has not brought Newton's method home in so many steps.
PATIENCE = 10
# With less information than this a group (few events, or nearly separated outcomes) a higher
# maximum may stand apart from the one at the boundary. It is looked for where the likelihood at a
# standard deviation of 1 comes this close to the boundary's,
SPARSE = 2.0
NEAR = 0.03
# and with less than this always, from a standard deviation of 3 too.
SCARCE = 0.5
# From here on the fit is complete but flagged: it should have had more nodes.
INEXACT_SHIFT = 0.01


@inner
def objective(
    cohort: Cohort,
    rows: int,
    groups: int,
    p: int,
    unit: bool,
    z: Vector,
    log_weight: Vector,
    group_x: Vector,
    theta: Vector,
    gradient: Vector,
    information: Matrix,
    room: Groups,
) -> float:
    """Log-likelihood, gradient and information, by Laplace's approximation if one node."""
    if z.size == 1:
        return evaluate_laplace(
            cohort, rows, groups, p, group_x, theta, gradient, information, room
        )
    return evaluate_mixed(
        cohort, rows, groups, p, unit, z, log_weight, group_x, theta, gradient, information, room
    )


@inner
def difference_information(
    cohort: Cohort,
    rows: int,
    groups: int,
    p: int,
    unit: bool,
    z: Vector,
    log_weight: Vector,
    group_x: Vector,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> None:
    """Observed information by central differences of the gradient, into newton.information."""
    q = p + 1
    width = np.zeros(q)
    for j in range(q):
        width[j] = 1e-4 / np.sqrt(max(newton.information[j, j], 1e-8))
    moved = theta.copy()
    up, down = np.zeros(q), np.zeros(q)
    spare = np.zeros((q, q))
    result = np.zeros((q, q))
    for j in range(q):
        moved[j] = theta[j] + width[j]
        evaluate_mixed(
            cohort, rows, groups, p, unit, z, log_weight, group_x, moved, up, spare, room
        )
        moved[j] = theta[j] - width[j]
        evaluate_mixed(
            cohort, rows, groups, p, unit, z, log_weight, group_x, moved, down, spare, room
        )
        moved[j] = theta[j]
        for k in range(q):
            result[j, k] = (down[k] - up[k]) / (2.0 * width[j])
    # The modes belong to the last point evaluated.
    evaluate_mixed(cohort, rows, groups, p, unit, z, log_weight, group_x, theta, up, spare, room)
    for j in range(q):
        for k in range(q):
            newton.information[j, k] = 0.5 * (result[j, k] + result[k, j])


@inner
def newton_step(newton: Newton, size: int) -> tuple[float, bool]:
    """newton.step from its gradient and information; the decrement, and whether it is definite.

    An indefinite information (a saddle near sigma 0, or far from the solution) gets a ridge.
    """
    definite = True
    ridge = 0.0
    for _ in range(40):
        if cholesky(newton.information, size, newton.lower) < 0:
            break
        definite = False
        previous = ridge
        ridge = 1e-3 if ridge == 0.0 else ridge * 4.0
        for j in range(size):
            scale = max(abs(newton.information[j, j]), 1e-3)
            newton.information[j, j] += (ridge - previous) * scale
    cholesky_solve(newton.lower, size, newton.gradient, newton.step)
    decrement = 0.0
    for j in range(size):
        decrement += newton.step[j] * newton.gradient[j]
    return decrement, definite


@inner
def crudeness(newton: Newton, room: Groups, size: int) -> float:
    """How inexact the rule is: the shift of the solution, in standard errors, by moving nodes.

    With enough nodes the movement of modes and scales does not change the integral. What it
    contributes to the gradient measures how far the rule is from that.
    """
    cholesky_solve(newton.lower, size, room.correction, newton.unit)
    total = 0.0
    for j in range(size):
        total += room.correction[j] * newton.unit[j]
    return float(np.sqrt(max(total, 0.0)))


@inner
def climb(
    cohort: Cohort,
    rows: int,
    groups: int,
    p: int,
    unit: bool,
    z: Vector,
    log_weight: Vector,
    group_x: Vector,
    fixed: bool,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> tuple[int, float, int]:
    """Newton's method from ``theta``, its last element held if ``fixed``.

    Returns flag, log-likelihood and iterations.
    """
    q = p + 1
    size = p if fixed else q
    iterations = 0
    loglik = -np.inf
    shrink = 1.0
    for iteration in range(1, 101):
        value = objective(
            cohort,
            rows,
            groups,
            p,
            unit,
            z,
            log_weight,
            group_x,
            theta,
            newton.gradient,
            newton.information,
            room,
        )
        iterations += 1
        if not value >= loglik - 1e-9 * (1.0 + abs(loglik)):
            if iteration == 1 or shrink < 1e-6:
                return NOT_CONVERGED, loglik, iterations
            shrink *= 0.25
            for j in range(q):
                theta[j] = newton.previous[j] + shrink * newton.step[j]
            room.mode[:groups] = 0.0
            continue
        loglik = value
        shrink = 1.0
        differenced = 1 < z.size < LOUIS_NODES or (z.size > 1 and iteration > PATIENCE)
        if differenced:
            difference_information(
                cohort, rows, groups, p, unit, z, log_weight, group_x, theta, newton, room
            )
        newton.step[p] = 0.0
        decrement, definite = newton_step(newton, size)
        limit = 1.0
        if not fixed:
            allowed = 0.5 + 0.5 * abs(theta[p])
            if abs(newton.step[p]) > allowed:
                limit = allowed / abs(newton.step[p])
        for j in range(q):
            newton.previous[j] = theta[j]
            newton.step[j] *= limit
            theta[j] += newton.step[j]
        if definite and decrement < DECREMENT:
            shift = crudeness(newton, room, size) if z.size > 1 else 0.0
            if not differenced and shift > CRUDE:
                difference_information(
                    cohort, rows, groups, p, unit, z, log_weight, group_x, theta, newton, room
                )
                if cholesky(newton.information, size, newton.lower) >= 0:
                    return NOT_CONVERGED, loglik, iterations
            cholesky_inverse(newton.lower, size, newton.covariance, newton.step, newton.unit)
            # The likelihood is even in sigma: report its positive branch.
            if theta[p] < 0.0:
                theta[p] = -theta[p]
                for g in range(groups):
                    room.mode[g] = -room.mode[g]
                for j in range(p):
                    newton.covariance[j, p] = -newton.covariance[j, p]
                    newton.covariance[p, j] = -newton.covariance[p, j]
            return (INEXACT if shift > INEXACT_SHIFT else OK), loglik, iterations
        if abs(theta[p]) > SD_LIMIT:
            theta[:q] = np.nan
            theta[p] = np.inf
            return SD_UNBOUNDED, loglik, iterations
        # The modes move with theta: start the next search where they are expected.
        for g in range(groups):
            for j in range(q):
                room.mode[g] += room.mode_slope[g, j] * newton.step[j]
    return NOT_CONVERGED, loglik, iterations


@inner
def fit_mixed_rows(
    cohort: Cohort,
    rows: int,
    groups: int,
    p: int,
    unit: bool,
    z: Vector,
    log_weight: Vector,
    group_x: Vector,
    start: Vector,
    fixed_sd: float,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> tuple[int, float, int]:
    """One fit; theta, newton.covariance and room.mode are its result.

    ``start`` is (beta, sigma) or NaN; ``fixed_sd`` holds sigma at a value unless NaN. Returns
    flag, log-likelihood and iterations.
    """
    capacity = cohort.trials.size
    fixed = fixed_sd == fixed_sd
    warm = start[0] == start[0]
    newton.covariance[:, :] = np.nan
    for j in range(p):
        theta[j] = start[j] if warm else 0.0
    flag, loglik, iterations = fit_logistic_rows(cohort, rows, p, theta, newton)
    if flag != OK:
        theta[p] = np.nan
        if flag == SINGLE_OUTCOME:
            theta[:p] = np.nan
        return flag, loglik, iterations
    # residual and weight are those of the solution, within a step below 1e-7 standard errors.
    score = 0.0
    squares = 0.0
    total = 0.0
    for g in range(groups):
        first, size = cohort.first[g], cohort.first[g + 1] - cohort.first[g]
        residual = 0.0
        for r in range(first, first + size):
            residual += cohort.residual[r]
        weight = dot(cohort.weight, first, cohort.tx, p * capacity + first, size)
        score += residual * residual - weight
        squares += weight * weight
        total += weight
        room.mode[g] = 0.0
    level = not fixed and score <= 0.0
    if (fixed and fixed_sd == 0.0) or (level and total >= SPARSE * groups):
        theta[p] = 0.0
        cholesky_inverse(newton.lower, p, newton.covariance, newton.step, newton.unit)
        return (OK if fixed else BOUNDARY), loglik, iterations

    if level:
        cholesky_inverse(newton.lower, p, newton.covariance, newton.step, newton.unit)
    for g in range(groups):
        for j in range(p):
            first = cohort.first[g]
            group_x[g * p + j] = dot(
                cohort.success, first, cohort.x, j * capacity + first, cohort.first[g + 1] - first
            )
    scarce = not fixed and total < SCARCE * groups
    plain = theta.copy()
    plain_loglik = loglik
    plain_covariance = newton.covariance.copy()
    if level and not scarce:
        theta[p] = 1.0
        value = objective(
            cohort,
            rows,
            groups,
            p,
            unit,
            z,
            log_weight,
            group_x,
            theta,
            newton.gradient,
            newton.information,
            room,
        )
        iterations += 1
        decrement, _ = newton_step(newton, p)
        # Half the decrement is what moving the coefficients adds, to second order.
        if not value + 0.5 * decrement > loglik - NEAR:
            theta[p] = 0.0
            newton.covariance[:, :] = plain_covariance
            return BOUNDARY, loglik, iterations
    best_flag, best = BOUNDARY, plain_loglik
    best_theta = plain.copy()
    best_theta[p] = 0.0
    best_covariance = plain_covariance
    best_mode = room.mode.copy()
    best_scale = room.scale.copy()
    if not level:
        best = -np.inf
        if fixed:
            theta[p] = fixed_sd
        elif warm and start[p] > 0.01:
            theta[p] = start[p]
        else:
            theta[p] = min(max(np.sqrt(score / squares), 0.1), 2.0)
        if warm:
            for j in range(p):
                theta[j] = start[j]
        best_flag, best, more = climb(
            cohort, rows, groups, p, unit, z, log_weight, group_x, fixed, theta, newton, room
        )
        iterations += more
        if not scarce:
            return best_flag, best, iterations
        best_theta = theta.copy()
        best_covariance = newton.covariance.copy()
        best_mode = room.mode.copy()
        best_scale = room.scale.copy()
    for probe in range(2):
        if (probe == 0 and not level) or (probe == 1 and not scarce):
            continue
        theta[:p] = plain[:p]
        theta[p] = 1.0 if probe == 0 else 3.0
        room.mode[:groups] = 0.0
        # Such a maximum's basin is narrow: enter it with the coefficients that belong there.
        flag, value, more = climb(
            cohort, rows, groups, p, unit, z, log_weight, group_x, True, theta, newton, room
        )
        iterations += more
        if flag != OK and flag != INEXACT:
            continue
        flag, value, more = climb(
            cohort, rows, groups, p, unit, z, log_weight, group_x, False, theta, newton, room
        )
        iterations += more
        if value > best + 1e-9:
            best_flag, best = flag, value
            best_theta = theta.copy()
            best_covariance = newton.covariance.copy()
            best_mode = room.mode.copy()
            best_scale = room.scale.copy()
    theta[:] = best_theta
    newton.covariance[:, :] = best_covariance
    room.mode[:] = best_mode
    room.scale[:] = best_scale
    return best_flag, best, iterations


@inner
def finite_inputs(y: Vector, x: Matrix) -> bool:
    """Whether all outcomes and predictors of one cohort are finite."""
    total = 0.0
    for i in range(y.size):
        total += y[i] * 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += x[i, j] * 0.0
    return total == 0.0


def sources_checksum() -> int:
    """A checksum of the compiled core's sources.

    numba renews its copy on disk when the file of the function itself changes, but not when a
    file that it calls does.
    """
    here = Path(__file__).parent
    names = (
        "simd.py",
        "logistic_kernel.py",
        "mixed_logistic_kernel.py",
        "laplace_kernel.py",
        "mixed_logistic_fit_kernel.py",
    )
    return zlib.crc32(b"".join((here / name).read_bytes() for name in names))


def _build(checksum: int) -> Callable[..., None]:
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
        # Naming the checksum makes it part of the key of the copy on disk.
        cohorts = out_flag.size if checksum >= 0 else 0
        n, p = x.shape[1], x.shape[2]
        mixed = z.size > 0
        cohort = new_cohort(n, p, groups_max)
        newton = new_newton(p + 1)
        room = new_groups(cohort.trials.size, groups_max, p, max(z.size, 1))
        theta = np.zeros(p + 1)
        group_x = np.zeros(groups_max * p)
        for c in range(cohorts):
            one_y = y[c if y.shape[0] > 1 else 0]
            one_x = x[c if x.shape[0] > 1 else 0]
            begin = start[c if start.shape[0] > 1 else 0]
            out_theta[c, :] = np.nan
            out_cov[c, :, :] = np.nan
            out_loglik[c] = np.nan
            out_iterations[c] = 0
            if not finite_inputs(one_y, one_x):
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
                flag, loglik, iterations = fit_mixed_rows(
                    cohort,
                    rows,
                    groups,
                    p,
                    unit,
                    z,
                    log_weight,
                    group_x,
                    begin,
                    fixed_sd[c if fixed_sd.shape[0] > 1 else 0],
                    theta,
                    newton,
                    room,
                )
            else:
                theta[p] = 0.0
                for j in range(p):
                    theta[j] = begin[j] if begin[0] == begin[0] else 0.0
                newton.covariance[:, :] = np.nan
                flag, loglik, iterations = fit_logistic_rows(cohort, rows, p, theta, newton)
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

    return entry(fit_mixed_batch)


fit_mixed_batch = _build(sources_checksum())
