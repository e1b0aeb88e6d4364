"""Rows in the order of their times, rearranged until the survival statistics print.

Where no two rows share a time, curves, their errors and Cox models depend on the times by their
order alone, and on which rows come before each landmark. So the rows stand in a line, with a bar
at each landmark, and rows and bars change places. A curve changes only between the places that are
exchanged; Cox models and clustered errors are computed anew, exactly, in one pass over the line.
That is cheap for some hundreds of rows, and these are the ones of which few arrangements print.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, lean
from recohort.reconstruct.survival_counts import (
    Cox,
    Layout,
    Targets,
    landmark_limit,
    solve_cox,
)
from recohort.reconstruct.survival_walk import MET

__all__ = ["Line", "arrange", "line_up", "places_of", "restore"]

_MET = MET
_FRESH = 20_000
"""Accepted moves after which sums are made anew, so that rounding errors do not pile up."""

_NOT_ESTIMABLE = 7.0

_STEP = 3.0
"""In widths of a target: how far is no longer near."""

_OFTEN = 0.3
"""How often rows exchange their clusters, where they may."""

_NOTHING = -400.0
"""Logarithms below this are of a survival of 0."""

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
def _recount(line: Line, layout: Layout) -> None:
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
                for mark in range(line.begin[c, -1 - e], _end(line, layout, c, -e)):
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
def _end(line: Line, layout: Layout, c: int, k: int) -> int:
    """The first landmark of a curve that lies at bar k or after it."""
    return int(line.begin[c, k] if k < line.begin.shape[1] else layout.start[c + 1])


@lean
def _segment(line: Line, n: int, p: int) -> int:
    """How many bars stand before a place of the line."""
    k = 0
    while n + k < line.spot.size and line.spot[n + k] < p:
        k += 1
    return k


@lean
def _change_curve(
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
            for mark in range(line.begin[c, -1 - e], _end(line, layout, c, -e)):
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
            for mark in range(line.begin[c, -1 - e], _end(line, layout, c, -e)):
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
    for mark in range(_end(line, layout, c, _segment(line, n, high + 1)), layout.start[c + 1]):
        log[mark] = line.log[mark] + (won - lost)
        greenwood[mark] = line.greenwood[mark] + (won_greenwood - lost_greenwood)
        left[mark] = line.left[mark]
    return _end(line, layout, c, _segment(line, n, low))


@lean
def _fill_spread(
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
            end = _end(line, layout, c, -e) if -1 - e < bars else last
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
def _weigh(cox: Cox, m: int) -> None:
    for i in range(cox.weight.shape[1]):
        value = 0.0
        for a in range(cox.terms[m]):
            value += cox.beta[m, a] * cox.x[m, i, a]
        cox.weight[m, i] = math.exp(value)


@lean
def _refit(line: Line, cox: Cox, sums: FloatArray, squares: FloatArray) -> None:
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
            _weigh(cox, m)
        if near:
            return


@lean
def _miss(targets: Targets, t: int, value: float) -> float:
    """How far an estimate is from a target's set: a logarithm, so that no target outweighs all."""
    if not math.isfinite(value):
        return _NOT_ESTIMABLE
    outside = max(targets.low[t] - value, value - targets.high[t], 0.0)
    near = 2e-9 * targets.width[t]
    if outside <= near:
        rim = min(abs(value - targets.low[t]), abs(value - targets.high[t])) <= near
        return 0.002 if rim else 0.0
    weight = 0.5 if t >= targets.late else 1.0  # Clusters can still be rearranged.
    return float(0.02 + weight * math.log1p(outside / (_STEP * targets.width[t])))


@lean
def _of_mark(
    layout: Layout, targets: Targets, t: int, mark: int, log: float, variance: float, left: int
) -> float:
    """The loss of a landmark's target."""
    kind = targets.kind[t]
    value = log
    if kind <= 2:
        if layout.reach[mark] >= 0 and log > _NOTHING and left == 0:
            value = np.nan
        elif kind == 0:
            value = 100.0 * math.exp(log)
        else:
            error = math.sqrt(max(variance, 0.0))
            value = landmark_limit(log, error, targets.z[t], targets.scale[t], kind == 2)
    return _miss(targets, t, value)


