"""Random moves of few rows among states that print everything, by the law that values follow.

The search stops at the first state that prints, which its proposals and its smoothed densities
had a part in. From there single values move by Metropolis' rule, by symmetric proposals alone, so
that states come up as often as independent values of the column's own distribution would give
them, had they been drawn until everything prints; where a column is like itself at an earlier time,
as often as values of that correlation would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recohort.card.layout import NumericColumn
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.jit import entry, lean
from recohort.reconstruct.few_rows.kernel import State, Terms, change, gain_of
from recohort.reconstruct.margins.likely import log_likely, scores
from recohort.reconstruct.measurement import Measurement

__all__ = ["Law", "bounds", "law_of", "wander"]

_BINS = 1024


class Law(NamedTuple):
    """What values are like, by column (K) and row (n), and where they may be.

    ``likely`` (K, codes, B) holds logarithms by ``code`` (K, n) and by bin of ``bin`` (K, 2): start
    and width in steps; ``score`` (K, B) normal scores. A row's value follows the one of the column
    ``before`` (K, n), or of a score ``ahead`` (K, n), by the correlation ``rho`` (K), and ``after``
    and ``behind`` follow it: -1 and NaN where there is none.
    """

    low: IntArray
    high: IntArray
    far: FloatArray
    likely: FloatArray
    code: IntArray
    bin: IntArray
    score: FloatArray
    rho: FloatArray
    before: IntArray
    ahead: FloatArray
    after: IntArray
    behind: FloatArray


def law_of(
    card: StudyCard,
    keys: Sequence[str],
    measurements: Mapping[str, Measurement],
    columns: Mapping[str, FloatArray],
    at: IntArray,
    coupled: bool,
) -> Law:
    """The law of columns at ``at`` (K, n) in steps; ``columns`` hold all others' values.

    Without ``coupled``, times are not like each other yet.
    """
    count, n = at.shape
    low, high, code = (np.zeros((count, n), np.int64) for _ in range(3))
    far, rho = np.ones(count), np.zeros(count)
    bins = np.ones((count, 2), np.int64)
    codes = [_codes(measurements[key]) for key in keys]
    likely = np.zeros((count, max(int(one.max()) + 1 for one in codes), _BINS))
    score = np.zeros((count, _BINS))
    for k, key in enumerate(keys):
        one, values = measurements[key], at[k, measurements[key].observed]
        step = float(one.column.step or 1)
        # A column without bounds may go beyond its extremes by its range.
        low[k], high[k] = bounds(one, step, values, max(int(np.ptp(values)), 1))
        code[k] = codes[k]
        far[k] = max(1.0, float(values.std()))
        found = one.observed
        bins[k], own, score[k] = _tables(one, step, int(low[k, found].min()), int(high[k].max()))
        likely[k, : own.shape[0]] = own
        if coupled:
            rho[k] = min(max(float(one.column.correlation or 0), -0.99), 0.99)
    before, after = np.full((count, n), -1), np.full((count, n), -1)
    ahead, behind = np.full((count, n), np.nan), np.full((count, n), np.nan)
    for k, key in enumerate(keys):
        if not rho[k]:
            continue
        times = _times(card, key, measurements)
        place = times.index(key)
        # The latest earlier time that a row was seen at, and the first later one.
        for others, index, fixed in (
            (times[:place], before, ahead), (times[place + 1 :][::-1], after, behind),
        ):  # fmt: skip
            for other in others:
                seen = measurements[other].observed & measurements[key].observed
                inside = other in keys
                index[k, seen] = keys.index(other) if inside else -1
                fixed[k, seen] = np.nan
                if not inside:
                    fixed[k, seen] = _score_of(measurements[other], columns[other])[seen]
    return Law(low, high, far, likely, code, bins, score, rho, before, ahead, after, behind)


def _codes(one: Measurement) -> IntArray:
    """Each row's place among the codes of its column; 0 where there is no value."""
    codes = np.unique(one.margins[one.observed])
    return np.asarray(np.maximum(np.searchsorted(codes, one.margins), 0), dtype=np.int64)


def bounds(
    one: Measurement, step: float, values: IntArray, spare: int
) -> tuple[IntArray, IntArray]:
    """Where rows may be, in steps; ``spare`` beyond its extremes where a column has no bounds."""
    with np.errstate(invalid="ignore"):
        ends = np.ceil(one.low / step - 1e-6), np.floor(one.high / step + 1e-6)
    low = np.where(np.isfinite(ends[0]), ends[0], values.min() - spare)
    high = np.where(np.isfinite(ends[1]), ends[1], values.max() + spare)
    return low.astype(np.int64), high.astype(np.int64)


