"""Random moves of rows between times, kept where the printed survival comes nearer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, lean
from recohort.reconstruct.survival.counts import (
    Cox,
    Layout,
    State,
    Targets,
    cluster_spread,
    foretold_spread,
    landmark_limit,
    late_loss,
    owners,
    part_of_loss,
    rebuild,
    rebuild_cox,
    shift,
    shift_cox,
    solve_cox,
    target_loss,
    total,
)

__all__ = ["MET", "Range", "rearrange", "walk"]

MET = 0.009
"""The largest sum of losses at which all prints: some values may lie on the rim."""

_MET = 0.009
_FRESH = 20_000
"""Steps after which sums are made anew, so that rounding errors do not pile up."""


class Range(NamedTuple):
    """Where rows may go.

    ``low`` and ``high`` (n) are places; ``margin`` (n) numbers the rows that may exchange their
    times, and ``cell`` (margins, G) the stretches that none of these may leave alone. ``order``
    holds the rows by ``margin``, each from ``first[margin]``. ``pool`` holds places that look like
    the column's, in order; ``breaks`` divides them; ``block`` (n) numbers rows that move together,
    listed in ``block_order`` from ``block_first``. ``twin`` (n) numbers rows that differ in their
    clusters alone, listed likewise. ``likely`` (margins, G) holds logarithms of the share of values
    that a place stands for before survival is looked at. ``rigid`` (n) says whose numbers by
    ``stretch`` (G) of time decide the rates.
    """

    low: IntArray
    high: IntArray
    margin: IntArray
    cell: IntArray
    order: IntArray
    first: IntArray
    pool: IntArray
    breaks: IntArray
    block: IntArray
    block_order: IntArray
    block_first: IntArray
    twin: IntArray
    twin_order: IntArray
    twin_first: IntArray
    likely: FloatArray
    moments: bool
    rigid: BoolArray
    stretch: IntArray


@lean
def _fits(room: Range, at: IntArray, i: int, new: int) -> bool:
    if new < room.low[i] or new > room.high[i] or new == at[i]:
        return False
    margin = room.margin[i]
    return bool(room.cell[margin, new] == room.cell[margin, at[i]])


@lean
def _hops(room: Range, at: IntArray, rows: IntArray, news: IntArray, size: int) -> bool:
    """Whether a row that decides the rates changes its stretch."""
    for q in range(size):
        if room.rigid[rows[q]] and room.stretch[at[rows[q]]] != room.stretch[news[q]]:
            return True
    return False


@lean
def _drawn(room: Range, rng: np.random.Generator, low: int, high: int) -> int:
    """A place from the pool between two places, or a few steps beside one."""
    first = np.searchsorted(room.pool, low)
    last = np.searchsorted(room.pool, high, side="right")
    if last <= first:
        return int(low + int(rng.random() * (high - low + 1)))
    found = room.pool[first + int(rng.random() * (last - first))] + int(rng.random() * 5) - 2
    return int(min(max(found, low), high))


@lean
def _propose(
    room: Range, at: IntArray, rng: np.random.Generator, block: int, rows: IntArray, news: IntArray
) -> int:
    """Write rows and their new places; how many."""
    n = at.size
    last = room.cell.shape[1] - 1
    kind = rng.random()
    if block > 1 and kind < 0.7:
        # Rows alike of one stretch of time into another.
        b = room.block[int(rng.random() * n)]
        start, size = room.block_first[b], room.block_first[b + 1] - room.block_first[b]
        stretches = room.breaks.size - 1
        source, goal = int(rng.random() * stretches), int(rng.random() * stretches)
        wanted = min(int(block ** rng.random()), size)
        found = 0
        place = int(rng.random() * size)
        for _ in range(size):
            i = room.block_order[start + place]
            place = place + 1 if place + 1 < size else 0
            if room.breaks[source] <= at[i] < room.breaks[source + 1]:
                new = _drawn(room, rng, room.breaks[goal], room.breaks[goal + 1] - 1)
                if _fits(room, at, i, new):
                    rows[found], news[found] = i, new
                    found += 1
                    if found == wanted:
                        break
        return found
    i = int(rng.random() * n)
    if kind < 0.35 and not room.moments:
        new = _drawn(room, rng, room.low[i], room.high[i])
        if not _fits(room, at, i, new):
            return 0
        rows[0], news[0] = i, new
        return 1
    margin = room.margin[i]
    start, size = room.first[margin], room.first[margin + 1] - room.first[margin]
    k = room.order[start + int(rng.random() * size)]
    if kind < 0.6:
        # Two rows exchange their times.
        if room.block[i] == room.block[k] and room.twin[i] == room.twin[k]:
            return 0
        if at[i] == at[k] or at[k] < room.low[i] or at[k] > room.high[i]:
            return 0
        if at[i] < room.low[k] or at[i] > room.high[k]:
            return 0
        rows[0], news[0], rows[1], news[1] = i, at[k], k, at[i]
        return 2
    by = int(math.exp(rng.random() * math.log(1.0 + last / 4.0)))
    by = by if rng.random() < 0.5 else -by
    if not _fits(room, at, i, min(max(at[i] + by, 0), last)):
        return 0
    rows[0], news[0] = i, min(max(at[i] + by, 0), last)
    if (room.moments or kind < 0.7) and kind < 0.97:
        # Against each other: their sum stays.
        new = min(max(at[k] - by, 0), last)
        if k == i or not _fits(room, at, k, new):
            return 0
        rows[1], news[1] = k, new
        return 2
    return 1


@lean
def _stroll(
    room: Range, at: IntArray, rng: np.random.Generator, rows: IntArray, news: IntArray
) -> int:
    """Write rows and their new places as likely as the way back; how many."""
    n = at.size
    kind = rng.random()
    i = int(rng.random() * n)
    rows[0] = i
    if kind < 0.3 and not room.moments:
        news[0] = room.low[i] + int(rng.random() * (room.high[i] - room.low[i] + 1))
        return 1 if _fits(room, at, i, news[0]) else 0
    margin = room.margin[i]
    start, size = room.first[margin], room.first[margin + 1] - room.first[margin]
    k = room.order[start + int(rng.random() * size)]
    rows[1] = k
    if kind < 0.6:
        # Two rows exchange their times.
        if room.block[i] == room.block[k] and room.twin[i] == room.twin[k]:
            return 0
        if at[i] == at[k] or at[k] < room.low[i] or at[k] > room.high[i]:
            return 0
        news[0], news[1] = at[k], at[i]
        return 2 if room.low[k] <= at[i] <= room.high[k] else 0
    by = int(math.exp(rng.random() * math.log(1.0 + room.cell.shape[1] / 4.0)))
    by = by if rng.random() < 0.5 else -by
    news[0], news[1] = at[i] + by, at[k] - by
    if not _fits(room, at, i, news[0]):
        return 0
    if kind < 0.8 and not room.moments:
        return 1
    # Against each other: their sum stays.
    return 2 if k != i and _fits(room, at, k, news[1]) else 0


@entry
def walk(
    layout: Layout,
    state: State,
    cox: Cox,
    targets: Targets,
    room: Range,
    rng: np.random.Generator,
    steps: int,
    temperature: float,
    block: int,
    exact: bool,
    hops: bool,
    to_the_end: bool,
) -> tuple[float, int]:
    """Take random moves by Metropolis' rule; the loss that they end with, and their number.

    Without ``hops``, each stretch keeps its rows that decide the rates. Ends where all targets are
    met, or with ``to_the_end`` goes on among states that meet them: then times come up as often as
    ``room.likely`` has them, given the targets.
    """
    marks = layout.place.size
    owner = owners(layout)
    spread = np.empty(marks)
    rows = np.empty(max(block, 2), np.int64)
    news = np.empty(max(block, 2), np.int64)
    olds = np.empty(max(block, 2), np.int64)
    log_before, greenwood_before = np.empty(marks), np.empty(marks)
    score, information = cox.score.copy(), cox.information.copy()
    sums = state.sums.copy()
    rebuild(layout, state)
    for _ in range(4):
        rebuild_cox(state, cox)
    now = total(layout, state, cox, targets, exact, owner, spread)
    since = 0
    step = 0
    models, many = cox.terms.size, targets.kind.size
    while step < steps:
        if now <= _MET and not to_the_end:
            break
        step += 1
        if to_the_end:
            size = _stroll(room, state.at, rng, rows, news)
            gain = 0.0
            for q in range(size):
                likely = room.likely[room.margin[rows[q]]]
                gain += likely[news[q]] - likely[state.at[rows[q]]]
            if math.log(1.0 - rng.random()) >= gain:
                continue
        else:
            size = _propose(room, state.at, rng, block, rows, news)
        if size == 0 or (not hops and _hops(room, state.at, rows, news, size)):
            continue
        log_before[:] = state.log_survival
        greenwood_before[:] = state.greenwood
        sums[:] = state.sums
        for q in range(size):
            olds[q] = state.at[rows[q]]
            shift(layout, state, rows[q], news[q])
        most = now - temperature * math.log(1.0 - rng.random())
        if to_the_end:
            most = max(now, _MET)
        # What is cheap to compute rejects most moves.
        foretold_spread(state, spread)
        new = part_of_loss(layout, state, cox, targets, 0, targets.cox, spread, owner)
        refitted = models > 0 and new <= most
        if refitted:
            score[:] = cox.score
            information[:] = cox.information
            for q in range(size):
                for m in range(models):
                    shift_cox(cox, m, rows[q], olds[q], news[q])
            solve_cox(cox)
            new += part_of_loss(
                layout, state, cox, targets, targets.cox, targets.late, spread, owner
            )
        if new <= most and targets.late < many:
            new += late_loss(layout, state, cox, targets, exact, owner, spread)
        if new <= most:
            now = new
            since += 1
            far = False
            for m in range(models):
                for a in range(cox.terms[m]):
                    away = abs(cox.found[m, 0, a] - cox.beta[m, a])
                    far = far or not away <= 0.01 * cox.found[m, 1, a]
            if far or since >= _FRESH:
                since = 0
                rebuild(layout, state)
                for _ in range(2 if far else 1):
                    rebuild_cox(state, cox)
                now = total(layout, state, cox, targets, exact, owner, spread)
        else:
            for q in range(size - 1, -1, -1):
                shift(layout, state, rows[q], olds[q])
                if refitted:
                    for m in range(models):
                        shift_cox(cox, m, rows[q], news[q], olds[q])
            state.log_survival[:] = log_before
            state.greenwood[:] = greenwood_before
            state.sums[:] = sums
            if refitted:
                cox.score[:] = score
                cox.information[:] = information
    rebuild(layout, state)
    for _ in range(3):
        rebuild_cox(state, cox)
    now = total(layout, state, cox, targets, exact, owner, spread)
    return now, step


@lean
def _clustered_losses(state: State, targets: Targets, variance: FloatArray) -> float:
    found = 0.0
    for t in range(targets.late, targets.kind.size):
        mark = targets.where[t]
        upper = targets.kind[t] == 2
        error = math.sqrt(max(variance[mark], 0.0))
        log = state.log_survival[mark]
        value = landmark_limit(log, error, targets.z[t], targets.scale[t], upper)
        found += target_loss(targets, t, value)
    return found


@entry
def rearrange(
    layout: Layout,
    state: State,
    targets: Targets,
    room: Range,
    rng: np.random.Generator,
    steps: int,
    temperature: float,
    to_the_end: bool,
) -> float:
    """Exchange times of rows that differ in their clusters alone, until the limits print.

    Curves stay; only the clusters' summed influences change, two at a time. Returns the loss of
    the targets that depend on these, and leaves the clustered ratios as they then are.
    """
    marks, places = layout.place.size, state.risk.shape[1]
    rebuild(layout, state)
    owner = owners(layout)
    share = np.zeros((marks, 2, places))
    sums = np.zeros((marks, layout.cluster.max() + 1))
    variance = state.greenwood * state.ratio
    for mark in range(marks):
        c = owner[mark]
        if not layout.clustered[c]:
            continue
        greenwood = 0.0
        for j in range(places):
            dead, r = state.dead[c, j], state.risk[c, j]
            if j <= layout.place[mark] and dead:
                greenwood += layout.inverse[r - dead] - layout.inverse[r]
            share[mark, 0, j] = share[mark, 1, j] = -greenwood
            if j <= layout.place[mark]:
                share[mark, 1, j] += layout.inverse[r - dead]
        for i in range(state.at.size):
            atom = layout.atom[i]
            if layout.member[c, atom]:
                own = share[mark, int(layout.event[c, atom]), state.at[i]]
                sums[mark, layout.cluster[i]] += own
        variance[mark] = (sums[mark] ** 2).sum()
    now = _clustered_losses(state, targets, variance)
    trial = variance.copy()
    n = state.at.size
    step = 0
    while step < steps and (now > _MET or to_the_end):
        step += 1
        i = int(rng.random() * n)
        twin = room.twin[i]
        start, size = room.twin_first[twin], room.twin_first[twin + 1] - room.twin_first[twin]
        k = room.twin_order[start + int(rng.random() * size)]
        g, h = layout.cluster[i], layout.cluster[k]
        if g == h or state.at[i] == state.at[k]:
            continue
        atom = layout.atom[i]
        for mark in range(marks):
            c = owner[mark]
            trial[mark] = variance[mark]
            if layout.clustered[c] and layout.member[c, atom]:
                e = int(layout.event[c, atom])
                gain = share[mark, e, state.at[k]] - share[mark, e, state.at[i]]
                trial[mark] += 2.0 * gain * (sums[mark, g] - sums[mark, h] + gain)
        most = now - temperature * math.log(1.0 - rng.random())
        if to_the_end:
            most = _MET
        new = _clustered_losses(state, targets, trial)
        if new > most:
            continue
        for mark in range(marks):
            c = owner[mark]
            if layout.clustered[c] and layout.member[c, atom]:
                e = int(layout.event[c, atom])
                gain = share[mark, e, state.at[k]] - share[mark, e, state.at[i]]
                sums[mark, g] += gain
                sums[mark, h] -= gain
                variance[mark] = trial[mark]
        state.at[i], state.at[k] = state.at[k], state.at[i]
        now = new
    exact = np.empty(marks)
    for c in range(layout.clustered.size):
        if layout.clustered[c]:
            cluster_spread(layout, state, c, exact)
            for mark in range(layout.start[c], layout.start[c + 1]):
                if state.greenwood[mark] > 0.0:
                    state.ratio[mark] = exact[mark] / state.greenwood[mark]
                variance[mark] = exact[mark]
    return float(_clustered_losses(state, targets, variance))
