"""Rows in a line in the order of their times, and what curves and Cox models are of that order.

Where no two rows share a time, curves, their errors and Cox models depend on the times by their
order alone, and on which rows come before each landmark. So the rows stand in a line, with a bar
at each landmark. A curve changes only between the places that are exchanged; Cox models and
clustered errors are computed anew, exactly, in one pass over the line.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import lean
from recohort.reconstruct.survival.counts import Cox, Layout, Targets, solve_cox

__all__ = [
    "Line",
    "bar_of",
    "change_curve",
    "end_of",
    "fill_spread",
    "line_up",
    "places_of",
    "recount",
    "refit",
    "restore",
    "segment_of",
    "weigh",
]

_NEWTON = 0.005
"""In standard errors: Newton's steps shorter than this end the fit of a Cox model."""


class Line(NamedTuple):
    """Rows (n) and bars (K) in a line (N = n + K), of curves (C) with landmarks (L).

    ``seq`` (N) holds rows, and bar k as -1 - k; ``spot`` (N) is where each row, then each bar,
    stands. ``full`` and ``room`` (K + 1) are how many rows stand between bars, and how many may.
    Curve c's landmarks at bar k are those from ``begin[c, k]`` to ``begin[c, k + 1]``, a landmark's
    targets ``asked[first[mark]:first[mark + 1]]``. ``risk`` (C, N) is how many are at risk before
    an entry; ``log``, ``greenwood``, ``left`` and ``spread`` (L) are a landmark's log survival,
    Greenwood's sum, number still at risk after it, and variance of log survival.
    """

    seq: IntArray
    spot: IntArray
    full: IntArray
    room: IntArray
    begin: IntArray
    first: IntArray
    asked: IntArray
    risk: IntArray
    log: FloatArray
    greenwood: FloatArray
    left: IntArray
    spread: FloatArray
    members: IntArray
    """(C, clusters): how many rows of a cluster a curve holds."""
    mate: IntArray
    """Rows (n) of the same number may exchange their clusters; empty where none may."""
    mixed: bool
    """Whether rows that are alike to all curves differ otherwise: by cluster, or in a Cox model."""


def line_up(
    layout: Layout,
    cox: Cox,
    targets: Targets,
    at: IntArray,
    mate: IntArray,
    rng: np.random.Generator,
) -> Line | None:
    """The rows in the order of their places; ``None`` where these do not suffice for all."""
    n, places = at.size, layout.values.size
    curves = layout.start.size - 1
    ends = np.unique(layout.place + 1)
    bars = ends.size
    room = np.diff(np.concatenate([[0], ends, [places]]))
    if room.sum() < n:
        return None
    rows = np.lexsort((rng.random(n), at))
    full = np.bincount(np.searchsorted(ends, at, side="right"), minlength=bars + 1)
    # Rows too many for their stretch go to the next, and back from the last.
    for k in range(bars):
        more = max(full[k] - room[k], 0)
        full[k] -= more
        full[k + 1] += more
    for k in range(bars, 0, -1):
        more = max(full[k] - room[k], 0)
        full[k] -= more
        full[k - 1] += more
    cuts = np.cumsum(full)[:-1]
    seq = np.insert(rows, cuts, -1 - np.arange(bars))
    owner = np.repeat(np.arange(curves), np.diff(layout.start))
    bar = np.searchsorted(ends, layout.place + 1)
    begin = np.array(
        [
            layout.start[c] + np.searchsorted(bar[owner == c], np.arange(bars + 1))
            for c in range(curves)
        ]
    ).reshape(curves, bars + 1)
    of_marks = np.flatnonzero(targets.kind <= 4)
    asked = of_marks[np.argsort(targets.where[of_marks], kind="stable")]
    marks = layout.place.size
    first = np.searchsorted(targets.where[asked], np.arange(marks + 1))
    clusters = int(layout.cluster.max()) + 1
    members = np.array(
        [
            np.bincount(layout.cluster[layout.member[c, layout.atom]], minlength=clusters)
            for c in range(curves)
        ]
    ).reshape(curves, clusters)
    return Line(
        seq.astype(np.int64),
        np.zeros(n + bars, dtype=np.int64),
        full.astype(np.int64),
        room.astype(np.int64),
        begin.astype(np.int64),
        first.astype(np.int64),
        asked.astype(np.int64),
        np.zeros((curves, n + bars), dtype=np.int64),
        np.zeros(marks),
        np.zeros(marks),
        np.zeros(marks, dtype=np.int64),
        np.zeros(marks),
        members.astype(np.int64),
        mate,
        bool(targets.late < targets.kind.size or cox.terms.size),
    )


