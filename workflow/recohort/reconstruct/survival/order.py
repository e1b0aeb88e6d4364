"""Rows in the order of their times, rearranged until the survival statistics print.

Rows and bars of a line (:mod:`.line`) change places, and rows their clusters, by
Metropolis' rule. That is cheap for some hundreds of rows, and these are the ones of which few
arrangements print.
"""

from __future__ import annotations

import math

import numpy as np

from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, lean
from recohort.reconstruct.survival.counts import Cox, Layout, Targets, landmark_limit
from recohort.reconstruct.survival.line import (
    Line,
    bar_of,
    change_curve,
    end_of,
    fill_spread,
    recount,
    refit,
    segment_of,
    weigh,
)
from recohort.reconstruct.survival.walk import MET

__all__ = ["arrange"]

_FRESH = 20_000
"""Accepted moves after which sums are made anew, so that rounding errors do not pile up."""

_NOT_ESTIMABLE = 7.0

_STEP = 3.0
"""In widths of a target: how far is no longer near."""

_OFTEN = 0.3
"""How often rows exchange their clusters, where they may."""

_NOTHING = -400.0
"""Logarithms below this are of a survival of 0."""


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
        goal = segment_of(line, n, j)
        if j > i and line.seq[j] < 0:
            goal += 1
        source = segment_of(line, n, i)
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
        here = end_of(line, layout, c, -moved) > line.begin[c, -1 - moved]
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
            fill_spread(line, layout, c, sums, after, spread)
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
        weigh(cox, m)
    for step in range(steps):
        if since >= _FRESH:
            since = 0
            recount(line, layout)
            if models:
                refit(line, cox, sums, squares)
            for c in range(curves):
                if layout.clustered[c]:
                    fill_spread(line, layout, c, cluster_sums, after, line.spread)
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
        if now <= MET:
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
            begin = change_curve(line, layout, c, low, high, fresh, log, greenwood, left)
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
            refit(line, cox, sums, squares)
            for t in range(targets.cox, targets.late):
                new[t] = _of_term(cox, targets, t)
                total += new[t] - part[t]
        if total <= most and any_again:
            for c in range(curves):
                if not again[c]:
                    continue
                fill_spread(line, layout, c, cluster_sums, after, spread)
                for mark in range(layout.start[c], layout.start[c + 1]):
                    value, stay = line.log[mark], line.left[mark]
                    if (
                        altered[c]
                        and line.spot[layout.atom.size + bar_of(line, layout, c, mark)] >= low
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
                begin = end_of(line, layout, c, segment_of(line, layout.atom.size, low))
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
