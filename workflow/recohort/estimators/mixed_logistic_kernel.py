"""Compiled core of the random-intercept logistic model: the quadrature objective.

The parameters are theta = (beta, sigma), sigma on the whole line: the likelihood is even in it, so
neither a logarithm nor a bound is needed. A group's contribution, u standard normal, is

    log integral of exp(h(u)) du / sqrt(2 pi),
    h(u) = sum_i [s_i eta_i - t_i log(1 + exp(eta_i))] - u^2 / 2,
    eta_i = offset_i + x_i' beta + sigma u,

by a Gauss-Hermite rule moved to the mode of h and scaled by its curvature there. The gradient is
that of this objective itself, the movement of mode and scale with theta included. The Hessian
comes from the same pass by Louis' identity, E[h''] + Var[h'] over the nodes' posterior weights;
with one node there is no variance, and laplace_kernel.py has the exact second derivatives.

One exponential serves a row at all its nodes: exp(eta + sigma (u_k - u)) is a product. Logarithms
are taken of running products of 1 + exp(eta).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.jit import inner
from recohort.estimators.logistic_kernel import (
    Cohort,
    Matrix,
    Vector,
    dot,
    dot3,
    linear_predictor,
)
from recohort.estimators.simd import (
    LANES,
    add8,
    div8,
    exp8,
    fma8,
    largest8,
    load8,
    log8,
    mul8,
    product8,
    splat8,
    store8,
    sub8,
    sum8,
    where_positive8,
)


class Groups(NamedTuple):
    """Room for the groups' and nodes' part of one evaluation.

    ``mode`` is kept between evaluations as the start of the next; ``mode_slope`` (group, q) is its
    derivative by theta. ``correction`` (q,) is the part of the gradient that is due to the movement
    of modes and scales: 0 if the quadrature were exact. A node's values are at group * nodes + k;
    column j of ``score`` starts at j * cells.
    """

    mode: Vector
    mode_slope: Matrix
    growth: Vector
    largest: Vector
    done: NDArray[np.bool_]
    curvature: Vector
    scale: Vector
    scale_slope: Matrix
    base: Vector
    odds: Vector
    mode_odds: Vector
    shift: Vector
    factor: Vector
    product: Vector
    logs: Vector
    posterior: Vector
    score: Vector
    node: Vector
    prob: Vector
    first: Vector
    second: Vector
    third: Vector
    correction: Vector


@inner
def new_groups(capacity: int, groups: int, p: int, nodes: int) -> Groups:
    """Room for so many padded rows, groups, predictors and nodes."""
    padded = (groups + LANES - 1) // LANES * LANES
    cells = (groups * nodes + LANES - 1) // LANES * LANES
    return Groups(
        np.zeros(padded),
        np.zeros((groups, p + 1)),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(groups, np.bool_),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros((groups, p + 1)),
        np.zeros(padded),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(cells),
        np.zeros(cells),
        np.zeros(cells),
        np.zeros(cells),
        np.zeros(cells),
        np.zeros(cells * (p + 1)),
        np.zeros(cells),
        np.zeros(capacity * nodes),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(p + 1),
    )


@inner
def find_modes(
    cohort: Cohort, rows: int, groups: int, p: int, beta: Vector, sigma: float, room: Groups
) -> bool:
    """Newton's method for every group's mode, from ``room.mode``; False if one is not found.

    The groups advance together: their chains of dependent operations then overlap in the
    processor. Leaves exp(eta) without the random effect in ``room.odds``.
    """
    linear_predictor(cohort, rows, p, beta)
    one = splat8(1.0)
    for r in range(0, rows, LANES):
        store8(room.odds, r, where_positive8(load8(cohort.trials, r), exp8(load8(cohort.eta, r))))
    left = groups
    for g in range(groups):
        room.done[g] = False
    scale = splat8(sigma)
    for _ in range(100):
        for g in range(0, groups, LANES):
            store8(room.growth, g, exp8(mul8(scale, load8(room.mode, g))))
        for g in range(groups):
            if room.done[g]:
                continue
            growth = splat8(room.growth[g])
            fitted = splat8(0.0)
            spread = splat8(0.0)
            for r in range(cohort.first[g], cohort.first[g + 1], LANES):
                e = mul8(load8(room.odds, r), growth)
                prob = div8(e, add8(one, e))
                tp = mul8(load8(cohort.trials, r), prob)
                fitted = add8(fitted, tp)
                spread = fma8(tp, sub8(one, prob), spread)
            residual = cohort.group_success[g] - sum8(fitted)
            step = (sigma * residual - room.mode[g]) / (1.0 + sigma * sigma * sum8(spread))
            move = abs(sigma * step)
            if not move < 1e300:
                return False
            # Far from the mode the curvature says little: at most two logits a step.
            if move > 2.0:
                step *= 2.0 / move
            room.mode[g] += step
            if move < 1e-6:
                room.done[g] = True
                left -= 1
        if left == 0:
            return True
    return False


@inner
def at_modes(cohort: Cohort, groups: int, p: int, sigma: float, room: Groups) -> float:
    """Curvatures, scales and their slopes at the modes; the sum of the log scales."""
    capacity = cohort.trials.size
    one = splat8(1.0)
    scale = splat8(sigma)
    for g in range(0, groups, LANES):
        store8(room.growth, g, exp8(mul8(scale, load8(room.mode, g))))
    for g in range(groups):
        start, stop = cohort.first[g], cohort.first[g + 1]
        growth = splat8(room.growth[g])
        fitted = splat8(0.0)
        w = splat8(0.0)
        w2 = splat8(0.0)
        base = splat8(0.0)
        largest = 0.0
        for r in range(start, stop, LANES):
            e = mul8(load8(room.odds, r), growth)
            store8(room.mode_odds, r, e)
            largest = max(largest, largest8(e))
            d = add8(one, e)
            prob = div8(e, d)
            comp = sub8(one, prob)
            t = load8(cohort.trials, r)
            weight = mul8(prob, comp)
            skew = mul8(weight, sub8(comp, prob))
            store8(room.first, r, weight)
            store8(room.second, r, skew)
            fitted = fma8(t, prob, fitted)
            w = fma8(t, weight, w)
            w2 = fma8(t, skew, w2)
            base = fma8(load8(cohort.success, r), load8(cohort.eta, r), base)
        u = room.mode[g]
        total_w, total_w2 = sum8(w), sum8(w2)
        residual = cohort.group_success[g] - sum8(fitted)
        room.base[g] = sum8(base) + sigma * u * cohort.group_success[g]
        room.largest[g] = largest
        h = 1.0 + sigma * sigma * total_w
        room.curvature[g] = h
        tau = 1.0 / np.sqrt(h)
        room.scale[g] = tau
        half = -0.5 * tau / h
        size = stop - start
        for j in range(p):
            offset = j * capacity + start
            wx = dot(room.first[start:stop], 0, cohort.tx, offset, size)
            w2x = dot(room.second[start:stop], 0, cohort.tx, offset, size)
            slope = -sigma * wx / h
            room.mode_slope[g, j] = slope
            room.scale_slope[g, j] = half * sigma * sigma * (w2x + sigma * total_w2 * slope)
        slope = (residual - sigma * u * total_w) / h
        room.mode_slope[g, p] = slope
        room.scale_slope[g, p] = half * (
            2.0 * sigma * total_w + sigma * sigma * total_w2 * (u + sigma * slope)
        )
    for g in range(groups, (groups + LANES - 1) // LANES * LANES):
        room.curvature[g] = 1.0
    total = splat8(0.0)
    for g in range(0, groups, LANES):
        total = add8(total, log8(load8(room.curvature, g)))
    return -0.5 * float(sum8(total))


@inner
def at_nodes(
    cohort: Cohort, groups: int, p: int, sigma: float, z: Vector, unit: bool, room: Groups
) -> None:
    """Sums over each group's rows at each node: the score's parts and the log-likelihood's."""
    capacity = cohort.trials.size
    nodes = z.size
    cells = room.shift.size
    one = splat8(1.0)
    for g in range(groups):
        for k in range(nodes):
            room.shift[g * nodes + k] = sigma * room.scale[g] * z[k]
    for c in range(0, cells, LANES):
        store8(room.factor, c, exp8(load8(room.shift, c)))
    for g in range(groups):
        start, stop = cohort.first[g], cohort.first[g + 1]
        size = stop - start
        # How many vectors of factors 1 + exp(eta) can be multiplied, lanes included, in range.
        top = 1.0 + room.largest[g] * room.factor[g * nodes + nodes - 1]
        top = max(top, 1.0 + room.largest[g] * room.factor[g * nodes])
        chunk = 0
        bound = top**LANES if top < 1e35 else np.inf
        limit = bound
        while limit < 1e290 and chunk < size:
            chunk += 1
            limit *= bound
        plain = unit and chunk > 0
        for k in range(nodes):
            cell = g * nodes + k
            factor = splat8(room.factor[cell])
            prob0 = k * capacity
            logs = 0.0
            if plain:
                product = one
                count = 0
                for r in range(start, stop, LANES):
                    e = mul8(load8(room.mode_odds, r), factor)
                    d = add8(one, e)
                    store8(room.prob, prob0 + r, div8(e, d))
                    if count == chunk:
                        logs += np.log(product8(product))
                        product = one
                        count = 0
                    product = mul8(product, d)
                    count += 1
                room.product[cell] = product8(product)
            else:
                total = splat8(0.0)
                for r in range(start, stop, LANES):
                    e = mul8(load8(room.mode_odds, r), factor)
                    d = add8(one, e)
                    store8(room.prob, prob0 + r, div8(e, d))
                    total = fma8(load8(cohort.trials, r), log8(d), total)
                logs = sum8(total)
                room.product[cell] = 1.0
            room.logs[cell] = logs
            for j in range(p + 1):
                room.score[j * cells + cell] = dot(
                    room.prob, prob0 + start, cohort.tx, j * capacity + start, size
                )
    for c in range(groups * nodes, cells):
        room.product[c] = 1.0


