"""Printed statistics of few rows kept up to date while single values move.

Values are whole steps of the recording grid. Each term is one printed quantity: of one column among
some rows, of two columns side by side, or a pair of counts. When a row's value moves, its terms'
sums follow in a time that grows with their rows at most, ties and all, nothing foretold.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, lean

__all__ = [
    "Kind", "Room", "Stat", "State", "Terms", "anneal", "change", "gain_of", "settle",
]  # fmt: skip


class Kind(IntEnum):
    """What a term is computed from."""

    SUMMARY = 0
    PLACED = 1
    """Two groups' values, or differences between two columns' placements, by who beats whom."""
    T_TEST = 2
    SIGNED_RANKS = 3
    PAIRED_T = 4
    CHANGE = 5
    COUNT = 6


class Stat(IntEnum):
    """What a target reads off a term."""

    MEAN = 0
    SD = 1
    SE = 2
    QUANTILE = 3
    Z = 4
    """The size of a rank test's statistic."""
    AREA = 5
    LIMIT = 6
    LOGIT_LIMIT = 7
    DIFFERENCE = 8
    AREA_Z = 9
    """The size of the test of a difference between two areas."""
    T_STUDENT = 10
    T_WELCH = 11
    T_PAIRED = 12
    CHANGE = 13


_SUMMARY, _PLACED, _T_TEST, _SIGNED, _PAIRED, _CHANGE, _COUNT = (int(k) for k in Kind)
_MEAN, _SD, _SE, _QUANTILE, _Z, _AREA, _LIMIT, _LOGIT = range(8)
_DIFFERENCE, _AREA_Z, _STUDENT, _WELCH = range(8, 12)

_NOT_ESTIMABLE = 25.0
_LEAST_MISS = 0.01


class Terms(NamedTuple):
    """T terms of K columns on n rows, with M targets.

    ``member`` (T, n) is -1 for rows outside, else their group (0 the first, 1 the second);
    ``rows`` lists the members by term from ``first`` (T+1). ``column`` and ``other`` (T) are the
    columns read, ``other`` -1 where there is one; ``of`` lists the terms by column from
    ``of_first`` (K+1). ``step`` (K) is the recording grid. ``lost`` (T) is what an SD's
    denominator loses, ``way`` (T) is -1 where smaller values mean the outcome.

    A target of term t, listed from ``target_first[t]``, has its ``stat``, the set that prints it
    (``low``, ``high``), the ``width`` of a near miss and the ``coarse`` one of a far miss, and a
    parameter: ``at`` and ``beside`` are the places of a
    quantile and ``share`` its weight, or how many standard errors a limit lies away. ``df`` (M, 2)
    and ``df_low``, ``df_high`` (M, G) hold the set by degrees of freedom, where these vary.

    Of a count, ``split`` (T, 2, S) divides the columns' values into cells, ``gain`` (C, n, S+1,
    S+1, 2) is what a row adds to its two counts by its cells, C being ``count_of[t]``; the loss is
    read off ``distance`` at ``table[C] = (offset, least second count, number of second counts)``.
    """

    kind: IntArray
    column: IntArray
    other: IntArray
    member: IntArray
    rows: IntArray
    first: IntArray
    of: IntArray
    of_first: IntArray
    step: FloatArray
    lost: IntArray
    way: FloatArray
    target_first: IntArray
    stat: IntArray
    low: FloatArray
    high: FloatArray
    width: FloatArray
    coarse: FloatArray
    at: IntArray
    beside: IntArray
    share: FloatArray
    df: FloatArray
    df_low: FloatArray
    df_high: FloatArray
    split: IntArray
    count_of: IntArray
    gain: IntArray
    table: IntArray
    distance: FloatArray


class State(NamedTuple):
    """Values ``at`` (K, n) in steps, and what each term keeps: a value a row, an order, sums.

    ``loss`` (T,) is how far each is from printing, ``weight`` (T,) how much that counts.
    """

    at: IntArray
    place: IntArray
    ordered: IntArray
    sums: IntArray
    loss: FloatArray
    weight: FloatArray


