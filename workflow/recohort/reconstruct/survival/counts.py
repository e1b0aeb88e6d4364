"""Survival curves, Cox models and moments of one time column, kept up to date row by row.

Times are places on a sorted list of recordable values. A row that moves from one place to another
changes the numbers at risk in between and nothing else, so that a landmark's log survival and its
Greenwood sum, and a Cox model's score and information, follow by sums over that stretch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import allocating, entry, inner, lean

__all__ = [
    "Cox",
    "Kind",
    "Layout",
    "State",
    "Targets",
    "cluster_spread",
    "foretold_spread",
    "landmark_limit",
    "late_loss",
    "losses",
    "owners",
    "part_of_loss",
    "rebuild",
    "rebuild_cox",
    "shift",
    "shift_cox",
    "solve_cox",
    "target_loss",
    "total",
]


class Kind:
    """What a target is, and what its ``where`` numbers."""

    PERCENT, LOWER, UPPER, ABOVE, BELOW = 0, 1, 2, 3, 4  # a landmark of a curve
    RATIO, RATIO_LOWER, RATIO_UPPER, P_VALUE = 5, 6, 7, 8  # a term of a Cox model
    MEAN, SD = 9, 10  # a moment of the times


_PERCENT, _LOWER, _UPPER, _ABOVE, _BELOW = 0, 1, 2, 3, 4
_RATIO, _RATIO_LOWER, _RATIO_UPPER, _P_VALUE = 5, 6, 7, 8
_MEAN = 9
_NOTHING = -800.0
"""The logarithm of a survival of 0."""

_NOT_ESTIMABLE = 1000.0
_NEAR = 3.0


class Layout(NamedTuple):
    """What stays: rows (n), places (G), atoms (A) of rows alike, curves (C), landmarks (L).

    ``member`` and ``event`` are (C, A). Curve c's landmarks are ``start[c]`` to ``start[c + 1]``,
    by ``place``: the last at or before them; ``reach`` is the first at or after them, at which
    someone must be at risk (-1: nobody need be). ``log`` and ``inverse`` (n + 1) are tables.
    ``moment`` (K, n) says whose times a mean or an SD is of; ``divisor`` (K) is that of the SD.
    """

    atom: IntArray
    member: BoolArray
    event: BoolArray
    start: IntArray
    place: IntArray
    reach: IntArray
    clustered: BoolArray
    cluster: IntArray
    values: FloatArray
    log: FloatArray
    inverse: FloatArray
    moment: BoolArray
    divisor: FloatArray


class State(NamedTuple):
    """What moves: each row's place (n), and what follows from it."""

    at: IntArray
    risk: IntArray
    dead: IntArray
    log_survival: FloatArray
    greenwood: FloatArray
    ratio: FloatArray
    """By landmark: the clustered variance over Greenwood's, as of the last look."""
    sums: FloatArray
    """(K, 3): how many, the sum of their times, and of their squares."""


class Cox(NamedTuple):
    """Cox models (M) of up to P terms: rows' terms, and sums by place at the coefficients ``beta``.

    ``score`` and ``information`` are those at ``beta``; ``found`` (M, 2, P) the coefficients and
    standard errors that follow by Newton's step.
    """

    terms: IntArray
    efron: BoolArray
    inside: BoolArray
    outcome: BoolArray
    x: FloatArray
    beta: FloatArray
    weight: FloatArray
    deaths: IntArray
    risk: FloatArray
    risk_x: FloatArray
    risk_xx: FloatArray
    own: FloatArray
    own_x: FloatArray
    own_xx: FloatArray
    fallen: FloatArray
    score: FloatArray
    information: FloatArray
    found: FloatArray
    root: FloatArray
    inverse: FloatArray


class Targets(NamedTuple):
    """Sets (T) that estimates must fall into, in three parts, each dearer to compute than the last.

    Those from ``cox`` on are of Cox models, those from ``late`` on need a clustered variance.
    """

    kind: IntArray
    where: IntArray
    z: FloatArray
    scale: IntArray
    low: FloatArray
    high: FloatArray
    width: FloatArray
    cox: int
    late: int


