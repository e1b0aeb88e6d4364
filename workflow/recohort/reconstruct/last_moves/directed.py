"""Sets of changes to one column, or to several, that bring what is printed nearer all at once.

Many small changes of a column are proposed: values shifted within their cells, pairs of rows that
exchange theirs, 1s and 0s that trade places. What each would do to every printed value that depends
on the column is foretold from sums (:mod:`.sums`). What share of each change would bring all
printed values into the sets that print them, for the least change of the column, is a small convex
problem; changes are then drawn by their shares, and single ones taken or left to mend what the
drawing missed. Values far away are thus reached by hundreds of changes in one step, and near ones
by a few that leave everything else alone. Columns that a printed value ties to each other, as the
difference of two areas does, are changed together: one alone could go no further than that value
lets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.last_moves.candidates import Bench
from recohort.reconstruct.last_moves.guards import Guard
from recohort.reconstruct.last_moves.sums import Sums, foretell
from recohort.reconstruct.target import Target

__all__ = ["Changes", "directed"]

_INSIDE = 0.06
"""How far inside the set that prints an estimate is brought, in parts of its width."""

_GUARDED = 1000.0
"""How much a guard counts, beside targets that count 1."""

_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class Changes:
    """A changed version of a column, and which of its changes belong together.

    ``state`` (n,) holds the new values; ``of`` (n,) says by number which change a row
    is part of, -1 where it keeps its value. The ``guards`` hold before, and are to hold after.
    """

    state: FloatArray
    of: IntArray
    guards: tuple[Guard, ...] = ()


def directed(
    bench: Bench,
    changes: Mapping[str, Changes],
    quantities: Mapping[str, Mapping[str, Sequence[Target]]],
    weight: Mapping[str, float],
    rng: np.random.Generator,
    wanted: Mapping[str, FloatArray] | None = None,
) -> dict[str, FloatArray] | None:
    """The columns (n,) with those of their changes that bring the quantities' targets nearer.

    ``quantities`` holds, by column, those that depend on it with their targets; ``wanted`` says of
    single quantities which sums (K,) they are to have, whatever their targets. ``None`` where no
    target is foretold, no change helps, or a guard would not hold.
    """
    moves: dict[str, _Moves] = {}
    count = 0
    for key, one in changes.items():
        rows = np.flatnonzero(one.of >= 0)
        label = np.unique(one.of[rows], return_inverse=True)[1].reshape(-1) + count
        count = int(label.max(initial=count - 1)) + 1
        moves[key] = _Moves(one.state, rows, label)
    if not count:
        return None
    # How far inside the sets that print the targets are aimed at.
    inside = _INSIDE + float(rng.random()) ** 2 * (0.5 - _INSIDE)
    parts: list[_Aims] = []
    for name in dict.fromkeys(name for key in changes for name in quantities[key]):
        mine = [key for key in changes if name in quantities[key]]
        told = [
            (foretell(bench, bench.card.quantities[name], key, moves[key].state), moves[key])
            for key in mine
        ]
        known = [(sums, move) for sums, move in told if sums is not None]
        if len(known) < len(told):
            continue
        if wanted and name in wanted:
            parts += _exactly(known, count, wanted[name], weight[name])
        else:
            parts += _aims(known, count, quantities[mine[0]][name], weight[name], inside)
    if not parts:
        return None
    parts += [
        _guarded(guard, bench.columns[key], moves[key], count)
        for key, one in changes.items()
        for guard in one.guards
    ]
    aims = _Aims(*(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)))
    cost = np.zeros(count)
    for key, (state, rows, label) in moves.items():
        values = bench.columns[key]
        away = np.abs(state[rows] - values[rows]) / (float(np.nanstd(values)) or 1.0)
        cost += np.bincount(label, weights=(0.1 + away) ** 2, minlength=count)
    share = _wanted(aims, cost)
    order = rng.permutation(count)
    # Systematic sampling: as many changes as the shares add up to.
    sums_of_shares = float(rng.random()) + np.cumsum(share[order])
    taken = np.zeros(count, dtype=np.bool_)
    taken[order] = np.floor(sums_of_shares) > np.floor(sums_of_shares - share[order])
    _mend(np.ascontiguousarray(aims.effect), *aims[1:], order, taken)
    if not taken.any():
        return None
    result: dict[str, FloatArray] = {}
    for key, (state, rows, label) in moves.items():
        result[key] = bench.columns[key].copy()
        mine_taken = rows[taken[label]]
        result[key][mine_taken] = state[mine_taken]
    # What was printed of a column alone and is lost here would not come back: other changes keep
    # to their cells.
    if not all(g.holds(result[key]) for key, one in changes.items() for g in one.guards):
        return None
    return result


class _Moves(NamedTuple):
    """A column's changes: its changed version (n,), the rows that change (R,), their changes (R,).

    Changes are numbered over all columns.
    """

    state: FloatArray
    rows: IntArray
    label: IntArray

    def added(self, sums: Sums, count: int) -> FloatArray:
        """What each of ``count`` changes adds to the sums (count, K)."""
        effect = sums.effect[self.rows]
        return np.stack(
            [np.bincount(self.label, weights=part, minlength=count) for part in effect.T], 1
        )


class _Aims(NamedTuple):
    """Targets and what each change does to them: ``effect`` (M, T), all in half widths of the sets.

    ``start`` (T,) is where they are, ``low`` and ``high`` (T,) where they are to come, ``weight``
    (T,) how much each counts.
    """

    effect: FloatArray
    start: FloatArray
    low: FloatArray
    high: FloatArray
    weight: FloatArray


def _aims(
    known: Sequence[tuple[Sums, _Moves]],
    count: int,
    targets: Sequence[Target],
    weight: float,
    inside: float,
) -> list[_Aims]:
    """What the columns' changes do to the targets of one quantity."""
    sums = known[0][0]
    now = sums.give(sums.total[None, :])
    then = [one.give(one.total[None, :] + move.added(one, count)) for one, move in known]
    found = []
    for one in targets:
        if one.statistic not in now:
            continue
        low, high = one.low, one.high
        if one.statistic is Statistic.P_VALUE:
            low = sums.size_of_p(one.high) if one.high < 1.0 else -np.inf
            high = sums.size_of_p(one.low) if one.low > 0.0 else np.inf
        half = (high - low) / 2.0
        if not np.isfinite(half):
            half = 0.1 * max(1.0, abs(low if np.isfinite(low) else high))
        start = now[one.statistic] / half
        effect = sum(part[one.statistic] / half - start for part in then)
        if np.isfinite(start).all() and np.isfinite(effect).all():
            ends = np.array([low / half + 2.0 * inside]), np.array([high / half - 2.0 * inside])
            found.append(_Aims(np.asarray(effect)[:, None], start, *ends, np.array([weight])))
    return found