class Room(NamedTuple):
    """Where values may move: ``free`` (K, n), bounds ``low`` and ``high`` (K, n), how far (K).

    ``code`` (K, n) numbers rows alike; values of a column and code are likely by ``likely`` (K,
    codes, B), logarithms by bin of ``bin`` (K, 2): start and width in steps. ``pool`` (K, n) are
    values to go beside, of the rows of one code from ``pool_first`` (K, codes+1).
    """

    free: BoolArray
    low: IntArray
    high: IntArray
    far: FloatArray
    code: IntArray
    likely: FloatArray
    bin: IntArray
    pool: IntArray
    pool_first: IntArray


@lean
def _cell(split: IntArray, value: int) -> int:
    found = 0
    for s in split:
        if value >= s:
            found += 1
    return found


@lean
def _reorder(ordered: IntArray, size: int, old: int, new: int) -> None:
    """Replace one value in an ordered list by another."""
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < old:
            low = middle + 1
        else:
            high = middle
    i = low
    while i + 1 < size and ordered[i + 1] < new:
        ordered[i] = ordered[i + 1]
        i += 1
    while i > 0 and ordered[i - 1] > new:
        ordered[i] = ordered[i - 1]
        i -= 1
    ordered[i] = new


@lean
def _beats(one: int, other: int) -> int:
    """2 for a win, 1 for a tie."""
    return 2 if one > other else (1 if one == other else 0)


@lean
def _move_placed(p: Terms, s: State, t: int, k: int, r: int, new: int) -> None:
    """Sums: twice the wins; squares of the first group's placements, of the second's; ties."""
    at, place, sums = s.at[k], s.place[t], s.sums[t]
    group, old = p.member[t, r], at[r]
    sign = 1 if p.column[t] == k else -1
    own = 0
    equal_old = equal_new = 0
    for i in range(p.first[t], p.first[t + 1]):
        j = p.rows[i]
        if j == r:
            continue
        value = at[j]
        equal_old += value == old
        equal_new += value == new
        if p.member[t, j] == group:
            continue
        if group == 0:
            by = sign * (_beats(new, value) - _beats(old, value))
        else:
            by = sign * (_beats(value, new) - _beats(value, old))
        if by != 0:
            own += by
            sums[2 - group] += by * (2 * place[j] + by)
            place[j] += by
    sums[0] += own
    sums[1 + group] += own * (2 * place[r] + own)
    place[r] += own
    sums[3] += 3 * (equal_new * (equal_new + 1) - equal_old * (equal_old + 1))


@lean
def _signed_part(p: Terms, s: State, t: int, r: int, d: int) -> None:
    """Take a difference out (``s.place`` holds it) and put another in, by its ranks.

    Sums: twice the positive rank sum; differences but 0; ties; the differences' sum.
    """
    place, sums = s.place[t], s.sums[t]
    for way in (-1, 1):
        mine = place[r] if way < 0 else d
        if mine == 0:
            continue
        size, equal, twice = abs(mine), 0, 0
        for i in range(p.first[t], p.first[t + 1]):
            j = p.rows[i]
            value = place[j]
            if j == r or value == 0:
                continue
            other = abs(value)
            if other < size:
                twice += 2 * (mine > 0)
            elif other > size:
                twice += 2 * (value > 0)
            else:
                equal += 1
                twice += (mine > 0) + (value > 0)
        sums[0] += way * (twice + 2 * (mine > 0))
        sums[1] += way
        sums[2] += way * 3 * equal * (equal + 1)
    sums[3] += d - place[r]
    place[r] = d


@lean
def _counted(p: Terms, s: State, t: int, r: int, way: int) -> None:
    c = p.count_of[t]
    a = _cell(p.split[t, 0], s.at[p.column[t], r])
    b = _cell(p.split[t, 1], s.at[p.other[t], r]) if p.other[t] >= 0 else 0
    s.sums[t, 0] += way * p.gain[c, r, a, b, 0]
    s.sums[t, 1] += way * p.gain[c, r, a, b, 1]


