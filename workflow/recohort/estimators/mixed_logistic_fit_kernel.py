"""Compiled core of the random-intercept logistic model: one fit.

Ordinary logistic regression comes first. It decides between boundary and interior: at its
solution the derivative of the log-likelihood by sigma^2 at 0 is half of sum_g (R^2 - W), R the
sum of a group's residuals and W of its weights. It also finds separation, under which the mixed
model has no finite estimate either. Then Newton's method on (beta, sigma), with halving.
"""

from __future__ import annotations

import numpy as np

from recohort.estimators.jit import allocating, lean
from recohort.estimators.laplace_kernel import evaluate_laplace
from recohort.estimators.logistic_kernel import (
    BOUNDARY,
    CLEAR,
    DECREMENT,
    INEXACT,
    NOT_CONVERGED,
    OK,
    SD_UNBOUNDED,
    SINGLE_OUTCOME,
    Matrix,
    Newton,
    Vector,
    cholesky,
    cholesky_inverse,
    cholesky_solve,
    dot,
    fit_logistic_rows,
    intercept_score,
)
from recohort.estimators.mixed_logistic_kernel import Groups, Likelihood, evaluate_mixed, width
from recohort.estimators.mixed_logistic_start_kernel import first_sd, rising_sd
from recohort.estimators.simd import LANES, fma8, load8, spread8, store8

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
# Newton's method stops when the squared step in standard errors is below this and the next would be
# below NEXT, or at DECREMENT. The estimate is a step further on, exact to rounding, and so is the
# likelihood with that step's gain.
FINISH = 1e-10
NEXT = 1e-17
# Ordinary regression's slopes are smaller than the mixed model's by about sqrt(1 + this * sd^2).
ATTENUATION = 0.346


@lean
def objective(
    likelihood: Likelihood,
    theta: Vector,
    gradient: Vector,
    information: Matrix,
    room: Groups,
) -> float:
    """Log-likelihood, gradient and information, by Laplace's approximation if one node."""
    if likelihood.z.size == 1:
        return evaluate_laplace(likelihood, theta, gradient, information, room)
    return evaluate_mixed(likelihood, theta, gradient, information, room)