def _exactly(
    known: Sequence[tuple[Sums, _Moves]], count: int, wanted: FloatArray, weight: float
) -> list[_Aims]:
    """What the changes do to the sums of one quantity, which are to be as wanted."""
    found = []
    total = known[0][0].total
    added = np.sum([move.added(sums, count) for sums, move in known], axis=0)
    for k, want in enumerate(wanted):
        effect = added[:, k]
        if effect.any():
            unit = float(np.abs(effect[effect != 0.0]).min())
            start = np.array([total[k] / unit])
            ends = np.array([want / unit - 0.25]), np.array([want / unit + 0.25])
            found.append(_Aims(effect[:, None] / unit, start, *ends, np.array([weight])))
    return found


def _guarded(guard: Guard, values: FloatArray, moves: _Moves, count: int) -> _Aims:
    """The changes' effects on the number below a threshold, which is to stay within its bounds."""
    before, after = guard.below(values), guard.below(moves.state)
    crossed = after[moves.rows].astype(np.float64) - before[moves.rows]
    effect = np.bincount(moves.label, weights=crossed, minlength=count).astype(np.float64)
    start, low, high = (np.array([float(x)]) for x in (before.sum(), guard.least, guard.most))
    return _Aims(effect[:, None], start, low - 0.25, high + 0.25, np.array([_GUARDED]))


def _wanted(aims: _Aims, cost: FloatArray) -> FloatArray:
    """How much of each change (M,), 0 to 1, brings all targets (T,) into their sets for least cost.

    The least sum of squared shares, each times its cost, plus a large multiple of the squared
    distances to the sets: solved for one multiplier a target by Newton steps, since the shares
    follow from those.
    """
    effect, start = aims.effect, aims.start
    cheap = effect / cost[:, None]
    stiff = 1e4 * start.size / max(float((effect * cheap).sum()), 1e-12)
    pull = np.zeros(start.size)

    def at(multipliers: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        share = np.clip(cheap @ multipliers, 0.0, 1.0)
        end = start + share @ effect
        outside = end - np.clip(end, aims.low, aims.high)
        return share, outside, multipliers + stiff * outside

    share, outside, rest = at(pull)
    for _ in range(_NEWTON_STEPS):
        if not np.abs(rest).max() > 1e-6 * (1.0 + np.abs(pull).max()):
            break
        free = (share > 0.0) & (share < 1.0) if share.any() else np.ones(cost.size, np.bool_)
        slope = stiff * (effect[free].T @ cheap[free]) * (outside != 0.0)[:, None]
        slope[np.diag_indices_from(slope)] += 1.0
        way = np.linalg.lstsq(slope, -rest, rcond=None)[0]
        size = 1.0
        least = float(np.abs(rest).sum())
        for _ in range(6):
            found = at(pull + size * way)
            if float(np.abs(found[2]).sum()) < least:
                break
            size /= 2.0
        pull = pull + size * way
        share, outside, rest = found
    return np.asarray(share)


@njit(cache=True, nogil=True)
def _mend(effect, start, low, high, weight, order, taken):  # type: ignore[no-untyped-def]
    """Take or leave single changes, in ``order`` (M,), where that brings targets (T,) nearer.

    ``effect`` (M, T) is what they do to what starts at ``start``; ``taken`` (M,) changes in place.
    """
    targets = effect.shape[1]
    now = start.copy()
    for m in range(effect.shape[0]):
        if taken[m]:
            for t in range(targets):
                now[t] += effect[m, t]
    least = 0.0
    for t in range(targets):
        least += weight[t] * _miss(now[t], low[t], high[t])
    for m in order:
        if least == 0.0:
            break
        sign = -1.0 if taken[m] else 1.0
        total = 0.0
        for t in range(targets):
            total += weight[t] * _miss(now[t] + sign * effect[m, t], low[t], high[t])
            if total >= least:
                break
        if total < least - 1e-12:
            taken[m] = not taken[m]
            least = total
            for t in range(targets):
                now[t] += sign * effect[m, t]


@njit(cache=True, nogil=True)
def _miss(value, low, high):  # type: ignore[no-untyped-def]
    """The squared distance to a set, in a straight line beyond one."""
    outside = max(low - value, value - high, 0.0)
    if outside <= 1.0:
        return outside * outside
    return 2.0 * outside - 1.0
