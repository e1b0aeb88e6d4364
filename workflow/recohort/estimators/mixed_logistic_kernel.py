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

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from recohort.estimators.jit import allocating, lean, small
from recohort.estimators.logistic_kernel import Cohort, Matrix, Vector, aligned, dot, dot3
from recohort.estimators.simd import (
    LANES,
    abs8,
    add8,
    div8,
    exp8,
    fma8,
    largest8,
    load8,
    log8,
    max8,
    mul8,
    products8,
    splat8,
    spread8,
    sqrt8,
    store8,
    sub8,
    sum8,
    sums8,
    where_less8,
    where_positive8,
)

# One group's partial sums are a vector, those of eight groups a block of so many values.
BLOCK = LANES * LANES


class Likelihood(NamedTuple):
    """What one fit maximises: a packed cohort, its sizes and the nodes of the quadrature rule.

    ``unit`` says whether every row is one trial; ``total_x`` (p,) holds the sums of success * x.
    """

    cohort: Cohort
    rows: int
    groups: int
    p: int
    unit: bool
    z: Vector
    log_weight: Vector
    total_x: Vector


class Groups(NamedTuple):
    """Room for the groups' and nodes' part of one evaluation.

    Groups stand side by side in vectors of eight; ``live`` is 1 for a group and 0 for what fills
    the last vector. ``mode`` is kept between evaluations as the start of the next; column j of
    ``mode_slope``, its derivative by theta, starts at j * wide, ``wide`` being the number of groups
    filled up to whole vectors. ``correction`` (q,) is the part of the gradient that is due to the
    movement of modes and scales: 0 if the quadrature were exact. A node's values are at
    k * wide + group; column j of ``score`` starts at j * nodes * wide.
    """

    live: Vector
    mode: Vector
    mode_slope: Vector
    growth: Vector
    largest: Vector
    active: Vector
    scale: Vector
    scale_slope: Vector
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
    pulled: Vector
    spread: Vector
    prob: Vector
    first: Vector
    second: Vector
    third: Vector
    partial: Vector
    correction: Vector


@allocating
def new_groups(capacity: int, groups: int, p: int, nodes: int) -> Groups:
    """Room for so many padded rows, groups, predictors and nodes."""
    wide = width(groups)
    return Groups(
        aligned(wide),
        aligned(wide),
        aligned((p + 1) * wide),
        aligned(wide),
        aligned(wide),
        aligned(wide),
        aligned(wide),
        aligned((p + 1) * wide),
        aligned(wide),
        aligned(capacity),
        aligned(capacity),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned((p + 1) * nodes * wide),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned(nodes * wide),
        aligned(capacity * nodes),
        aligned(capacity),
        aligned(capacity),
        aligned(capacity),
        aligned((2 * p + 4) * BLOCK),
        aligned(p + 1),
    )


@small
def width(groups: int) -> int:
    """The number of groups filled up to whole vectors."""
    return (groups + LANES - 1) // LANES * LANES