@lean
def change(p: Terms, s: State, k: int, r: int, new: int) -> None:
    """Move a row's value in a column, and all terms with it; their losses are left as they are."""
    old = s.at[k, r]
    for i in range(p.of_first[k], p.of_first[k + 1]):
        t = p.of[i]
        group = p.member[t, r]
        if group < 0:
            continue
        kind = p.kind[t]
        if kind == _SUMMARY:
            _reorder(s.ordered[t], p.first[t + 1] - p.first[t], old, new)
            s.sums[t, 0] += new - old
            s.sums[t, 1] += new * new - old * old
        elif kind == _PLACED:
            _move_placed(p, s, t, k, r, new)
        elif kind == _T_TEST:
            s.sums[t, 2 * group] += new - old
            s.sums[t, 2 * group + 1] += new * new - old * old
        elif kind == _CHANGE:
            s.sums[t, 0 if p.column[t] == k else 1] += new - old
        elif kind == _COUNT:
            _counted(p, s, t, r, -1)
        else:
            d = s.place[t, r] + (new - old if p.column[t] == k else old - new)
            if kind == _SIGNED:
                _signed_part(p, s, t, r, d)
            else:
                s.sums[t, 0] += d - s.place[t, r]
                s.sums[t, 1] += d * d - s.place[t, r] ** 2
                s.place[t, r] = d
    s.at[k, r] = new
    for i in range(p.of_first[k], p.of_first[k + 1]):
        t = p.of[i]
        if p.kind[t] == _COUNT and p.member[t, r] >= 0:
            _counted(p, s, t, r, 1)


@lean
def _area_error(sums: IntArray, m: float, n: float) -> float:
    u = float(sums[0])
    variance = max(float(sums[1]) - u * u / m, 0.0) / (m - 1.0) / (4.0 * n * n) / m
    variance += max(float(sums[2]) - u * u / n, 0.0) / (n - 1.0) / (4.0 * m * m) / n
    return math.sqrt(variance)


@lean
def _value(p: Terms, s: State, t: int, g: int) -> float:
    """The estimate of a target, NaN where there is none."""
    stat, kind = p.stat[g], p.kind[t]
    step, share = float(p.step[p.column[t]]), float(p.share[g])
    one, two, three, four = (
        float(s.sums[t, 0]), float(s.sums[t, 1]), float(s.sums[t, 2]), float(s.sums[t, 3])
    )  # fmt: skip
    n = float(p.first[t + 1] - p.first[t])
    if kind == _SUMMARY:
        if stat == _QUANTILE:
            low, high = float(s.ordered[t, p.at[g]]), float(s.ordered[t, p.beside[g]])
            return step * (low + share * (high - low))
        if stat == _MEAN:
            return step * one / n
        sd = step * math.sqrt(max(two - one * one / n, 0.0) / (n - float(p.lost[t])))
        return sd if stat == _SD else sd / math.sqrt(n)
    if kind == _CHANGE:
        start = float(p.step[p.other[t]]) * two
        return 100.0 * (step * one / start - 1.0) if start != 0.0 else math.nan
    if kind == _PAIRED:
        if stat == _DIFFERENCE:
            return step * one / n
        spread = math.sqrt(max(two - one * one / n, 0.0) / (n - 1.0))
        return abs(one) / math.sqrt(n) / spread if spread > 0.0 else math.nan
    if kind == _SIGNED:
        if stat == _DIFFERENCE:
            return step * four / n
        if two == 0.0:
            return math.nan
        spread = math.sqrt((two * (two + 1.0) * (2.0 * two + 1.0) / 6.0 - three / 12.0) / 4.0)
        return max(abs(one / 2.0 - two * (two + 1.0) / 4.0) - 0.5, 0.0) / spread
    m = float(p.at[g])
    n -= m
    if kind == _T_TEST:
        gap = step * (one / m - three / n)
        if stat == _DIFFERENCE:
            return gap
        first, second = max(two - one * one / m, 0.0), max(four - three * three / n, 0.0)
        if stat == _STUDENT:
            squared = (first + second) / (m + n - 2.0) * (1.0 / m + 1.0 / n)
        else:
            squared = first / (m - 1.0) / m + second / (n - 1.0) / n
        return abs(gap) / step / math.sqrt(squared) if squared > 0.0 else math.nan
    if stat == _Z:
        size = m + n
        squared = m * n / 12.0 * ((size + 1.0) - four / (size * (size - 1.0)))
        if squared <= 1e-9 * m * n:
            return math.nan
        return max(abs(one / 2.0 - m * n / 2.0) - 0.5, 0.0) / math.sqrt(squared)
    area = one / (2.0 * m * n)
    if p.way[t] < 0.0:
        area = 1.0 - area
    if stat == _AREA:
        return area
    error = _area_error(s.sums[t], m, n)
    if stat == _AREA_Z:
        return abs(area) / error if error > 0.0 else math.nan
    if stat == _DIFFERENCE:
        return area + share * error
    if stat == _LIMIT:
        return min(max(area + share * error, 0.0), 1.0)
    if not 0.0 < area < 1.0:
        return math.nan
    odds = math.log(area / (1.0 - area)) + share * error / (area * (1.0 - area))
    return 1.0 / (1.0 + math.exp(-odds))


