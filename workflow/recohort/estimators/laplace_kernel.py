"""Compiled core of the random-intercept logistic model: Laplace's approximation.

One node carries no posterior variance, so Louis' identity cannot give the Hessian. Here are the
exact second derivatives of sum_g [h(u) - log(1 + sigma^2 W) / 2] at the modes u(theta), W the sum
of a group's weights: every c_i, the total derivative of a row's linear predictor, moves with the
mode, and the mode's second derivative enters through the curvature.
"""

from __future__ import annotations

import numpy as np

from recohort.estimators.jit import allocating
from recohort.estimators.logistic_kernel import Matrix, Vector, dot, dot3
from recohort.estimators.mixed_logistic_kernel import (
    Groups,
    Likelihood,
    at_modes,
    find_modes,
    width,
)
from recohort.estimators.simd import (
    LANES,
    add8,
    div8,
    load8,
    log8,
    mul8,
    splat8,
    store8,
    sub8,
    sum8,
)


@allocating
def evaluate_laplace(
    likelihood: Likelihood, theta: Vector, gradient: Vector, information: Matrix, room: Groups
) -> float:
    """Log-likelihood by Laplace's approximation at ``theta``, its gradient and exact information.

    NaN if a mode was not found.
    """
    cohort, rows, groups, p, _, _, _, total_x = likelihood
    capacity = cohort.trials.size
    sigma = theta[p]
    q = p + 1
    if not find_modes(cohort, rows, groups, p, theta, sigma, room):
        return np.nan
    loglik = at_modes(cohort, groups, p, sigma, room)
    for j in range(p):
        gradient[j] = total_x[j]
    gradient[p] = 0.0
    information[:, :] = 0.0
    wide = width(groups)
    # Sums over a group's rows of weight (1), its derivative (2) and second derivative (3) by eta,
    # times 1, x and x x'. Index p stands for the column of ones.
    sum1, sum2, sum3 = np.zeros((q, q)), np.zeros((q, q)), np.zeros((q, q))
    slope = np.zeros(q)
    h_slope = np.zeros(q)
    # c_i = to_x x_i + (0, u) + sigma * slope, so sums of f c_i c_i' follow from those of f x x'.
    shift = np.zeros(q)
    mode_curve = np.zeros((q, q))
    direct_curve = np.zeros((q, q))
    one = splat8(1.0)
    for g in range(groups):
        start, stop = cohort.first[g], cohort.first[g + 1]
        size = stop - start
        u = room.mode[g]
        w1 = room.first[start:stop]
        w2 = room.second[start:stop]
        w3 = room.third[start:stop]
        log_terms = splat8(0.0)
        fitted = splat8(0.0)
        for r in range(start, stop, LANES):
            e = load8(room.mode_odds, r)
            d = add8(one, e)
            prob = div8(e, d)
            weight = load8(room.first, r)
            t = load8(cohort.trials, r)
            store8(room.third, r, mul8(weight, sub8(one, mul8(splat8(6.0), weight))))
            store8(room.prob, r, prob)
            fitted = add8(fitted, mul8(t, prob))
            log_terms = add8(log_terms, mul8(t, log8(d)))
        residual = cohort.group_success[g] - sum8(fitted)
        loglik += room.base[g] - sum8(log_terms) - 0.5 * u * u
        for j in range(q):
            for k in range(j + 1):
                # The last column of x is ones, so these are also the sums without x.
                at_j, at_k = j * capacity + start, k * capacity + start
                for which in range(3):
                    w = w1 if which == 0 else (w2 if which == 1 else w3)
                    out = sum1 if which == 0 else (sum2 if which == 1 else sum3)
                    value = dot3(w, cohort.tx, at_j, cohort.x, at_k, size)
                    out[j, k] = value
                    out[k, j] = value
        h = 1.0 + sigma * sigma * sum1[p, p]
        total1, total2 = sum1[p, p], sum2[p, p]
        for j in range(q):
            slope[j] = room.mode_slope[j * wide + g]
            shift[j] = sigma * slope[j]
        shift[p] += u
        for j in range(q):
            # Sum of w2 c, the total derivative of W.
            moved = shift[j] * total2 + (sum2[j, p] if j < p else 0.0)
            h_slope[j] = sigma * sigma * moved + (2.0 * sigma * total1 if j == p else 0.0)
            direct = (
                -dot(room.prob, start, cohort.tx, j * capacity + start, size)
                if j < p
                else u * residual
            )
            gradient[j] += direct - 0.5 * h_slope[j] / h
        # Second derivatives of the mode.
        for j in range(q):
            for k in range(q):
                w2c = shift[k] * total2 + (sum2[p, k] if k < p else 0.0)
                w1c = shift[k] * total1 + (sum1[p, k] if k < p else 0.0)
                if j < p:
                    # derivative of -sigma * sum w1 x_j
                    value = -sigma * (sum2[j, p] * shift[k] + (sum2[j, k] if k < p else 0.0))
                    if k == p:
                        value -= sum1[j, p]
                else:
                    # derivative of residual - sigma u W
                    value = -w1c - sigma * slope[k] * total1 - sigma * u * w2c
                    if k == p:
                        value -= u * total1
                mode_curve[j, k] = (value - slope[j] * h_slope[k]) / h
        for j in range(q):
            for k in range(q):
                x_j = sum1[j, p] if j < p else 0.0
                # -d2 h(u(theta)) : sum w1 c_k (x_j, u) - e_sigma slope_k residual
                if j < p:
                    value = x_j * shift[k] + (sum1[j, k] if k < p else 0.0)
                else:
                    value = u * (shift[k] * total1 + (sum1[p, k] if k < p else 0.0))
                    value -= slope[k] * residual
                direct_curve[j, k] = value
        for j in range(q):
            for k in range(q):
                w2c_j = shift[j] * total2 + (sum2[j, p] if j < p else 0.0)
                w2c_k = shift[k] * total2 + (sum2[k, p] if k < p else 0.0)
                w3cc = shift[j] * shift[k] * sum3[p, p]
                if j < p:
                    w3cc += sum3[j, p] * shift[k]
                if k < p:
                    w3cc += sum3[k, p] * shift[j]
                if j < p and k < p:
                    w3cc += sum3[j, k]
                eta_curve = sigma * mode_curve[j, k]
                if j == p:
                    eta_curve += slope[k]
                if k == p:
                    eta_curve += slope[j]
                h_curve = sigma * sigma * (w3cc + total2 * eta_curve)
                if j == p:
                    h_curve += 2.0 * sigma * w2c_k
                if k == p:
                    h_curve += 2.0 * sigma * w2c_j
                if j == p and k == p:
                    h_curve += 2.0 * total1
                log_curve = 0.5 * (h_curve / h - h_slope[j] * h_slope[k] / (h * h))
                information[j, k] += direct_curve[j, k] + log_curve
    return loglik