def _group_products(vectors: int) -> Callable[..., None]:
    """The function below for groups of exactly so many vectors, or of any number if 0.

    Most groups are short: loops of known length have no preamble and no branch to mispredict.
    """

    @small
    def group_products(
        a: Vector,
        start_a: int,
        b: Vector,
        start_b: int,
        stride_b: int,
        size: int,
        columns: int,
        out: Vector,
        at: int,
        stride: int,
    ) -> None:
        for j in range(columns):
            here = start_b + j * stride_b
            total = mul8(load8(a, start_a), load8(b, here))
            for v in range(1, vectors if vectors > 0 else size // LANES):
                total = fma8(load8(a, start_a + v * LANES), load8(b, here + v * LANES), total)
            store8(out, at + j * stride, total)

    return group_products


_products1, _products2, _products3 = (_group_products(v) for v in (1, 2, 3))
_products_any = _group_products(0)


@small
def group_products(
    a: Vector,
    start_a: int,
    b: Vector,
    start_b: int,
    stride_b: int,
    size: int,
    columns: int,
    out: Vector,
    at: int,
    stride: int,
) -> None:
    """The lanes' sums over a group's rows of a times each column of b, ``stride`` apart."""
    if size == LANES:
        _products1(a, start_a, b, start_b, stride_b, size, columns, out, at, stride)
    elif size == 2 * LANES:
        _products2(a, start_a, b, start_b, stride_b, size, columns, out, at, stride)
    elif size == 3 * LANES:
        _products3(a, start_a, b, start_b, stride_b, size, columns, out, at, stride)
    elif size > 0:
        _products_any(a, start_a, b, start_b, stride_b, size, columns, out, at, stride)
    else:
        for j in range(columns):
            store8(out, at + j * stride, splat8(0.0))


@lean
def find_modes(
    cohort: Cohort, rows: int, groups: int, p: int, beta: Vector, sigma: float, room: Groups
) -> bool:
    """Newton's method for every group's mode, from ``room.mode``; False if one is not found.

    Eight groups advance together: their chains of dependent operations then overlap in the
    processor. Leaves exp(eta) without the random effect in ``room.odds``.
    """
    capacity = cohort.trials.size
    furthest = splat8(0.0)
    for r in range(0, rows, LANES):
        eta = load8(cohort.offset, r)
        for j in range(p):
            eta = fma8(spread8(beta, j), load8(cohort.x, j * capacity + r), eta)
        store8(cohort.eta, r, eta)
        furthest = max8(furthest, where_positive8(load8(cohort.trials, r), abs8(eta)))
        store8(room.odds, r, where_positive8(load8(cohort.trials, r), exp8(eta)))
    # Beyond this exponentials saturate, and the likelihood would be wrong.
    if largest8(furthest) > 340.0:
        return False
    zero, one, two = splat8(0.0), splat8(1.0), splat8(2.0)
    scale = splat8(sigma)
    endless, small = splat8(1e300), splat8(1e-6)
    for b in range(0, groups, LANES):
        mode = load8(room.mode, b)
        active = load8(room.live, b)
        found = False
        for _ in range(100):
            store8(room.active, b, active)
            store8(room.growth, b, exp8(mul8(scale, mode)))
            for i in range(LANES):
                fitted, spread = zero, zero
                if room.active[b + i] > 0.0:
                    growth = spread8(room.growth, b + i)
                    for r in range(cohort.first[b + i], cohort.first[b + i + 1], LANES):
                        e = mul8(load8(room.odds, r), growth)
                        comp = div8(one, add8(one, e))
                        tp = mul8(load8(cohort.trials, r), mul8(e, comp))
                        fitted = add8(fitted, tp)
                        spread = fma8(tp, comp, spread)
                store8(room.partial, i * LANES, fitted)
                store8(room.partial, BLOCK + i * LANES, spread)
            residual = sub8(load8(cohort.group_success, b), sums8(room.partial, 0))
            h = fma8(mul8(scale, scale), sums8(room.partial, BLOCK), one)
            step = div8(sub8(mul8(scale, residual), mode), h)
            move = abs8(mul8(scale, step))
            if sum8(where_less8(move, endless, zero, active)) > 0.0:
                return False
            # Far from the mode the curvature says little: at most two logits a step.
            step = where_less8(two, move, div8(mul8(two, step), move), step)
            mode = add8(mode, where_positive8(active, step))
            active = where_less8(move, small, zero, active)
            if sum8(active) == 0.0:
                found = True
                break
        store8(room.mode, b, mode)
        if not found:
            return False
    return True


@lean
def at_modes(cohort: Cohort, groups: int, p: int, sigma: float, room: Groups) -> float:
    """Curvatures, scales and their slopes at the modes; the sum of the log scales."""
    capacity = cohort.trials.size
    wide = width(groups)
    zero, one = splat8(0.0), splat8(1.0)
    scale = splat8(sigma)
    square = splat8(sigma * sigma)
    logs = zero
    for b in range(0, groups, LANES):
        u = load8(room.mode, b)
        store8(room.growth, b, exp8(mul8(scale, u)))
        for i in range(LANES):
            start, stop = cohort.first[b + i], cohort.first[b + i + 1]
            growth = spread8(room.growth, b + i)
            fitted, w, w2, base, largest = zero, zero, zero, zero, zero
            for r in range(start, stop, LANES):
                e = mul8(load8(room.odds, r), growth)
                store8(room.mode_odds, r, e)
                largest = max8(largest, e)
                comp = div8(one, add8(one, e))
                prob = mul8(e, comp)
                t = load8(cohort.trials, r)
                weight = mul8(prob, comp)
                skew = mul8(weight, sub8(comp, prob))
                store8(room.first, r, weight)
                store8(room.second, r, skew)
                fitted = fma8(t, prob, fitted)
                w = fma8(t, weight, w)
                w2 = fma8(t, skew, w2)
                base = fma8(load8(cohort.success, r), load8(cohort.eta, r), base)
            at = i * LANES
            store8(room.partial, at, fitted)
            store8(room.partial, BLOCK + at, w)
            store8(room.partial, 2 * BLOCK + at, w2)
            store8(room.partial, 3 * BLOCK + at, base)
            room.largest[b + i] = largest8(largest)
            size = stop - start
            at += 4 * BLOCK
            out = room.partial
            group_products(
                room.first, start, cohort.tx, start, capacity, size, p, out, at, 2 * BLOCK
            )
            at += BLOCK
            group_products(
                room.second, start, cohort.tx, start, capacity, size, p, out, at, 2 * BLOCK
            )
        success = load8(cohort.group_success, b)
        residual = sub8(success, sums8(room.partial, 0))
        total_w, total_w2 = sums8(room.partial, BLOCK), sums8(room.partial, 2 * BLOCK)
        effect = mul8(scale, u)
        store8(room.base, b, fma8(effect, success, sums8(room.partial, 3 * BLOCK)))
        h = fma8(square, total_w, one)
        logs = add8(logs, log8(h))
        tau = div8(one, sqrt8(h))
        store8(room.scale, b, tau)
        half = mul8(splat8(-0.5), div8(tau, h))
        for j in range(p):
            wx = sums8(room.partial, (4 + 2 * j) * BLOCK)
            w2x = sums8(room.partial, (5 + 2 * j) * BLOCK)
            slope = div8(mul8(splat8(-sigma), wx), h)
            store8(room.mode_slope, j * wide + b, slope)
            w2x = fma8(mul8(scale, total_w2), slope, w2x)
            store8(room.scale_slope, j * wide + b, mul8(half, mul8(square, w2x)))
        slope = div8(sub8(residual, mul8(effect, total_w)), h)
        store8(room.mode_slope, p * wide + b, slope)
        curve = mul8(mul8(square, total_w2), fma8(scale, slope, u))
        curve = fma8(splat8(2.0 * sigma), total_w, curve)
        store8(room.scale_slope, p * wide + b, mul8(half, curve))
    return -0.5 * float(sum8(logs))


@lean
def at_nodes(
    cohort: Cohort, groups: int, p: int, sigma: float, z: Vector, unit: bool, room: Groups
) -> None:
    """Sums over each group's rows at each node: the score's parts and the log-likelihood's."""
    capacity = cohort.trials.size
    nodes = z.size
    wide = width(groups)
    zero, one, most = splat8(0.0), splat8(1.0), splat8(1e300)
    for b in range(0, groups, LANES):
        step = mul8(splat8(sigma), load8(room.scale, b))
        for k in range(nodes):
            shift = mul8(step, spread8(z, k))
            store8(room.shift, k * wide + b, shift)
            store8(room.factor, k * wide + b, exp8(shift))
        # How many factors 1 + exp(eta) stay in range when they are multiplied lane by lane, and
        # whether all of a group do (way 2), or some (way 1).
        last = load8(room.factor, (nodes - 1) * wide + b)
        end = mul8(load8(room.largest, b), max8(load8(room.factor, b), last))
        store8(room.growth, b, log8(add8(one, where_less8(end, most, end, most))))
        for i in range(LANES):
            reach = room.growth[b + i]
            size = cohort.first[b + i + 1] - cohort.first[b + i]
            room.active[b + i] = 0.0
            if unit and reach < 300.0:
                room.active[b + i] = 2.0 if reach * size < 660.0 else 1.0
        for k in range(nodes):
            cell = k * wide + b
            prob0 = k * capacity
            for i in range(LANES):
                start, stop = cohort.first[b + i], cohort.first[b + i + 1]
                factor = spread8(room.factor, cell + i)
                way = room.active[b + i]
                product, logs = one, zero
                at = i * LANES
                size = stop - start
                if way == 2.0:
                    for r in range(start, stop, LANES):
                        e = mul8(load8(room.mode_odds, r), factor)
                        d = add8(one, e)
                        store8(room.prob, prob0 + r, div8(e, d))
                        product = mul8(product, d)
                elif way == 1.0:
                    limit = int(660.0 / max(room.growth[b + i], 1e-6))
                    count = 0
                    for r in range(start, stop, LANES):
                        e = mul8(load8(room.mode_odds, r), factor)
                        d = add8(one, e)
                        store8(room.prob, prob0 + r, div8(e, d))
                        if count == limit:
                            logs = add8(logs, log8(product))
                            product = one
                            count = 0
                        product = mul8(product, d)
                        count += 1
                    logs = add8(logs, log8(product))
                    product = one
                else:
                    for r in range(start, stop, LANES):
                        e = mul8(load8(room.mode_odds, r), factor)
                        e = where_less8(e, most, e, most)
                        d = add8(one, e)
                        store8(room.prob, prob0 + r, div8(e, d))
                        logs = fma8(load8(cohort.trials, r), log8(d), logs)
                store8(room.partial, at, product)
                store8(room.partial, BLOCK + at, logs)
                group_products(
                    room.prob,
                    prob0 + start,
                    cohort.tx,
                    start,
                    capacity,
                    size,
                    p + 1,
                    room.partial,
                    2 * BLOCK + at,
                    BLOCK,
                )
            store8(room.product, cell, products8(room.partial, 0))
            store8(room.logs, cell, sums8(room.partial, BLOCK))
            for j in range(p + 1):
                store8(room.score, j * nodes * wide + cell, sums8(room.partial, (j + 2) * BLOCK))
    for c in range(0, nodes * wide, LANES):
        store8(room.logs, c, add8(log8(load8(room.product, c)), load8(room.logs, c)))


@lean
def weigh_nodes(
    cohort: Cohort,
    groups: int,
    p: int,
    sigma: float,
    z: Vector,
    log_weight: Vector,
    gradient: Vector,
    room: Groups,
) -> float:
    """Posterior weights of the nodes, the gradient, and the score about its group's mean.

    Returns the sum of the logarithms of the groups' integrals, the scales left out.
    """
    nodes = z.size
    wide = width(groups)
    cells = nodes * wide
    zero = splat8(0.0)
    scale = splat8(sigma)
    total_log = zero
    for b in range(0, groups, LANES):
        live = load8(room.live, b)
        success = load8(cohort.group_success, b)
        base = load8(room.base, b)
        u, tau = load8(room.mode, b), load8(room.scale, b)
        best = splat8(-np.inf)
        for k in range(nodes):
            c = k * wide + b
            node = fma8(tau, spread8(z, k), u)
            store8(room.node, c, node)
            value = fma8(load8(room.shift, c), success, add8(base, spread8(log_weight, k)))
            value = sub8(value, load8(room.logs, c))
            value = fma8(mul8(splat8(-0.5), node), node, value)
            store8(room.posterior, c, value)
            best = max8(best, value)
        total = zero
        for k in range(nodes):
            c = k * wide + b
            weight = exp8(sub8(load8(room.posterior, c), best))
            store8(room.posterior, c, weight)
            total = add8(total, weight)
        total_log = add8(total_log, where_positive8(live, add8(best, log8(total))))
        share = where_positive8(live, div8(splat8(1.0), total))
        pull, centre = zero, zero
        stretch = div8(splat8(1.0), tau)
        for k in range(nodes):
            c = k * wide + b
            node = load8(room.node, c)
            weight = mul8(load8(room.posterior, c), share)
            store8(room.posterior, c, weight)
            weighted = mul8(weight, node)
            store8(room.pulled, c, weighted)
            store8(room.spread, c, mul8(weighted, node))
            residual = sub8(success, load8(room.score, p * cells + c))
            slope = mul8(weight, sub8(mul8(scale, residual), node))
            pull = add8(pull, slope)
            stretch = fma8(slope, spread8(z, k), stretch)
            value = mul8(node, residual)
            store8(room.score, p * cells + c, value)
            centre = fma8(weight, value, centre)
        for k in range(nodes):
            c = p * cells + k * wide + b
            store8(room.score, c, sub8(load8(room.score, c), centre))
        gradient[p] += sum8(centre)
        for j in range(p):
            centre = zero
            for k in range(nodes):
                c = k * wide + b
                centre = fma8(load8(room.posterior, c), load8(room.score, j * cells + c), centre)
            for k in range(nodes):
                c = j * cells + k * wide + b
                store8(room.score, c, sub8(load8(room.score, c), centre))
            gradient[j] -= sum8(centre)
        for j in range(p + 1):
            part = mul8(pull, load8(room.mode_slope, j * wide + b))
            part = fma8(stretch, load8(room.scale_slope, j * wide + b), part)
            room.correction[j] += sum8(part)
    return float(sum8(total_log))


@lean
def evaluate_mixed(
    likelihood: Likelihood, theta: Vector, gradient: Vector, information: Matrix, room: Groups
) -> float:
    """Log-likelihood by quadrature at ``theta``, its gradient, and Louis' observed information.

    NaN if a mode was not found.
    """
    cohort, rows, groups, p, unit, z, log_weight, total_x = likelihood
    capacity = cohort.trials.size
    nodes = z.size
    wide = width(groups)
    cells = nodes * wide
    sigma = theta[p]
    if not find_modes(cohort, rows, groups, p, theta, sigma, room):
        return np.nan
    loglik = at_modes(cohort, groups, p, sigma, room)
    at_nodes(cohort, groups, p, sigma, z, unit, room)
    for j in range(p):
        gradient[j] = total_x[j]
        room.correction[j] = 0.0
    gradient[p] = 0.0
    room.correction[p] = 0.0
    loglik += weigh_nodes(cohort, groups, p, sigma, z, log_weight, gradient, room)
    for j in range(p + 1):
        gradient[j] += room.correction[j]
    for g in range(groups):
        for r in range(cohort.first[g], cohort.first[g + 1], LANES):
            first, second, third = splat8(0.0), splat8(0.0), splat8(0.0)
            for k in range(nodes):
                c = k * wide + g
                prob = load8(room.prob, k * capacity + r)
                spread = sub8(prob, mul8(prob, prob))
                first = fma8(spread, spread8(room.posterior, c), first)
                second = fma8(spread, spread8(room.pulled, c), second)
                third = fma8(spread, spread8(room.spread, c), third)
            store8(room.first, r, first)
            store8(room.second, r, second)
            store8(room.third, r, third)
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
