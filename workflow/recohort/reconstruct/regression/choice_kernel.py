"""Compiled loops of the regression search that choose sets of moves, and steps of values."""

from __future__ import annotations

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, inner

__all__ = ["compose", "pursue"]


@inner
def _nearest(
    effects: FloatArray,
    sizes: FloatArray,
    at: FloatArray,
    low: FloatArray,
    high: FloatArray,
    a: IntArray,
    b: IntArray,
    used: BoolArray,
    open_: BoolArray,
    bound: float,
) -> tuple[int, float]:
    """The move that leaves least, and what it leaves; -1 if none leaves less than ``bound``."""
    best, least = -1, bound
    for m in range(effects.shape[0]):
        if not open_[m] or used[a[m]] or (b[m] >= 0 and used[b[m]]):
            continue
        left = sizes[m]
        for t in range(at.size):
            value = at[t] + effects[m, t]
            if value < low[t]:
                left += (low[t] - value) ** 2
            elif value > high[t]:
                left += (value - high[t]) ** 2
            if left >= least:
                break
        if left < least:
            best, least = m, left
    return best, least


@inner
def _outside(at: FloatArray, low: FloatArray, high: FloatArray) -> float:
    total = 0.0
    for t in range(at.size):
        if at[t] < low[t]:
            total += (low[t] - at[t]) ** 2
        elif at[t] > high[t]:
            total += (at[t] - high[t]) ** 2
    return total


@entry
def pursue(
    effects: FloatArray,
    sizes: FloatArray,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    a: IntArray,
    b: IntArray,
    rows: int,
    open_: BoolArray,
    first: IntArray,
    most: int,
    rounds: int,
) -> tuple[IntArray, float]:
    """A set of moves on different rows whose effects add up to what ``start`` lacks, and the rest.

    Begins with the moves ``first`` (those that can stand together), adds the best move while one
    helps, then exchanges each chosen move in turn for a better one, in ``rounds``. ``sizes`` (M,)
    is what each move costs by itself: large ones are foretold less well.
    """
    used = np.zeros(rows, dtype=np.bool_)
    chosen = np.empty(most, dtype=np.int64)
    count = 0
    at = start.copy()
    cost = 0.0
    for m in first:
        if count < most and not used[a[m]] and (b[m] < 0 or not used[b[m]]):
            chosen[count] = m
            count += 1
            at += effects[m]
            cost += sizes[m]
            used[a[m]] = True
            if b[m] >= 0:
                used[b[m]] = True
    for turn in range(rounds + 1):
        now = _outside(at, low, high)
        while count < most:
            m, left = _nearest(effects, sizes, at, low, high, a, b, used, open_, now)
            if m < 0:
                break
            chosen[count] = m
            count += 1
            at += effects[m]
            cost += sizes[m]
            now = left - sizes[m]
            used[a[m]] = True
            if b[m] >= 0:
                used[b[m]] = True
        if turn == rounds:
            break
        changed = False
        i = 0
        while i < count:
            m = chosen[i]
            at -= effects[m]
            cost -= sizes[m]
            used[a[m]] = False
            if b[m] >= 0:
                used[b[m]] = False
            without = _outside(at, low, high)
            kept = _outside(at + effects[m], low, high) + sizes[m]
            other, left = _nearest(
                effects, sizes, at, low, high, a, b, used, open_, kept * (1.0 - 1e-9)
            )
            if without < min(kept, left if other >= 0 else kept):
                count -= 1
                chosen[i] = chosen[count]
                changed = True
                continue
            if other >= 0:
                m = other
                chosen[i] = m
                changed = True
            at += effects[m]
            cost += sizes[m]
            used[a[m]] = True
            if b[m] >= 0:
                used[b[m]] = True
            i += 1
        if not changed:
            break
    return chosen[:count], cost + _outside(at, low, high)