@lean
def _freedom(p: Terms, s: State, t: int, g: int) -> float:
    """Welch's degrees of freedom."""
    m = float(p.at[g])
    n = float(p.first[t + 1] - p.first[t]) - m
    one, other = float(s.sums[t, 0]), float(s.sums[t, 2])
    first = max(float(s.sums[t, 1]) - one * one / m, 0.0) / (m - 1.0) / m
    second = max(float(s.sums[t, 3]) - other * other / n, 0.0) / (n - 1.0) / n
    both = first + second
    return both * both / (first * first / (m - 1.0) + second * second / (n - 1.0))


@lean
def _loss(p: Terms, s: State, t: int) -> float:
    """The sum of a term's losses: 0 where all its targets print."""
    if p.kind[t] == _COUNT:
        c = p.count_of[t]
        x, y = s.sums[t, 0], s.sums[t, 1] - p.table[c, 1]
        return float(p.distance[p.table[c, 0] + x * p.table[c, 2] + y])
    total = 0.0
    for g in range(p.target_first[t], p.target_first[t + 1]):
        value = _value(p, s, t, g)
        if math.isnan(value):
            total += _NOT_ESTIMABLE
            continue
        low, high = p.low[g], p.high[g]
        if p.stat[g] == _WELCH:
            last = p.df_low.shape[1] - 1
            place = (_freedom(p, s, t, g) - p.df[g, 0]) / (p.df[g, 1] - p.df[g, 0]) * last
            place = min(max(place, 0.0), last - 1e-9)
            i = int(place)
            part = place - i
            low = p.df_low[g, i] + part * (p.df_low[g, i + 1] - p.df_low[g, i])
            high = p.df_high[g, i] + part * (p.df_high[g, i + 1] - p.df_high[g, i])
        outside = max(low - value, value - high, 0.0)
        if outside > 1e-9 * p.width[g]:
            total += _LEAST_MISS + math.log1p(outside / p.width[g]) + outside / p.coarse[g]
    return total


@entry
def settle(p: Terms, s: State) -> None:
    """Work out what every term keeps from the values alone."""
    s.place[:] = 0
    s.sums[:] = 0
    for t in range(p.kind.size):
        kind, k, h = p.kind[t], p.column[t], p.other[t]
        first, last = p.first[t], p.first[t + 1]
        for i in range(first, last):
            r = p.rows[i]
            v, g = s.at[k, r], p.member[t, r]
            if kind == _SUMMARY:
                s.ordered[t, i - first] = v
                s.sums[t, 0] += v
                s.sums[t, 1] += v * v
            elif kind == _T_TEST:
                s.sums[t, 2 * g] += v
                s.sums[t, 2 * g + 1] += v * v
            elif kind == _CHANGE:
                s.sums[t, 0] += v
                s.sums[t, 1] += s.at[h, r]
            elif kind == _COUNT:
                _counted(p, s, t, r, 1)
            elif kind == _SIGNED:
                _signed_part(p, s, t, r, v - s.at[h, r])
            elif kind == _PAIRED:
                d = v - s.at[h, r]
                s.place[t, r] = d
                s.sums[t, 0] += d
                s.sums[t, 1] += d * d
            else:
                equal = 0
                for j_ in range(first, last):
                    j = p.rows[j_]
                    equal += s.at[k, j] == v
                    if p.member[t, j] != g:
                        one, other = (r, j) if g == 0 else (j, r)
                        s.place[t, r] += _beats(s.at[k, one], s.at[k, other])
                        if h >= 0:
                            s.place[t, r] -= _beats(s.at[h, one], s.at[h, other])
                s.sums[t, 0] += s.place[t, r] if g == 0 else 0
                s.sums[t, 1 + g] += s.place[t, r] ** 2
                s.sums[t, 3] += equal * equal - 1
        if kind == _SUMMARY:
            s.ordered[t, : last - first].sort()
        s.loss[t] = _loss(p, s, t)