@lean
def rebuild(layout: Layout, state: State) -> None:
    """Everything that follows from the rows' places, but for the clustered ratios."""
    curves, places = state.risk.shape
    state.risk[:] = 0
    state.dead[:] = 0
    for i in range(state.at.size):
        atom = layout.atom[i]
        for c in range(curves):
            if layout.member[c, atom]:
                state.risk[c, state.at[i]] += 1
                if layout.event[c, atom]:
                    state.dead[c, state.at[i]] += 1
    for c in range(curves):
        for j in range(places - 2, -1, -1):
            state.risk[c, j] += state.risk[c, j + 1]
        log = 0.0
        greenwood = 0.0
        j = 0
        for mark in range(layout.start[c], layout.start[c + 1]):
            while j <= layout.place[mark]:
                if state.dead[c, j]:
                    r, left = state.risk[c, j], state.risk[c, j] - state.dead[c, j]
                    log += layout.log[left] - layout.log[r]
                    greenwood += layout.inverse[left] - layout.inverse[r]
                j += 1
            state.log_survival[mark] = log
            state.greenwood[mark] = greenwood
    for k in range(layout.moment.shape[0]):
        state.sums[k, :] = 0.0
        for i in range(state.at.size):
            if layout.moment[k, i]:
                value = layout.values[state.at[i]]
                state.sums[k, 0] += 1.0
                state.sums[k, 1] += value
                state.sums[k, 2] += value * value


@lean
def _cox_term(cox: Cox, m: int, j: int, sign: float) -> None:
    """Add a place's share of a model's score and information, or take it away."""
    deaths = cox.deaths[m, j]
    if deaths == 0:
        return
    terms = cox.terms[m]
    for nth in range(deaths):
        part = nth / deaths if cox.efron[m] else 0.0
        all_ = cox.risk[m, j] - part * cox.own[m, j]
        if all_ <= 0.0:
            continue
        for a in range(terms):
            mean = (cox.risk_x[m, j, a] - part * cox.own_x[m, j, a]) / all_
            cox.score[m, a] -= sign * mean
            for b in range(a + 1):
                other = (cox.risk_x[m, j, b] - part * cox.own_x[m, j, b]) / all_
                square = (cox.risk_xx[m, j, a, b] - part * cox.own_xx[m, j, a, b]) / all_
                cox.information[m, a, b] += sign * (square - mean * other)


@lean
def solve_cox(cox: Cox) -> None:
    """Coefficients by Newton's step, and standard errors from the information; NaN where none."""
    root, inverse = cox.root, cox.inverse
    for m in range(cox.terms.size):
        p = cox.terms[m]
        sound = True
        for a in range(p):
            for b in range(a + 1):
                total_ = cox.information[m, a, b]
                for k in range(b):
                    total_ -= root[a, k] * root[b, k]
                if a == b:
                    if total_ <= 1e-12:
                        sound = False
                        total_ = 1.0
                    root[a, a] = math.sqrt(total_)
                else:
                    root[a, b] = total_ / root[b, b]
        for column in range(p):  # The inverse of the root, below its diagonal.
            for a in range(p):
                if a < column:
                    inverse[a, column] = 0.0
                    continue
                total_ = 1.0 if a == column else 0.0
                for k in range(column, a):
                    total_ -= root[a, k] * inverse[k, column]
                inverse[a, column] = total_ / root[a, a]
        for a in range(p):
            step = 0.0
            variance = 0.0
            for k in range(a, p):
                variance += inverse[k, a] * inverse[k, a]
            for b in range(p):
                covariance = 0.0
                for k in range(max(a, b), p):
                    covariance += inverse[k, a] * inverse[k, b]
                step += covariance * cox.score[m, b]
            cox.found[m, 0, a] = cox.beta[m, a] + step if sound else np.nan
            cox.found[m, 1, a] = math.sqrt(variance) if sound else np.nan