def restore(line: Line, layout: Layout, seq: IntArray, cluster: IntArray) -> None:
    """Go back to an order and to the clusters that went with it."""
    n, bars = layout.atom.size, line.full.size - 1
    line.seq[:], layout.cluster[:] = seq, cluster
    line.spot[np.where(seq >= 0, seq, n - 1 - seq)] = np.arange(seq.size)
    line.full[:] = np.diff(np.concatenate([[-1], line.spot[n : n + bars], [seq.size]])) - 1
    for c in range(line.members.shape[0]):
        inside = layout.cluster[layout.member[c, layout.atom]]
        line.members[c] = np.bincount(inside, minlength=line.members.shape[1])


def places_of(line: Line, pool: IntArray, rng: np.random.Generator) -> IntArray:
    """A place for each row, no two the same, in the line's order and like those of ``pool``."""
    n = line.spot.size - line.full.size + 1
    at = np.zeros(n, dtype=np.int64)
    rows = line.seq[line.seq >= 0]
    ends = np.concatenate([[0], np.cumsum(line.room)])
    done = 0
    for k, many in enumerate(line.full):
        low, high = ends[k], ends[k + 1]
        near = pool[np.searchsorted(pool, low) : np.searchsorted(pool, high)]
        drawn = rng.integers(low, high, many) if many else np.zeros(0, dtype=np.int64)
        if near.size and many:
            drawn = np.clip(near[rng.integers(near.size, size=many)], low, high - 1)
        drawn = np.sort(drawn)
        steps = np.arange(many)
        # As near as may be to what was drawn: each at least one place after the one before.
        drawn = np.maximum.accumulate(drawn - steps) + steps
        drawn = np.minimum(drawn, high - many + steps)
        at[rows[done : done + many]] = drawn
        done += many
    return at


@lean
def recount(line: Line, layout: Layout) -> None:
    """Everything that follows from the line but for clustered variances."""
    n = layout.atom.size
    for p in range(line.seq.size):
        e = line.seq[p]
        line.spot[e if e >= 0 else n - 1 - e] = p
    for c in range(line.risk.shape[0]):
        r = line.members[c].sum()
        log, greenwood = 0.0, 0.0
        for p in range(line.seq.size):
            line.risk[c, p] = r
            e = line.seq[p]
            if e < 0:
                for mark in range(line.begin[c, -1 - e], end_of(line, layout, c, -e)):
                    line.log[mark] = log
                    line.greenwood[mark] = greenwood
                    line.spread[mark] = greenwood
                    line.left[mark] = r
                continue
            atom = layout.atom[e]
            if layout.member[c, atom]:
                if layout.event[c, atom]:
                    log += layout.log[r - 1] - layout.log[r]
                    greenwood += layout.inverse[r - 1] - layout.inverse[r]
                r -= 1


@lean
def end_of(line: Line, layout: Layout, c: int, k: int) -> int:
    """The first landmark of a curve that lies at bar k or after it."""
    return int(line.begin[c, k] if k < line.begin.shape[1] else layout.start[c + 1])


@lean
def bar_of(line: Line, layout: Layout, c: int, mark: int) -> int:
    """The bar of a curve's landmark."""
    k = 0
    while end_of(line, layout, c, k + 1) <= mark:
        k += 1
    return k


@lean
def segment_of(line: Line, n: int, p: int) -> int:
    """How many bars stand before a place of the line."""
    k = 0
    while n + k < line.spot.size and line.spot[n + k] < p:
        k += 1
    return k


@lean
def change_curve(
    line: Line,
    layout: Layout,
    c: int,
    low: int,
    high: int,
    fresh: IntArray,
    log: FloatArray,
    greenwood: FloatArray,
    left: IntArray,
) -> int:
    """What a curve's landmarks become if ``fresh`` takes the places low to high; the first such."""
    n = layout.atom.size
    lost, lost_greenwood = 0.0, 0.0
    r = line.risk[c, low]
    for p in range(low, high + 1):
        e = line.seq[p]
        if e < 0:
            for mark in range(line.begin[c, -1 - e], end_of(line, layout, c, -e)):
                log[mark] = line.log[mark] - lost
                greenwood[mark] = line.greenwood[mark] - lost_greenwood
            continue
        atom = layout.atom[e]
        if layout.member[c, atom]:
            if layout.event[c, atom]:
                lost += layout.log[r - 1] - layout.log[r]
                lost_greenwood += layout.inverse[r - 1] - layout.inverse[r]
            r -= 1
    won, won_greenwood = 0.0, 0.0
    r = line.risk[c, low]
    for p in range(high + 1 - low):
        e = fresh[p]
        if e < 0:
            for mark in range(line.begin[c, -1 - e], end_of(line, layout, c, -e)):
                log[mark] += won
                greenwood[mark] += won_greenwood
                left[mark] = r
            continue
        atom = layout.atom[e]
        if layout.member[c, atom]:
            if layout.event[c, atom]:
                won += layout.log[r - 1] - layout.log[r]
                won_greenwood += layout.inverse[r - 1] - layout.inverse[r]
            r -= 1
    for mark in range(end_of(line, layout, c, segment_of(line, n, high + 1)), layout.start[c + 1]):
        log[mark] = line.log[mark] + (won - lost)
        greenwood[mark] = line.greenwood[mark] + (won_greenwood - lost_greenwood)
        left[mark] = line.left[mark]
    return end_of(line, layout, c, segment_of(line, n, low))