@allocating
def difference_information(
    likelihood: Likelihood,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> None:
    """Observed information by central differences of the gradient, into newton.information."""
    q = likelihood.p + 1
    width = np.zeros(q)
    for j in range(q):
        width[j] = 1e-4 / np.sqrt(max(newton.information[j, j], 1e-8))
    moved = theta.copy()
    up, down = np.zeros(q), np.zeros(q)
    spare = np.zeros((q, q))
    result = np.zeros((q, q))
    for j in range(q):
        moved[j] = theta[j] + width[j]
        evaluate_mixed(likelihood, moved, up, spare, room)
        moved[j] = theta[j] - width[j]
        evaluate_mixed(likelihood, moved, down, spare, room)
        moved[j] = theta[j]
        for k in range(q):
            result[j, k] = (down[k] - up[k]) / (2.0 * width[j])
    # The modes belong to the last point evaluated.
    evaluate_mixed(likelihood, theta, up, spare, room)
    for j in range(q):
        for k in range(q):
            newton.information[j, k] = 0.5 * (result[j, k] + result[k, j])


@lean
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


@lean
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


@lean
def climb(
    likelihood: Likelihood,
    free: int,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> tuple[int, float, int]:
    """Newton's method from ``theta`` in its ``free`` first elements: p + 1, or p to hold sigma.

    Returns flag, log-likelihood and iterations.
    """
    groups, p, nodes = likelihood.groups, likelihood.p, likelihood.z.size
    q = p + 1
    size = free
    iterations = 0
    loglik = -np.inf
    shrink = 1.0
    before = 0.0
    for iteration in range(1, 101):
        value = objective(likelihood, theta, newton.gradient, newton.information, room)
        iterations += 1
        if not value >= loglik - 1e-9 * (1.0 + abs(loglik)):
            if iteration == 1 or shrink < 1e-6:
                return NOT_CONVERGED, loglik, iterations
            shrink *= 0.25
            for j in range(q):
                theta[j] = newton.previous[j] + shrink * newton.step[j]
            room.mode[:] = 0.0
            continue
        loglik = value
        shrink = 1.0
        differenced = 1 < nodes < LOUIS_NODES or (nodes > 1 and iteration > PATIENCE)
        if differenced:
            difference_information(likelihood, theta, newton, room)
        newton.step[p] = 0.0
        decrement, definite = newton_step(newton, size)
        limit = 1.0
        if free == q:
            allowed = 0.5 + 0.5 * abs(theta[p])
            if abs(newton.step[p]) > allowed:
                limit = allowed / abs(newton.step[p])
        for j in range(q):
            newton.previous[j] = theta[j]
            newton.step[j] *= limit
            theta[j] += newton.step[j]
        # How the last step compares with the one before tells how far off the next would be.
        close = decrement < FINISH and decrement * decrement < NEXT * before
        before = decrement
        if definite and (close or decrement < DECREMENT):
            loglik += 0.5 * decrement
            shift = crudeness(newton, room, size) if nodes > 1 else 0.0
            if not differenced and shift > CRUDE:
                difference_information(likelihood, theta, newton, room)
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
        wide = width(groups)
        for b in range(0, wide, LANES):
            mode = load8(room.mode, b)
            for j in range(q):
                mode = fma8(spread8(newton.step, j), load8(room.mode_slope, j * wide + b), mode)
            store8(room.mode, b, mode)
    return NOT_CONVERGED, loglik, iterations


@allocating
def search(
    likelihood: Likelihood,
    first: Vector,
    hint: float,
    far: bool,
    flag: int,
    loglik: float,
    theta: Vector,
    newton: Newton,
    room: Groups,
) -> tuple[int, float, int]:
    """The highest of the maxima that several starts lead to, the one at hand among them.

    ``flag``, ``loglik``, ``theta``, ``newton.covariance`` and ``room.mode`` are a result, and a
    better one where there is. ``first`` holds coefficients to start from, with the standard
    deviations ``hint`` (0 for none), 1 and, if ``far``, others up to the limit.
    """
    p = likelihood.p
    best_flag, best = flag, loglik
    best_theta = theta.copy()
    best_covariance = newton.covariance.copy()
    best_mode = room.mode.copy()
    best_scale = room.scale.copy()
    iterations = 0
    seen = -np.inf
    for probe in range(5):
        sd = hint if probe == 0 else (1.0 if probe == 1 else (3.0 if probe == 2 else 10.0))
        if probe == 4:
            sd = 0.9 * SD_LIMIT
        if sd == 0.0 or (probe > 1 and not far) or (probe == 1 and hint > 0.0 and not far):
            continue
        theta[:p] = first[:p]
        theta[p] = sd
        room.mode[:] = 0.0
        # Such a maximum's basin is narrow: enter it with the coefficients that belong there.
        flag, value, more = climb(likelihood, p, theta, newton, room)
        iterations += more
        if flag != OK and flag != INEXACT:
            continue
        seen = max(seen, value)
        flag, value, more = climb(likelihood, p + 1, theta, newton, room)
        iterations += more
        better = value > best + 1e-9 or best_flag == NOT_CONVERGED
        if better and flag != NOT_CONVERGED:
            best_flag, best = flag, value
            best_theta[:] = theta
            best_covariance[:, :] = newton.covariance
            best_mode[:] = room.mode
            best_scale[:] = room.scale
    theta[:] = best_theta
    newton.covariance[:, :] = best_covariance
    room.mode[:] = best_mode
    room.scale[:] = best_scale
    if seen > best + 1e-7:
        # A higher point is known, but no maximum.
        best_flag = NOT_CONVERGED
    return best_flag, best, iterations


@lean
def rises_from_boundary(
    likelihood: Likelihood, loglik: float, theta: Vector, newton: Newton, room: Groups
) -> bool:
    """Whether the likelihood at a standard deviation of 1 comes near ``loglik``, the boundary's.

    ``theta`` are the coefficients at the boundary, with a standard deviation of 0.
    """
    theta[likelihood.p] = 1.0
    value = objective(likelihood, theta, newton.gradient, newton.information, room)
    theta[likelihood.p] = 0.0
    decrement, _ = newton_step(newton, likelihood.p)
    # Half the decrement is what moving the coefficients adds, to second order.
    return value + 0.5 * decrement > loglik - NEAR


@lean
def set_out(likelihood: Likelihood, start: Vector, fixed_sd: float, theta: Vector) -> None:
    """``theta``, the ordinary regression's coefficients, becomes where Newton's method starts."""
    p = likelihood.p
    warm = start[0] == start[0]
    if fixed_sd == fixed_sd:
        theta[p] = fixed_sd
    elif warm and start[p] > 0.01:
        theta[p] = start[p]
    else:
        theta[p] = first_sd(likelihood.cohort, likelihood.groups)
        if not warm:
            for j in range(p):
                theta[j] *= np.sqrt(1.0 + ATTENUATION * theta[p] * theta[p])
    if warm:
        for j in range(p):
            theta[j] = start[j]


@lean
def fit_mixed_rows(
    likelihood: Likelihood,
    start: Vector,
    fixed_sd: float,
    theta: Vector,
    newton: Newton,
    room: Groups,
    plain: Vector,
) -> tuple[int, float, int]:
    """One fit; theta, newton.covariance and room.mode are its result.

    ``start`` is (beta, sigma) or NaN; ``fixed_sd`` holds sigma at a value unless NaN.
    Fills ``likelihood.total_x``, and ``plain`` with the ordinary regression's coefficients.
    Returns flag, log-likelihood and iterations.
    """
    cohort, rows, groups, p = likelihood.cohort, likelihood.rows, likelihood.groups, likelihood.p
    fixed = fixed_sd == fixed_sd
    newton.covariance[:, :] = np.nan
    for j in range(p):
        theta[j] = start[j] if start[0] == start[0] else 0.0
    flag, loglik, iterations = fit_logistic_rows(
        cohort, rows, groups, p, theta, newton, np.inf if fixed else CLEAR
    )
    early = flag == NOT_CONVERGED and iterations < 10
    if flag != OK and not early:
        theta[p] = np.nan
        if flag == SINGLE_OUTCOME:
            theta[:p] = np.nan
        return flag, loglik, iterations
    # Residuals and weights are those of the solution, within a step below 1e-7 standard errors.
    score, total = intercept_score(cohort, groups, p)
    for g in range(width(groups)):
        room.live[g] = 1.0 if g < groups else 0.0
        room.mode[g] = 0.0
        room.scale[g] = 0.0
    level = not fixed and score <= 0.0
    hint = rising_sd(cohort, groups, p, newton, room) if level else 0.0
    if level or (fixed and fixed_sd == 0.0):
        theta[p] = 0.0
        newton.covariance[:, :] = np.nan
        cholesky_inverse(newton.lower, p, newton.covariance, newton.step, newton.unit)
        if fixed:
            return OK, loglik, iterations
        if hint == 0.0 and total >= SPARSE * groups:
            return BOUNDARY, loglik, iterations
    for j in range(p):
        likelihood.total_x[j] = dot(cohort.success, 0, cohort.x, j * cohort.trials.size, rows)
        plain[j] = theta[j]
    scarce = not fixed and total < SCARCE * groups
    if level:
        flag = BOUNDARY
        if hint == 0.0 and not scarce:
            iterations += 1
            if not rises_from_boundary(likelihood, loglik, theta, newton, room):
                return flag, loglik, iterations
    else:
        set_out(likelihood, start, fixed_sd, theta)
        flag, loglik, more = climb(likelihood, p if fixed else p + 1, theta, newton, room)
        iterations += more
        lost = flag in (NOT_CONVERGED, SD_UNBOUNDED)
        if fixed or not (lost or scarce):
            return flag, loglik, iterations
        scarce = scarce or lost
    flag, loglik, more = search(likelihood, plain, hint, scarce, flag, loglik, theta, newton, room)
    return flag, loglik, iterations + more