@lean
def rebuild_cox(state: State, cox: Cox) -> None:
    """The sums of every Cox model at its coefficients, each of which first takes Newton's step."""
    n, places = state.at.size, cox.risk.shape[1]
    for m in range(cox.terms.size):
        terms = cox.terms[m]
        for a in range(terms):
            step = cox.found[m, 0, a] - cox.beta[m, a]
            cox.beta[m, a] += min(max(step, -1.0), 1.0)
        cox.deaths[m] = 0
        cox.risk[m] = 0.0
        cox.risk_x[m] = 0.0
        cox.risk_xx[m] = 0.0
        cox.own[m] = 0.0
        cox.own_x[m] = 0.0
        cox.own_xx[m] = 0.0
        cox.information[m] = 0.0
        for a in range(terms):
            cox.score[m, a] = cox.fallen[m, a]
        for i in range(n):
            if not cox.inside[m, i]:
                continue
            j = state.at[i]
            line = 0.0
            for a in range(terms):
                line += cox.beta[m, a] * cox.x[m, i, a]
            w = math.exp(line)
            cox.weight[m, i] = w
            cox.risk[m, j] += w
            for a in range(terms):
                cox.risk_x[m, j, a] += w * cox.x[m, i, a]
                for b in range(a + 1):
                    cox.risk_xx[m, j, a, b] += w * cox.x[m, i, a] * cox.x[m, i, b]
            if cox.outcome[m, i]:
                cox.deaths[m, j] += 1
                cox.own[m, j] += w
                for a in range(terms):
                    cox.own_x[m, j, a] += w * cox.x[m, i, a]
                    for b in range(a + 1):
                        cox.own_xx[m, j, a, b] += w * cox.x[m, i, a] * cox.x[m, i, b]
        for j in range(places - 2, -1, -1):
            cox.risk[m, j] += cox.risk[m, j + 1]
            for a in range(terms):
                cox.risk_x[m, j, a] += cox.risk_x[m, j + 1, a]
                for b in range(a + 1):
                    cox.risk_xx[m, j, a, b] += cox.risk_xx[m, j + 1, a, b]
        for j in range(places):
            _cox_term(cox, m, j, 1.0)
    solve_cox(cox)


@lean
def shift_cox(cox: Cox, m: int, i: int, old: int, new: int) -> None:
    """Move row i from one place to another in a Cox model."""
    if old == new or not cox.inside[m, i]:
        return
    terms = cox.terms[m]
    low, high = min(old, new), max(old, new)
    w = cox.weight[m, i] if new > old else -cox.weight[m, i]
    dies = cox.outcome[m, i]
    for j in range(low, high + 1):
        ends = dies and j in (old, new)
        if cox.deaths[m, j] or ends:
            _cox_term(cox, m, j, -1.0)
        if j > low:
            cox.risk[m, j] += w
            for a in range(terms):
                cox.risk_x[m, j, a] += w * cox.x[m, i, a]
                for b in range(a + 1):
                    cox.risk_xx[m, j, a, b] += w * cox.x[m, i, a] * cox.x[m, i, b]
        if ends:
            come = 1 if j == new else -1
            own = come * cox.weight[m, i]
            cox.deaths[m, j] += come
            cox.own[m, j] += own
            for a in range(terms):
                cox.own_x[m, j, a] += own * cox.x[m, i, a]
                for b in range(a + 1):
                    cox.own_xx[m, j, a, b] += own * cox.x[m, i, a] * cox.x[m, i, b]
        if cox.deaths[m, j]:
            _cox_term(cox, m, j, 1.0)