@lean
def _of_term(cox: Cox, targets: Targets, t: int) -> float:
    """The loss of a Cox model's target."""
    m, a = divmod(targets.where[t], cox.beta.shape[1])
    kind, b, se = targets.kind[t], cox.found[m, 0, a], cox.found[m, 1, a]
    value = np.nan
    if math.isfinite(b) and math.isfinite(se) and abs(b) < 100.0 and se < 100.0:
        if kind == 5:
            value = math.exp(b)
        elif kind == 8:
            value = math.erfc(abs(b / se) / math.sqrt(2.0))
        else:
            value = math.exp(b + (targets.z[t] if kind == 7 else -targets.z[t]) * se)
    return _miss(targets, t, value)


@lean
def _propose(
    line: Line, layout: Layout, rng: np.random.Generator, fresh: IntArray
) -> tuple[int, int, int]:
    """Write what places low to high (returned) may hold instead.

    Third, the entry that moves past the others, or n + K where two rows change places.
    """
    n, size = layout.atom.size, line.seq.size
    i = int(rng.random() * size)
    kind = rng.random()
    reach = int(math.exp(rng.random() * math.log(0.7 * size)))
    j = i + reach if rng.random() < 0.5 else i - reach
    if kind < 0.2 and line.mixed:
        j = int(rng.random() * size)
    e = line.seq[i]
    if j < 0 or j >= size or i == j:
        return 0, -1, 0
    low, high = min(i, j), max(i, j)
    if kind < 0.55 and e >= 0:
        other = line.seq[j]
        if other < 0 or (not line.mixed and layout.atom[e] == layout.atom[other]):
            return 0, -1, 0
        for p in range(low, high + 1):
            fresh[p - low] = line.seq[p]
        fresh[0], fresh[high - low] = line.seq[high], line.seq[low]
        return low, high, size
    if e >= 0:
        goal = _segment(line, n, j)
        if j > i and line.seq[j] < 0:
            goal += 1
        source = _segment(line, n, i)
        if source != goal and line.full[goal] >= line.room[goal]:
            return 0, -1, 0
    else:
        k = -1 - e
        if j > i:
            if k + 1 < line.full.size - 1:
                high = min(high, line.spot[n + k + 1] - 1)
            if high <= i or line.full[k] + high - i > line.room[k]:
                return 0, -1, 0
        else:
            if k > 0:
                low = max(low, line.spot[n + k - 1] + 1)
            if low >= i or line.full[k + 1] + i - low > line.room[k + 1]:
                return 0, -1, 0
    if j > i:
        for p in range(low, high):
            fresh[p - low] = line.seq[p + 1]
        fresh[high - low] = e
    else:
        for p in range(low + 1, high + 1):
            fresh[p - low] = line.seq[p - 1]
        fresh[0] = e
    return low, high, e


@lean
def _touches(
    line: Line, layout: Layout, c: int, low: int, high: int, moved: int
) -> tuple[bool, bool]:
    """Whether a move changes a curve, and whether it changes its clustered variances."""
    if moved == line.seq.size:
        one, two = line.seq[low], line.seq[high]
        a, b = layout.atom[one], layout.atom[two]
        inside, other = layout.member[c, a], layout.member[c, b]
        if inside != other or (inside and layout.event[c, a] != layout.event[c, b]):
            return True, True
        return False, inside and layout.cluster[one] != layout.cluster[two]
    if moved < 0:
        here = _end(line, layout, c, -moved) > line.begin[c, -1 - moved]
        return here, here
    inside = layout.member[c, layout.atom[moved]]
    return inside, inside


@lean
def _take(line: Line, layout: Layout, low: int, high: int, moved: int) -> None:
    """Bring up to date where rows and bars stand, and who is at risk, after a move."""
    n = layout.atom.size
    for p in range(low, high + 1):
        e = line.seq[p]
        line.spot[e if e >= 0 else n - 1 - e] = p
    for c in range(line.risk.shape[0]):
        r = line.risk[c, low]
        for p in range(low, high + 1):
            line.risk[c, p] = r
            e = line.seq[p]
            if e >= 0 and layout.member[c, layout.atom[e]]:
                r -= 1
    if moved != line.seq.size:
        bars = line.full.size - 1
        before = 0
        for k in range(bars):
            line.full[k] = line.spot[n + k] - k - before
            before += line.full[k]
        line.full[bars] = n - before