def _tables(
    one: Measurement, step: float, first: int, last: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Bins of a column's steps, logarithms of its density by code and bin, and normal scores."""
    width = max(1, math.ceil((last + 1 - first) / _BINS))
    middle = first + width * np.arange(_BINS) + (width - 1) / 2.0
    points = np.asarray(np.rint(middle) * step, dtype=np.float64)
    found = log_likely(one, points)
    if width == 1:
        # Values beyond a bound are never drawn, and half of what an end stands for lies beyond.
        for end, bound in ((first, one.low), (last, one.high)):
            if not one.facts and np.isfinite(bound[one.observed]).all():
                found[:, end - first] -= math.log(2.0)
    inside = np.where(middle <= last, found, -700.0)
    shares = np.bincount(_codes(one)[one.observed], minlength=found.shape[0]).astype(float)
    return np.array([first, width]), inside, scores(inside, shares)


def _times(card: StudyCard, key: str, measurements: Mapping[str, Measurement]) -> list[str]:
    """The column's times with values, in order."""
    name = key.partition("@")[0]
    column = card.columns[name]
    times = column.times if isinstance(column, NumericColumn) else ()
    return [one for one in (f"{name}@{time}" for time in times) if one in measurements] or [key]


def _score_of(one: Measurement, values: FloatArray) -> FloatArray:
    """Normal scores of a column that stays: by its mean and SD."""
    seen = values[one.observed]
    return np.asarray((values - seen.mean()) / max(float(seen.std()), 1e-300))


@lean
def _bin(law: Law, k: int, value: int) -> int:
    return int(min(max((value - law.bin[k, 0]) // law.bin[k, 1], 0), law.score.shape[1] - 1))


@lean
def _log_likely(law: Law, s: State, k: int, r: int, value: int) -> float:
    """The logarithm of a value's share in its row's density."""
    b = _bin(law, k, value)
    found = float(law.likely[k, law.code[k, r], b])
    rho = law.rho[k]
    if rho == 0.0:
        return found
    z, rest = law.score[k, b], 2.0 * (1.0 - rho * rho)
    h = law.before[k, r]
    other = law.score[h, _bin(law, h, s.at[h, r])] if h >= 0 else law.ahead[k, r]
    if not math.isnan(other):
        found += z * z / 2.0 - (z - rho * other) ** 2 / rest
    h = law.after[k, r]
    other = law.score[h, _bin(law, h, s.at[h, r])] if h >= 0 else law.behind[k, r]
    if not math.isnan(other):
        found -= (other - rho * z) ** 2 / rest
    return found


@entry
def wander(
    p: Terms,
    s: State,
    law: Law,
    free_rows: IntArray,
    free_first: IntArray,
    moves: int,
    rng: np.random.Generator,
) -> int:
    """Move values at random while everything prints, as it must at first; the moves taken.

    ``free_rows`` lists each column's rows that may move from ``free_first`` (K+1). One value goes
    some steps or anywhere, two exchange places, or two move against each other by as much.
    """
    fresh = np.zeros(p.kind.size)
    rows, news, olds = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    total = free_rows.size
    taken = 0
    for _ in range(moves):
        place = int(rng.random() * total)
        k = 0
        while free_first[k + 1] <= place:
            k += 1
        count = free_first[k + 1] - free_first[k]
        r = free_rows[place]
        kind = rng.random()
        size = 1
        rows[0] = r
        by = max(1, int(law.far[k] * 10.0 ** (0.5 - 2.5 * rng.random()) + 0.5))
        if rng.random() < 0.5:
            by = -by
        news[0] = s.at[k, r] + by
        if kind < 0.15:
            news[0] = law.low[k, r] + int(rng.random() * (law.high[k, r] - law.low[k, r] + 1))
        elif kind >= 0.4:
            q = free_rows[free_first[k] + int(rng.random() * count)]
            if q == r:
                continue
            rows[1] = q
            size = 2
            news[1] = s.at[k, q] - by
            if kind < 0.7:
                news[0], news[1] = s.at[k, q], s.at[k, r]
        if news[0] == s.at[k, r]:
            continue
        fits = True
        gain = 0.0
        for i in range(size):
            olds[i] = s.at[k, rows[i]]
            fits = fits and law.low[k, rows[i]] <= news[i] <= law.high[k, rows[i]]
            gain += _log_likely(law, s, k, rows[i], news[i])
            gain -= _log_likely(law, s, k, rows[i], olds[i])
        if not fits or math.log(1.0 - rng.random()) >= gain:
            continue
        for i in range(size):
            change(p, s, k, rows[i], news[i])
        if gain_of(p, s, k, fresh) > 1e-9:
            for i in range(size - 1, -1, -1):
                change(p, s, k, rows[i], olds[i])
        else:
            taken += 1
    return taken