@lean
def shift(layout: Layout, state: State, i: int, new: int) -> None:
    """Move row i to another place, in all but the Cox models."""
    old = state.at[i]
    if old == new:
        return
    atom = layout.atom[i]
    low, high = min(old, new), max(old, new)
    change = 1 if new > old else -1
    log, inverse = layout.log, layout.inverse
    for c in range(state.risk.shape[0]):
        if not layout.member[c, atom]:
            continue
        dies = layout.event[c, atom]
        more_log = 0.0
        more_greenwood = 0.0
        mark, last = layout.start[c], layout.start[c + 1]
        while mark < last and layout.place[mark] < low:
            mark += 1
        for j in range(low, high + 1):
            dead = state.dead[c, j]
            if dead:
                r = state.risk[c, j]
                more_log -= log[r - dead] - log[r]
                more_greenwood -= inverse[r - dead] - inverse[r]
            if j > low:
                state.risk[c, j] += change
            if dies:
                if j == new:
                    dead += 1
                    state.dead[c, j] = dead
                elif j == old:
                    dead -= 1
                    state.dead[c, j] = dead
            if dead:
                r = state.risk[c, j]
                more_log += log[r - dead] - log[r]
                more_greenwood += inverse[r - dead] - inverse[r]
            while mark < last and layout.place[mark] == j:
                state.log_survival[mark] += more_log
                state.greenwood[mark] += more_greenwood
                mark += 1
        while mark < last:
            state.log_survival[mark] += more_log
            state.greenwood[mark] += more_greenwood
            mark += 1
    for k in range(layout.moment.shape[0]):
        if layout.moment[k, i]:
            before, after = layout.values[old], layout.values[new]
            state.sums[k, 1] += after - before
            state.sums[k, 2] += after * after - before * before
    state.at[i] = new


@allocating
def cluster_spread(layout: Layout, state: State, c: int, spread: FloatArray) -> None:
    """The clustered variances of a curve's log survival, written into ``spread`` (L).

    A row's influence is 1/(r - d) at its event less the Greenwood sum up to its time.
    """
    first, last = layout.start[c], layout.start[c + 1]
    greenwood = np.empty(layout.place[last - 1] + 1)
    total_ = 0.0
    for j in range(greenwood.size):
        dead, r = state.dead[c, j], state.risk[c, j]
        if dead:
            total_ += layout.inverse[r - dead] - layout.inverse[r]
        greenwood[j] = total_
    sums = np.zeros((layout.cluster.max() + 1, last - first))
    for i in range(state.at.size):
        atom = layout.atom[i]
        if not layout.member[c, atom]:
            continue
        at = state.at[i]
        for mark in range(first, last):
            share = -greenwood[min(at, layout.place[mark])]
            if layout.event[c, atom] and at <= layout.place[mark]:
                share += layout.inverse[state.risk[c, at] - state.dead[c, at]]
            sums[layout.cluster[i], mark - first] += share
    for mark in range(first, last):
        total_ = 0.0
        for g in range(sums.shape[0]):
            total_ += sums[g, mark - first] ** 2
        spread[mark] = total_


@lean
def target_loss(targets: Targets, t: int, value: float) -> float:
    """How far an estimate is from a target's set, in widths of it."""
    if not math.isfinite(value):
        return _NOT_ESTIMABLE
    outside = max(targets.low[t] - value, value - targets.high[t], 0.0)
    near = 2e-9 * targets.width[t]
    if outside <= near:
        rim = min(abs(value - targets.low[t]), abs(value - targets.high[t])) <= near
        return 0.002 if rim else 0.0
    away = min(outside / targets.width[t], _NOT_ESTIMABLE)
    # Squared while small: sums of plain distances have kinks at which single moves get stuck.
    return float(0.01 + (away * away if away < _NEAR else _NEAR * (2.0 * away - _NEAR)))


@lean
def landmark_limit(log_survival: float, error: float, z: float, scale: int, upper: bool) -> float:
    """A limit in percent, of log S and its standard error; the scales are plain, log, log-log."""
    if log_survival <= _NOTHING / 2:
        return np.nan
    if log_survival == 0.0:
        return 100.0
    sign = 1.0 if upper else -1.0
    if scale == 0:
        value = math.exp(log_survival) * (1.0 + sign * z * error)
    elif scale == 1:
        value = math.exp(log_survival + sign * z * error)
    else:
        value = math.exp(log_survival * math.exp(sign * z * error / log_survival))
    return 100.0 * min(max(value, 0.0), 1.0)