@inner
def _with(
    at: FloatArray,
    effect: FloatArray,
    times: float,
    low: FloatArray,
    high: FloatArray,
    bound: float,
) -> float:
    """How far ``at`` lies outside its box with an effect added, up to ``bound``."""
    total = 0.0
    for t in range(at.size):
        value = at[t] + times * effect[t]
        if value < low[t]:
            total += (low[t] - value) ** 2
        elif value > high[t]:
            total += (value - high[t]) ** 2
        if total >= bound:
            return total
    return total


@entry
def compose(
    effects: FloatArray,
    cost: FloatArray,
    wanted: FloatArray,
    least: IntArray,
    most: IntArray,
    slots: IntArray,
    used: BoolArray,
    counts: IntArray,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    order: IntArray,
    pairs: IntArray,
) -> float:
    """Whole numbers of steps whose effects take ``start`` into its box, as nearly as they come.

    ``counts`` (N,), changed in place, are steps of the effects (N, T), from ``least`` to ``most``;
    each step away from ``wanted`` costs ``cost`` with its square. Two effects with a slot
    (N, 2; -1: none) in common do not go together; ``used`` marks slots that are taken. Single steps
    are tried in the given ``order``, then two at a time in ``pairs`` (P, 4: two entries, two ways).
    Returns what is left, the costs included.
    """
    at = start.copy()
    paid = 0.0
    for i in range(counts.size):
        for side in range(2):
            if slots[i, side] >= 0 and used[slots[i, side]]:
                counts[i] = 0
        if counts[i] != 0:
            for t in range(at.size):
                at[t] += counts[i] * effects[i, t]
            for side in range(2):
                if slots[i, side] >= 0:
                    used[slots[i, side]] = True
        paid += cost[i] * (counts[i] - wanted[i]) ** 2
    now = _outside(at, low, high)
    for place in range(order.size):
        i = order[place]
        for turn in range(2):
            way = 1 if turn == 0 else -1
            to = counts[i] + way
            if to < least[i] or to > most[i]:
                continue
            if counts[i] == 0 and (
                (slots[i, 0] >= 0 and used[slots[i, 0]]) or (slots[i, 1] >= 0 and used[slots[i, 1]])
            ):
                continue
            more = cost[i] * ((to - wanted[i]) ** 2 - (counts[i] - wanted[i]) ** 2)
            left = _with(at, effects[i], float(way), low, high, now - more)
            if left + more < now - 1e-12:
                for t in range(at.size):
                    at[t] += way * effects[i, t]
                taken = to != 0
                counts[i] = to
                for side in range(2):
                    if slots[i, side] >= 0:
                        used[slots[i, side]] = taken
                now, paid = left, paid + more
                break
    both = np.empty(at.size)
    for place in range(pairs.shape[0]):
        if now == 0.0:
            break
        i, j = pairs[place, 0], pairs[place, 1]
        a, b = pairs[place, 2], pairs[place, 3]
        if i == j:
            continue
        x, y = counts[i] + a, counts[j] + b
        if x < least[i] or x > most[i] or y < least[j] or y > most[j]:
            continue
        free = True
        for side in range(2):
            s, r = slots[i, side], slots[j, side]
            if counts[i] == 0 and s >= 0 and used[s]:
                free = False
            if counts[j] == 0 and r >= 0 and used[r]:
                free = False
            if s >= 0 and (s == slots[j, 0] or s == slots[j, 1]):
                free = False
        if not free:
            continue
        more = cost[i] * ((x - wanted[i]) ** 2 - (counts[i] - wanted[i]) ** 2)
        more += cost[j] * ((y - wanted[j]) ** 2 - (counts[j] - wanted[j]) ** 2)
        for t in range(at.size):
            both[t] = a * effects[i, t] + b * effects[j, t]
        left = _with(at, both, 1.0, low, high, now - more)
        if left + more < now - 1e-12:
            at += both
            counts[i], counts[j] = x, y
            for side in range(2):
                if slots[i, side] >= 0:
                    used[slots[i, side]] = x != 0
                if slots[j, side] >= 0:
                    used[slots[j, side]] = y != 0
            now, paid = left, paid + more
    return now + paid