@lean
def _exchange(line: Line, layout: Layout, i: int, k: int) -> None:
    """Two rows exchange their clusters."""
    g, h = layout.cluster[i], layout.cluster[k]
    layout.cluster[i], layout.cluster[k] = h, g
    for c in range(line.members.shape[0]):
        if layout.member[c, layout.atom[i]]:
            line.members[c, g] -= 1
            line.members[c, h] += 1
        if layout.member[c, layout.atom[k]]:
            line.members[c, h] -= 1
            line.members[c, g] += 1


@lean
def _regroup(
    line: Line,
    layout: Layout,
    targets: Targets,
    rng: np.random.Generator,
    most: float,
    now: float,
    part: FloatArray,
    new: FloatArray,
    spread: FloatArray,
    sums: FloatArray,
    after: IntArray,
) -> float:
    """Have two rows exchange their clusters if the losses stay below ``most``; these then."""
    n = layout.atom.size
    i, k = int(rng.random() * n), int(rng.random() * n)
    if line.mate[i] != line.mate[k] or layout.cluster[i] == layout.cluster[k]:
        return now
    _exchange(line, layout, i, k)
    total = now
    for c in range(line.risk.shape[0]):
        if not layout.clustered[c]:
            continue
        if layout.member[c, layout.atom[i]] or layout.member[c, layout.atom[k]]:
            _fill_spread(line, layout, c, sums, after, spread)
            for mark in range(layout.start[c], layout.start[c + 1]):
                for q in range(line.first[mark], line.first[mark + 1]):
                    t = line.asked[q]
                    if t >= targets.late:
                        new[t] = _of_mark(
                            layout, targets, t, mark, line.log[mark], spread[mark],
                            line.left[mark],
                        )  # fmt: skip
                        total += new[t] - part[t]
    if total > most:
        _exchange(line, layout, i, k)
        return now
    for c in range(line.risk.shape[0]):
        if not layout.clustered[c]:
            continue
        if layout.member[c, layout.atom[i]] or layout.member[c, layout.atom[k]]:
            for mark in range(layout.start[c], layout.start[c + 1]):
                line.spread[mark] = spread[mark]
                for q in range(line.first[mark], line.first[mark + 1]):
                    if line.asked[q] >= targets.late:
                        part[line.asked[q]] = new[line.asked[q]]
    return total


