"""The inner loop that carries a column of values into the set that prints the facts.

State: one whole number a value. Energy: how far sums, spreads and counts of each fact lie outside
their ranges, all in exact 64-bit arithmetic. Moves: one value by some steps, two values against
each other (keeps the sum), four values in two such pairs (can keep the sum of squares too), one
value drawn anew from the target. While the energy is positive, moves are accepted by the
Metropolis rule at a falling temperature, with the target's log probability as prior weight; once
it is zero, only moves that keep it zero are, so that the walk goes on among the columns that print
everything, with the target as stationary weight.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["settle"]


@njit(cache=True, nogil=True)
def _next(state):  # type: ignore[no-untyped-def]
    """xorshift64*: a fast stream that is the same on every machine."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return x * np.uint64(2685821657736338717)


@njit(cache=True, nogil=True)
def _unit(state):  # type: ignore[no-untyped-def]
    return np.float64(_next(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def _outside(value, low, high):  # type: ignore[no-untyped-def]
    if value < low:
        return np.float64(low - value)
    if value > high:
        return np.float64(value - high)
    return 0.0


@njit(cache=True, nogil=True)
def _energy(total, square, inside, size, ranges, scale, limits):  # type: ignore[no-untyped-def]
    energy = 0.0
    for f in range(size.size):
        energy += _outside(total[f], ranges[f, 0], ranges[f, 1]) * scale[f, 0]
        spread = size[f] * square[f] - total[f] * total[f]
        energy += _outside(spread, ranges[f, 2], ranges[f, 3]) * scale[f, 1]
    for c in range(inside.size):
        energy += _outside(inside[c], limits[c, 0], limits[c, 1])
    return energy


@njit(cache=True, nogil=True)
def _rank_energy(y, stratum, member, ranked, scale, buffer):  # type: ignore[no-untyped-def]
    """How far a x_(rank) + b x_(rank + 1) lies outside its range, over all rows of ``ranked``."""
    energy = 0.0
    fact = -1
    m = 0
    for c in range(ranked.shape[0]):
        if ranked[c, 0] != fact:
            fact = ranked[c, 0]
            m = 0
            for i in range(y.size):
                if member[fact, stratum[i]]:
                    k = m
                    while k > 0 and buffer[k - 1] > y[i]:
                        buffer[k] = buffer[k - 1]
                        k -= 1
                    buffer[k] = y[i]
                    m += 1
        a, b, rank = ranked[c, 2], ranked[c, 3], ranked[c, 1]
        got = a * buffer[rank] + b * buffer[min(rank + 1, m - 1)]
        energy += _outside(got, ranked[c, 4], ranked[c, 5]) * scale[fact, 0] / (a + b)
    return energy


@njit(cache=True, nogil=True)
def settle(  # type: ignore[no-untyped-def]
    y,
    low,
    high,
    stratum,
    member,
    size,
    ranges,
    scale,
    limits,
    interval,
    free_limits,
    ranked,
    direct,
    logp,
    logp_start,
    first_step,
    cdf,
    bin_first,
    bin_last,
    bin_start,
    reach,
    seed,
    effort,
    mixing,
):
    """Move ``y`` in place; returns the energy left and the number of moves tried.

    ``limits`` (constraints, 2) bounds the counts of values in ``interval`` (fact, above, upto).
    ``ranked`` (fact, rank, a, b, low, high) bounds ordered values. Where ``direct``, its distance
    is part of the energy throughout; else counts in ``limits`` stand for it on the way, and while
    mixing ``free_limits`` takes their place and ``ranked`` is checked itself.
    """
    n = y.size
    facts = size.size
    state = np.empty(1, np.uint64)
    state[0] = seed
    for _ in range(8):
        _next(state)
    total = np.zeros(facts, np.int64)
    square = np.zeros(facts, np.int64)
    inside = np.zeros(limits.shape[0], np.int64)
    for i in range(n):
        for f in range(facts):
            if member[f, stratum[i]]:
                total[f] += y[i]
                square[f] += y[i] * y[i]
        for c in range(limits.shape[0]):
            if member[interval[c, 0], stratum[i]] and interval[c, 1] < y[i] <= interval[c, 2]:
                inside[c] += 1
    buffer = np.empty(n, np.int64)
    energy = _energy(total, square, inside, size, ranges, scale, limits)
    if direct:
        energy += _rank_energy(y, stratum, member, ranked, scale, buffer)
    which = np.empty(4, np.int64)
    value = np.empty(4, np.int64)
    new_total = np.empty(facts, np.int64)
    new_square = np.empty(facts, np.int64)
    new_inside = np.empty(limits.shape[0], np.int64)
    moves = 0
    settled = energy == 0.0
    left = mixing
    loosened = False
    while True:
        if settled:
            if not loosened:
                loosened = True
                limits = free_limits
            if left <= 0:
                break
            left -= 1
        elif moves >= effort:
            break
        moves += 1
        # The weight of the energy grows from 1 to about a million over the effort allowed.
        beta = math.exp(14.0 * moves / effort)
        kind = _unit(state)
        anew = False
        draw = _unit(state)
        spread = 1.0
        if draw > 0.6:
            spread = reach
        elif draw > 0.35:
            spread = max(1.0, 0.15 * reach)
        part = _unit(state)
        d = 1 + np.int64(part * part * spread)
        if _unit(state) < 0.5:
            d = -d
        which[0] = np.int64(_unit(state) * n)
        count = 1
        if kind < 0.25 or n < 2:
            value[0] = y[which[0]] + d
        elif kind < 0.40:
            anew = True
            s = stratum[which[0]]
            a, b = bin_start[s], bin_start[s + 1] - 1
            aim = _unit(state)
            while a < b:
                middle = (a + b) // 2
                if cdf[middle] > aim:
                    b = middle
                else:
                    a = middle + 1
            value[0] = bin_first[a] + np.int64(_unit(state) * (bin_last[a] - bin_first[a] + 1))
        elif kind < 0.70 or n < 4:
            which[1] = np.int64(_unit(state) * n)
            if which[1] == which[0]:
                continue
            value[0] = y[which[0]] + d
            value[1] = y[which[1]] - d
            count = 2
        elif kind < 0.80:
            # Three values: two move, the third makes up for both.
            which[1] = np.int64(_unit(state) * n)
            which[2] = np.int64(_unit(state) * n)
            if which[0] == which[1] or which[0] == which[2] or which[1] == which[2]:
                continue
            part = _unit(state)
            e = 1 + np.int64(part * part * spread)
            if _unit(state) < 0.5:
                e = -e
            value[0] = y[which[0]] + d
            value[1] = y[which[1]] + e
            value[2] = y[which[2]] - d - e
            count = 3
        else:
            which[1] = np.int64(_unit(state) * n)
            which[2] = np.int64(_unit(state) * n)
            which[3] = np.int64(_unit(state) * n)
            if (
                which[0] == which[1]
                or which[0] == which[2]
                or which[0] == which[3]
                or which[1] == which[2]
                or which[1] == which[3]
                or which[2] == which[3]
            ):
                continue
            e = d
            if _unit(state) < 0.3:
                part = _unit(state)
                e = 1 + np.int64(part * part * spread)
            value[0] = y[which[0]] + d
            value[1] = y[which[1]] - d
            value[2] = y[which[2]] + e
            value[3] = y[which[3]] - e
            count = 4
        allowed = True
        gain = 0.0
        for k in range(count):
            i = which[k]
            if value[k] < low[i] or value[k] > high[i]:
                allowed = False
                break
            if not anew:
                s = stratum[i]
                base = logp_start[s] - first_step[s]
                gain += logp[base + value[k]] - logp[base + y[i]]
        if not allowed:
            continue
        if settled and gain < 0.0 and _unit(state) >= math.exp(gain):
            continue
        for f in range(facts):
            new_total[f] = total[f]
            new_square[f] = square[f]
        for c in range(inside.size):
            new_inside[c] = inside[c]
        for k in range(count):
            i = which[k]
            s = stratum[i]
            old, new = y[i], value[k]
            for f in range(facts):
                if member[f, s]:
                    new_total[f] += new - old
                    new_square[f] += new * new - old * old
            for c in range(inside.size):
                if member[interval[c, 0], s]:
                    above, upto = interval[c, 1], interval[c, 2]
                    if above < new <= upto:
                        new_inside[c] += 1
                    if above < old <= upto:
                        new_inside[c] -= 1
        next_energy = _energy(new_total, new_square, new_inside, size, ranges, scale, limits)
        if settled and next_energy > 0.0:
            continue
        for k in range(count):
            i = which[k]
            y[i], value[k] = value[k], y[i]
        if direct or (settled and ranked.shape[0] > 0):
            next_energy += _rank_energy(y, stratum, member, ranked, scale, buffer)
        if settled:
            refused = next_energy > 0.0
        else:
            change = gain - beta * (next_energy - energy)
            refused = change < 0.0 and _unit(state) >= math.exp(max(change, -700.0))
        if refused:
            for k in range(count):
                i = which[k]
                y[i], value[k] = value[k], y[i]
            continue
        for f in range(facts):
            total[f] = new_total[f]
            square[f] = new_square[f]
        for c in range(inside.size):
            inside[c] = new_inside[c]
        energy = next_energy
        if energy == 0.0:
            settled = True
    return energy, moves