@lean
def fill_spread(
    line: Line, layout: Layout, c: int, sums: FloatArray, after: IntArray, spread: FloatArray
) -> None:
    """The clustered variances of a curve's log survival at its landmarks, into ``spread`` (L).

    A row's influence is 1/(r - 1) at its event less Greenwood's sum up to its time, so that a
    cluster's sum is that of its rows before the landmark, less the landmark's Greenwood sum for
    each row after it; squares of these are kept up to date row by row.
    """
    bars = line.full.size - 1
    mark, last = layout.start[c], layout.start[c + 1]
    r = 0
    square = 0.0
    for g in range(sums.size):
        sums[g] = 0.0
        after[g] = line.members[c, g]
        r += after[g]
        square += after[g] * after[g]
    own, cross, greenwood = 0.0, 0.0, 0.0
    for p in range(line.seq.size):
        e = line.seq[p]
        if e < 0:
            end = end_of(line, layout, c, -e) if -1 - e < bars else last
            while mark < end:
                spread[mark] = own - 2.0 * greenwood * cross + greenwood * greenwood * square
                mark += 1
            if mark >= last:
                return
            continue
        atom = layout.atom[e]
        if not layout.member[c, atom]:
            continue
        value = 0.0
        if layout.event[c, atom]:
            greenwood += layout.inverse[r - 1] - layout.inverse[r]
            value = layout.inverse[r - 1]
        value -= greenwood
        g = layout.cluster[e]
        before, behind = sums[g], after[g]
        sums[g] = before + value
        after[g] = behind - 1
        own += value * (2.0 * before + value)
        cross += (before + value) * (behind - 1.0) - before * behind
        square += 1.0 - 2.0 * behind
        r -= 1


@lean
def _fit_once(line: Line, cox: Cox, m: int, sums: FloatArray, squares: FloatArray) -> None:
    """A model's score and information at its coefficients, of rows that die one at a time."""
    terms = cox.terms[m]
    all_ = 0.0
    for a in range(terms):
        sums[a] = 0.0
        cox.score[m, a] = cox.fallen[m, a]
        for b in range(a + 1):
            squares[a, b] = 0.0
            cox.information[m, a, b] = 0.0
    for p in range(line.seq.size - 1, -1, -1):
        i = line.seq[p]
        if i < 0 or not cox.inside[m, i]:
            continue
        w = cox.weight[m, i]
        all_ += w
        for a in range(terms):
            wx = w * cox.x[m, i, a]
            sums[a] += wx
            for b in range(a + 1):
                squares[a, b] += wx * cox.x[m, i, b]
        if cox.outcome[m, i]:
            share = 1.0 / all_
            for a in range(terms):
                mean = sums[a] * share
                cox.score[m, a] -= mean
                for b in range(a + 1):
                    cox.information[m, a, b] += squares[a, b] * share - mean * sums[b] * share


@lean
def weigh(cox: Cox, m: int) -> None:
    for i in range(cox.weight.shape[1]):
        value = 0.0
        for a in range(cox.terms[m]):
            value += cox.beta[m, a] * cox.x[m, i, a]
        cox.weight[m, i] = math.exp(value)


@lean
def refit(line: Line, cox: Cox, sums: FloatArray, squares: FloatArray) -> None:
    """Every Cox model's coefficients and standard errors, by Newton's steps from the last ones."""
    for _ in range(8):
        for m in range(cox.terms.size):
            _fit_once(line, cox, m, sums, squares)
        solve_cox(cox)
        near = True
        for m in range(cox.terms.size):
            sound = True
            far = False
            for a in range(cox.terms[m]):
                away = cox.found[m, 0, a] - cox.beta[m, a]
                sound = sound and abs(cox.beta[m, a]) < 50.0 and math.isfinite(away)
                far = far or not abs(away) <= _NEWTON * cox.found[m, 1, a]
            if not far:
                continue
            near = False
            for a in range(cox.terms[m]):
                away = cox.found[m, 0, a] - cox.beta[m, a] if sound else -cox.beta[m, a]
                cox.beta[m, a] += min(max(away, -1.0), 1.0) if sound else away
            weigh(cox, m)
        if near:
            return