@entry
def arrange(
    line: Line,
    layout: Layout,
    cox: Cox,
    targets: Targets,
    rng: np.random.Generator,
    steps: int,
    hot: float,
    cold: float,
) -> tuple[float, int]:
    """Move rows and bars by Metropolis' rule while it cools; the loss it ends with, and the moves.

    Ends where all targets are met.
    """
    marks, many = layout.place.size, targets.kind.size
    curves = line.risk.shape[0]
    models = cox.terms.size
    terms = cox.beta.shape[1]
    log, greenwood = np.zeros(marks), np.zeros(marks)
    spread = np.zeros(marks)
    left = np.zeros(marks, np.int64)
    fresh, stale = np.zeros(line.seq.size, np.int64), np.zeros(line.seq.size, np.int64)
    sums, squares = np.zeros(terms), np.zeros((terms, terms))
    cluster_sums = np.zeros(line.members.shape[1])
    after = np.zeros(line.members.shape[1], np.int64)
    part, new = np.zeros(many), np.zeros(many)
    altered, again = np.zeros(curves, np.bool_), np.zeros(curves, np.bool_)
    since = _FRESH
    now = 0.0
    temperature = hot
    for m in range(models):
        _weigh(cox, m)
    for step in range(steps):
        if since >= _FRESH:
            since = 0
            _recount(line, layout)
            if models:
                _refit(line, cox, sums, squares)
            for c in range(curves):
                if layout.clustered[c]:
                    _fill_spread(line, layout, c, cluster_sums, after, line.spread)
            now = 0.0
            for mark in range(marks):
                for q in range(line.first[mark], line.first[mark + 1]):
                    t = line.asked[q]
                    part[t] = _of_mark(
                        layout, targets, t, mark, line.log[mark], line.spread[mark],
                        line.left[mark],
                    )  # fmt: skip
                    now += part[t]
            for t in range(targets.cox, targets.late):
                part[t] = _of_term(cox, targets, t)
                now += part[t]
        if now <= _MET:
            return now, step
        if step % 256 == 0:
            temperature = hot * (cold / hot) ** (step / steps)
        most = now - temperature * math.log(1.0 - rng.random())
        if line.mate.size and rng.random() < _OFTEN:
            now = _regroup(
                line, layout, targets, rng, most, now, part, new, spread, cluster_sums, after
            )
            continue
        low, high, moved = _propose(line, layout, rng, fresh)
        if high < low:
            continue
        total = now
        any_, any_again = False, False
        for c in range(curves):
            altered[c], again[c] = _touches(line, layout, c, low, high, moved)
            again[c] = again[c] and layout.clustered[c]
            any_ = any_ or altered[c]
            any_again = any_again or again[c]
            if not altered[c]:
                continue
            begin = _change_curve(line, layout, c, low, high, fresh, log, greenwood, left)
            for mark in range(begin, layout.start[c + 1]):
                for q in range(line.first[mark], line.first[mark + 1]):
                    t = line.asked[q]
                    if t < targets.late:
                        new[t] = _of_mark(
                            layout, targets, t, mark, log[mark], greenwood[mark], left[mark]
                        )
                        total += new[t] - part[t]
        if total > most or not (any_ or any_again or (models and moved >= 0)):
            continue
        for p in range(low, high + 1):
            stale[p - low] = line.seq[p]
            line.seq[p] = fresh[p - low]
        refitted = models > 0 and moved >= 0
        if refitted:
            _refit(line, cox, sums, squares)
            for t in range(targets.cox, targets.late):
                new[t] = _of_term(cox, targets, t)
                total += new[t] - part[t]
        if total <= most and any_again:
            for c in range(curves):
                if not again[c]:
                    continue
                _fill_spread(line, layout, c, cluster_sums, after, spread)
                for mark in range(layout.start[c], layout.start[c + 1]):
                    value, stay = line.log[mark], line.left[mark]
                    if (
                        altered[c]
                        and line.spot[layout.atom.size + _bar(line, layout, c, mark)] >= low
                    ):
                        value, stay = log[mark], left[mark]
                    for q in range(line.first[mark], line.first[mark + 1]):
                        t = line.asked[q]
                        if t >= targets.late:
                            new[t] = _of_mark(layout, targets, t, mark, value, spread[mark], stay)
                            total += new[t] - part[t]
        if total > most:
            for p in range(low, high + 1):
                line.seq[p] = stale[p - low]
            continue
        for c in range(curves):
            if altered[c]:
                begin = _end(line, layout, c, _segment(line, layout.atom.size, low))
                for mark in range(begin, layout.start[c + 1]):
                    line.log[mark] = log[mark]
                    line.greenwood[mark] = greenwood[mark]
                    line.left[mark] = left[mark]
                    line.spread[mark] = greenwood[mark]
                    for q in range(line.first[mark], line.first[mark + 1]):
                        if line.asked[q] < targets.late:
                            part[line.asked[q]] = new[line.asked[q]]
            if again[c]:
                for mark in range(layout.start[c], layout.start[c + 1]):
                    line.spread[mark] = spread[mark]
                    for q in range(line.first[mark], line.first[mark + 1]):
                        if line.asked[q] >= targets.late:
                            part[line.asked[q]] = new[line.asked[q]]
        if refitted:
            for t in range(targets.cox, targets.late):
                part[t] = new[t]
        _take(line, layout, low, high, moved)
        now = total
        since += 1
    return now, steps


@lean
def _bar(line: Line, layout: Layout, c: int, mark: int) -> int:
    """The bar of a curve's landmark."""
    k = 0
    while _end(line, layout, c, k + 1) <= mark:
        k += 1
    return k
