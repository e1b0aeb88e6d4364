"""Sets of changes to one column that bring what is printed nearer all at once.

Many small changes of a column are proposed: values shifted within their cells, pairs of rows that
exchange theirs, 1s and 0s that trade places. What each would do to every printed value that depends
on the column is foretold from sums (:mod:`.sums`). What share of each change would bring all
printed values into the sets that print them, for the least change of the column, is a small convex
problem; changes are then drawn by their shares, and single ones taken or left to mend what the
drawing missed. Values far away are thus reached by hundreds of changes in one step, and near ones
by a few that leave everything else alone.
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

_GUARDED = 10.0
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
    key: str,
    changes: Changes,
    quantities: Mapping[str, Sequence[Target]],
    weight: Mapping[str, float],
    rng: np.random.Generator,
    wanted: Mapping[str, FloatArray] | None = None,
) -> FloatArray | None:
    """The column (n,) with those changes that bring the quantities' targets nearer.

    ``wanted`` says of single quantities which sums (K,) they are to have, whatever their targets.
    ``None`` where no target is foretold, or no change helps.
    """
    mine = np.flatnonzero(changes.of >= 0)
    if not mine.size:
        return None
    label = np.unique(changes.of[mine], return_inverse=True)[1].reshape(-1)
    count = int(label.max()) + 1
    # How far inside the sets that print the targets are aimed at.
    inside = _INSIDE + float(rng.random()) ** 2 * (0.5 - _INSIDE)
    parts: list[_Aims] = []
    for name, targets in quantities.items():
        sums = foretell(bench, bench.card.quantities[name], key, changes.state)
        if sums is not None and wanted and name in wanted:
            parts += _exactly(sums, mine, label, count, wanted[name], weight[name])
        elif sums is not None:
            parts += _aims(sums, mine, label, count, targets, weight[name], inside)
    if not parts:
        return None
    parts += [
        _guarded(guard, bench.columns[key], changes.state, mine, label, count)
        for guard in changes.guards
    ]
    aims = _Aims(*(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)))
    values = bench.columns[key]
    away = np.abs(changes.state[mine] - values[mine]) / (float(np.nanstd(values)) or 1.0)
    cost = np.bincount(label, weights=(0.1 + away) ** 2, minlength=count).astype(np.float64)
    share = _wanted(aims, cost)
    order = rng.permutation(count)
    # Systematic sampling: as many changes as the shares add up to.
    sums_of_shares = float(rng.random()) + np.cumsum(share[order])
    taken = np.zeros(count, dtype=np.bool_)
    taken[order] = np.floor(sums_of_shares) > np.floor(sums_of_shares - share[order])
    _mend(np.ascontiguousarray(aims.effect), *aims[1:], order, taken)
    if not taken.any():
        return None
    result = values.copy()
    rows = mine[taken[label]]
    result[rows] = changes.state[rows]
    return result


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
    sums: Sums,
    rows: IntArray,
    label: IntArray,
    count: int,
    targets: Sequence[Target],
    weight: float,
    inside: float,
) -> list[_Aims]:
    """What the changes, numbered by ``label`` on ``rows``, do to the targets of one quantity."""
    added = np.stack(
        [np.bincount(label, weights=part, minlength=count) for part in sums.effect[rows].T], 1
    )
    now, then = sums.give(sums.total[None, :]), sums.give(sums.total[None, :] + added)
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
        effect = then[one.statistic][:, None] / half - start
        if np.isfinite(start).all() and np.isfinite(effect).all():
            ends = np.array([low / half + 2.0 * inside]), np.array([high / half - 2.0 * inside])
            found.append(_Aims(effect, start, *ends, np.array([weight])))
    return found


def _exactly(
    sums: Sums, rows: IntArray, label: IntArray, count: int, wanted: FloatArray, weight: float
) -> list[_Aims]:
    """What the changes do to the sums of one quantity, which are to be as wanted."""
    found = []
    for k, want in enumerate(wanted):
        effect = np.bincount(label, weights=sums.effect[rows, k], minlength=count)
        if effect.any():
            unit = float(np.abs(effect[effect != 0.0]).min())
            start = np.array([sums.total[k] / unit])
            ends = np.array([want / unit - 0.25]), np.array([want / unit + 0.25])
            found.append(_Aims(effect[:, None] / unit, start, *ends, np.array([weight])))
    return found


def _guarded(
    guard: Guard, values: FloatArray, state: FloatArray, rows: IntArray, label: IntArray, count: int
) -> _Aims:
    """The changes' effects on the number below a threshold, which is to stay within its bounds."""
    before, after = guard.below(values), guard.below(state)
    crossed = after[rows].astype(np.float64) - before[rows]
    effect = np.bincount(label, weights=crossed, minlength=count).astype(np.float64)
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