@inner
def evaluate_mixed(
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
    """Log-likelihood by quadrature at ``theta``, its gradient, and Louis' observed information.

    NaN if a mode was not found. ``group_x`` (groups * p) holds the sums of success * x.
    """
    capacity = cohort.trials.size
    nodes = z.size
    cells = room.shift.size
    sigma = theta[p]
    if not find_modes(cohort, rows, groups, p, theta, sigma, room):
        return np.nan
    loglik = at_modes(cohort, groups, p, sigma, room)
    at_nodes(cohort, groups, p, sigma, z, unit, room)
    for c in range(0, cells, LANES):
        store8(room.product, c, log8(load8(room.product, c)))
    for j in range(p + 1):
        gradient[j] = 0.0
        room.correction[j] = 0.0
    for g in range(groups):
        u = room.mode[g]
        tau = room.scale[g]
        success = cohort.group_success[g]
        best = -np.inf
        for k in range(nodes):
            cell = g * nodes + k
            effect = u + tau * z[k]
            room.node[cell] = effect
            value = (
                log_weight[k]
                + room.base[g]
                + room.shift[cell] * success
                - room.logs[cell]
                - room.product[cell]
                - 0.5 * effect * effect
            )
            room.posterior[cell] = value
            best = max(best, value)
        loglik += best
        for k in range(nodes):
            room.posterior[g * nodes + k] -= best
    for c in range(groups * nodes, cells):
        room.posterior[c] = 0.0
    for c in range(0, cells, LANES):
        store8(room.posterior, c, exp8(load8(room.posterior, c)))
    for g in range(groups):
        total = 0.0
        for k in range(nodes):
            total += room.posterior[g * nodes + k]
        room.curvature[g] = total
        for k in range(nodes):
            room.posterior[g * nodes + k] /= total
    for c in range(groups * nodes, cells):
        room.posterior[c] = 0.0
    log_total = splat8(0.0)
    for g in range(0, groups, LANES):
        log_total = add8(log_total, log8(load8(room.curvature, g)))
    loglik += float(sum8(log_total))

    for g in range(groups):
        c0 = g * nodes
        success = cohort.group_success[g]
        tau = room.scale[g]
        pull = 0.0
        stretch = 1.0 / tau
        centre = 0.0
        for k in range(nodes):
            weight = room.posterior[c0 + k]
            residual = success - room.score[p * cells + c0 + k]
            slope = weight * (sigma * residual - room.node[c0 + k])
            pull += slope
            stretch += slope * z[k]
            value = room.node[c0 + k] * residual
            room.score[p * cells + c0 + k] = value
            centre += weight * value
        for k in range(nodes):
            room.score[p * cells + c0 + k] -= centre
        gradient[p] += centre
        for j in range(p + 1):
            room.correction[j] += pull * room.mode_slope[g, j] + stretch * room.scale_slope[g, j]
        for j in range(p):
            centre = 0.0
            for k in range(nodes):
                centre += room.posterior[c0 + k] * room.score[j * cells + c0 + k]
            for k in range(nodes):
                room.score[j * cells + c0 + k] -= centre
            gradient[j] += group_x[g * p + j] - centre
        for r in range(cohort.first[g], cohort.first[g + 1], LANES):
            first = splat8(0.0)
            second = splat8(0.0)
            third = splat8(0.0)
            for k in range(nodes):
                prob = load8(room.prob, k * capacity + r)
                spread = sub8(prob, mul8(prob, prob))
                weighted = mul8(splat8(room.posterior[c0 + k]), spread)
                effect = splat8(room.node[c0 + k])
                first = add8(first, weighted)
                weighted = mul8(weighted, effect)
                second = add8(second, weighted)
                third = fma8(weighted, effect, third)
            store8(room.first, r, first)
            store8(room.second, r, second)
            store8(room.third, r, third)
    for j in range(p + 1):
        gradient[j] += room.correction[j]
    # The score columns of beta are stored as fitted values, so with the opposite sign.
    for j in range(p):
        for k in range(j + 1):
            value = dot3(room.first, cohort.tx, j * capacity, cohort.x, k * capacity, rows)
            value -= dot3(room.posterior, room.score, j * cells, room.score, k * cells, cells)
            information[j, k] = value
            information[k, j] = value
        value = dot(room.second, 0, cohort.tx, j * capacity, rows)
        value += dot3(room.posterior, room.score, j * cells, room.score, p * cells, cells)
        information[j, p] = value
        information[p, j] = value
    value = dot(room.third, 0, cohort.tx, p * capacity, rows)
    value -= dot3(room.posterior, room.score, p * cells, room.score, p * cells, cells)
    information[p, p] = value
    return loglik