@lean
def _estimate(
    layout: Layout,
    state: State,
    cox: Cox,
    targets: Targets,
    t: int,
    spread: FloatArray,
    owner: IntArray,
) -> float:
    kind, where = targets.kind[t], targets.where[t]
    if kind <= _BELOW:
        log = state.log_survival[where]
        if kind >= _ABOVE:
            return float(log)
        reach = layout.reach[where]
        ends = reach >= state.risk.shape[1]
        if reach >= 0 and log > _NOTHING / 2 and (ends or state.risk[owner[where], reach] == 0):
            return np.nan
        if kind == _PERCENT:
            return 100.0 * math.exp(log)
        error = math.sqrt(max(spread[where], 0.0))
        return landmark_limit(log, error, targets.z[t], targets.scale[t], kind == _UPPER)
    if kind <= _P_VALUE:
        m, a = divmod(where, cox.beta.shape[1])
        b, se = cox.found[m, 0, a], cox.found[m, 1, a]
        if not (math.isfinite(b) and math.isfinite(se)) or abs(b) > 100.0 or se > 100.0:
            return np.nan
        if kind == _RATIO:
            return math.exp(b)
        if kind == _RATIO_LOWER:
            return math.exp(b - targets.z[t] * se)
        if kind == _RATIO_UPPER:
            return math.exp(b + targets.z[t] * se)
        return math.erfc(abs(b / se) / math.sqrt(2.0))
    n, total_, squares = state.sums[where, 0], state.sums[where, 1], state.sums[where, 2]
    if kind == _MEAN:
        return float(total_ / n)
    return math.sqrt(max(squares - total_ * total_ / n, 0.0) / layout.divisor[where])


@inner
def owners(layout: Layout) -> IntArray:
    """The curve of each landmark."""
    owner = np.empty(layout.place.size, np.int64)
    for c in range(layout.start.size - 1):
        owner[layout.start[c] : layout.start[c + 1]] = c
    return owner


@entry
def losses(
    layout: Layout, state: State, cox: Cox, targets: Targets, spread: FloatArray
) -> FloatArray:
    """Each target's loss (T), given the variances of log survival (L)."""
    owner = owners(layout)
    found = np.empty(targets.kind.size)
    for t in range(found.size):
        value = _estimate(layout, state, cox, targets, t, spread, owner)
        found[t] = target_loss(targets, t, value)
    return found


@lean
def part_of_loss(
    layout: Layout,
    state: State,
    cox: Cox,
    targets: Targets,
    first: int,
    last: int,
    spread: FloatArray,
    owner: IntArray,
) -> float:
    """The sum of some targets' losses, given the variances of log survival (L)."""
    found = 0.0
    for t in range(first, last):
        value = _estimate(layout, state, cox, targets, t, spread, owner)
        found += target_loss(targets, t, value)
    return found


@inner
def total(
    layout: Layout,
    state: State,
    cox: Cox,
    targets: Targets,
    exact: bool,
    owner: IntArray,
    spread: FloatArray,
) -> float:
    """The sum of all losses.

    Without ``exact``, clustered variances are Greenwood's times the ratio as of the last look.
    """
    solve_cox(cox)
    foretold_spread(state, spread)
    found = part_of_loss(layout, state, cox, targets, 0, targets.late, spread, owner)
    if targets.late < targets.kind.size:
        found += late_loss(layout, state, cox, targets, exact, owner, spread)
    return found


@lean
def foretold_spread(state: State, spread: FloatArray) -> None:
    """Variances (L) of log survival by Greenwood, times the ratios where errors are clustered."""
    for mark in range(spread.size):
        spread[mark] = state.greenwood[mark] * state.ratio[mark]


@inner
def late_loss(
    layout: Layout,
    state: State,
    cox: Cox,
    targets: Targets,
    exact: bool,
    owner: IntArray,
    spread: FloatArray,
) -> float:
    """The losses of the targets that need a clustered variance."""
    if exact:
        for c in range(layout.clustered.size):
            if layout.clustered[c]:
                cluster_spread(layout, state, c, spread)
    many = targets.kind.size
    return part_of_loss(layout, state, cox, targets, targets.late, many, spread, owner)