@lean
def gain_of(p: Terms, s: State, k: int, fresh: FloatArray) -> float:
    """The change in the losses of a column's terms, whose new losses are written down."""
    total = 0.0
    for i in range(p.of_first[k], p.of_first[k + 1]):
        t = p.of[i]
        fresh[t] = _loss(p, s, t)
        total += s.weight[t] * (fresh[t] - s.loss[t])
    return total


@lean
def _likely(room: Room, k: int, r: int, value: int) -> float:
    bins = room.likely.shape[2]
    b = min(max((value - room.bin[k, 0]) // room.bin[k, 1], 0), bins - 1)
    return float(room.likely[k, room.code[k, r], b])


@lean
def _new_value(room: Room, s: State, rng: np.random.Generator, k: int, r: int) -> int:
    """A value to move to: beside another of its likes, or some steps away."""
    if rng.random() < 0.3:
        c = room.code[k, r]
        start, end = room.pool_first[k, c], room.pool_first[k, c + 1]
        return int(room.pool[k, start + int(rng.random() * (end - start))])
    by = max(1, int(room.far[k] * 10.0 ** (-3.0 * rng.random()) + 0.5))
    if rng.random() < 0.5:
        by = -by
    return int(s.at[k, r] + by)


@entry
def anneal(
    p: Terms,
    s: State,
    room: Room,
    free_rows: IntArray,
    free_first: IntArray,
    moves: int,
    hot: float,
    cold: float,
    rng: np.random.Generator,
) -> int:
    """Metropolis' moves while it cools from ``hot`` to ``cold``; how many until all prints.

    ``free_rows`` lists each column's rows that may move from ``free_first`` (K+1). One value moves,
    two exchange places, or two move against each other by as much. The state is left at the least
    loss that was seen.
    """
    columns = s.at.shape[0]
    fresh = np.zeros(p.kind.size)
    rows, news, olds = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    best, least = s.at.copy(), float((s.weight * s.loss).sum())
    total = least
    done = moves
    for step in range(moves):
        if total <= 1e-9:
            done = step
            break
        heat = hot * (cold / hot) ** (step / moves)
        # A term that does not print, most often, and one of its rows.
        t = int(rng.random() * p.kind.size)
        for _ in range(20):
            if s.loss[t] > 0.0:
                break
            t = int(rng.random() * p.kind.size)
        k = p.column[t] if p.other[t] < 0 or rng.random() < 0.5 else p.other[t]
        if rng.random() < 0.3:
            k = int(rng.random() * columns)
        count = free_first[k + 1] - free_first[k]
        if count < 2:
            continue
        r = free_rows[free_first[k] + int(rng.random() * count)]
        if p.member[t, r] < 0 and rng.random() < 0.5:
            continue
        kind = rng.random()
        size = 1
        rows[0] = r
        if kind < 0.5:
            news[0] = _new_value(room, s, rng, k, r)
        else:
            q = free_rows[free_first[k] + int(rng.random() * count)]
            if q == r:
                continue
            rows[1] = q
            size = 2
            if kind < 0.8:
                news[0], news[1] = s.at[k, q], s.at[k, r]
            else:
                news[0] = _new_value(room, s, rng, k, r)
                news[1] = s.at[k, q] - (news[0] - s.at[k, r])
        fits = news[0] != s.at[k, r]
        before = after = 0.0
        for i in range(size):
            olds[i] = s.at[k, rows[i]]
            fits = fits and room.low[k, rows[i]] <= news[i] <= room.high[k, rows[i]]
            before += _likely(room, k, rows[i], olds[i])
            after += _likely(room, k, rows[i], news[i])
        if not fits:
            continue
        for i in range(size):
            change(p, s, k, rows[i], news[i])
        gain = gain_of(p, s, k, fresh)
        if math.log(1.0 - rng.random()) < -gain / heat + after - before:
            total += gain
            for i in range(p.of_first[k], p.of_first[k + 1]):
                s.loss[p.of[i]] = fresh[p.of[i]]
            if total < least - 1e-9:
                least = total
                best[:] = s.at
        else:
            for i in range(size - 1, -1, -1):
                change(p, s, k, rows[i], olds[i])
    if total > least:
        s.at[:] = best
        settle(p, s)
    return done
