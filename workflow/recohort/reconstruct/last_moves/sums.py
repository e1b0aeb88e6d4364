"""What printed values become when single values of a column change, without analysing again.

Most statistics follow from a few sums to which each row adds its part: a t test from counts, sums
and sums of squares, a share from two counts, DeLong's interval from the placements and their
squares. A changed version of a column is then foretold row by row: what each row alone would change
in the sums. Parts of rows are exact for moments and counts, and to first order for ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from recohort.analysis.frame import BoolArray
from recohort.card import analyses as asked
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity
from recohort.cohort import FloatArray
from recohort.estimators.percent_change import ChangeDefinition
from recohort.estimators.ranks import midranks
from recohort.estimators.summary import SdDenominator
from recohort.reconstruct.last_moves.candidates import Bench, Found, accuracy_parts

__all__ = ["Sums", "foretell"]

_LEAST_P = 1e-300


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of one quantity, and what each row of the changed column would add to them.

    ``total`` (K,) is of the column as it stands, ``effect`` (n, K) of each row on its own. ``give``
    turns sums (M, K) into estimates (M,); p-values are given as the size of their test statistic,
    which moves in a straight line with the sums, and ``size_of_p`` turns a p-value into that.
    """

    total: FloatArray
    effect: FloatArray
    give: Callable[[FloatArray], Found]
    size_of_p: Callable[[float], float]


def foretell(bench: Bench, quantity: Quantity, key: str, state: FloatArray) -> Sums | None:
    """The sums of a quantity, for a changed version (n,) of a column; ``None``: not foretold."""
    analysis = quantity.analysis
    population = bench.card.populations[quantity.population]
    unit = population.unit
    states = np.stack([bench.columns[key], state])

    def values(name: str) -> FloatArray:
        return bench.values(name, unit, key, states)

    rows = bench.mask(population.where, unit, key, states)
    found: _Parts | None = None
    match analysis:
        case asked.SizeAnalysis():
            found = _Parts([rows], _counted)
        case asked.ParentsAnalysis():
            found = _parents(bench, unit, rows)
        case asked.ProportionAnalysis():
            rows = rows & bench.known(analysis.having, unit, key, states)
            hits = rows & bench.mask(analysis.having, unit, key, states)
            found = _Parts([hits, rows], _shared)
        case asked.AccuracyAnalysis():
            conditions = (*analysis.test, *analysis.reference)
            rows = rows & bench.known(conditions, unit, key, states)
            test, reference = (
                bench.mask(part, unit, key, states) for part in (analysis.test, analysis.reference)
            )
            base, right = accuracy_parts(analysis, test, reference)
            found = _Parts([rows & base & right, rows & base], _shared)
        case asked.SummaryAnalysis():
            lost = 1 if analysis.sd is SdDenominator.N_MINUS_1 else 0
            found = _summary(values(analysis.column), rows, lost)
        case asked.LocationAnalysis():
            found = _summary(values(analysis.column), rows, 1)
        case asked.TwoSampleAnalysis():
            rows = rows & bench.known(analysis.group, unit, key, states)
            group = bench.mask(analysis.group, unit, key, states)
            found = _two_sample(values(analysis.column), rows, group, analysis.test)
        case asked.PairedAnalysis() | asked.ChangeAnalysis():
            found = _paired(values(analysis.baseline), values(analysis.column), rows, analysis)
        case asked.AucAnalysis() if analysis.column is not None:
            rows = rows & bench.known(analysis.outcome, unit, key, states)
            truth = bench.mask(analysis.outcome, unit, key, states)
            found = _auc(quantity, analysis, values(analysis.column), rows, truth)
        case asked.AucDifferenceAnalysis():
            rows = rows & bench.known(analysis.outcome, unit, key, states)
            truth = bench.mask(analysis.outcome, unit, key, states)
            found = _auc_difference(
                quantity, values(analysis.column), values(analysis.other), rows, truth
            )
    if found is None:
        return None
    effect = found.effect
    above = bench.rows_above(unit, bench.card.columns[key.partition("@")[0]].unit)
    if above is not None:
        gathered = np.zeros((state.size, effect.shape[1]))
        np.add.at(gathered, above, effect)
        effect = gathered
    return Sums(found.total, effect, found.give, found.size_of_p)


def _z_of(p: float) -> float:
    return float(-ndtri(min(max(p, _LEAST_P), 1.0) / 2.0))


class _Parts:
    """Sums over the rows of a population, of the column as it stands and of its changed version."""

    def __init__(
        self,
        parts: Sequence[NDArray[Any]],
        give: Callable[[FloatArray], Found],
        size_of_p: Callable[[float], float] = _z_of,
    ) -> None:
        both = [np.asarray(part, float) for part in parts]
        self.total = np.array([part[0].sum() for part in both])
        n = max(part.shape[1] for part in both)
        self.effect = np.zeros((n, len(both)))
        for k, part in enumerate(both):
            if part.shape[0] > 1:
                self.effect[:, k] = part[1] - part[0]
        self.give = give
        self.size_of_p = size_of_p

    @classmethod
    def of(
        cls, total: FloatArray, effect: FloatArray, give: Callable[[FloatArray], Found]
    ) -> _Parts:
        """Sums of which each row's part was worked out elsewhere."""
        found = cls([np.zeros((1, 1))], give)
        found.total, found.effect = total, effect
        return found


def _counted(sums: FloatArray) -> Found:
    return {Statistic.COUNT: sums[:, 0]}


def _shared(sums: FloatArray) -> Found:
    with np.errstate(divide="ignore", invalid="ignore"):
        return {Statistic.COUNT: sums[:, 0], Statistic.PERCENT: 100.0 * sums[:, 0] / sums[:, 1]}


def _parents(bench: Bench, unit: str, rows: BoolArray) -> _Parts | None:
    parent = bench.cohort.tables[unit].parent
    if parent is None or rows.shape[0] == 1:
        return None
    inside = np.bincount(parent, weights=rows[0])
    gone = rows[0] & ~rows[1] & (inside[parent] == 1)
    new = ~rows[0] & rows[1] & (inside[parent] == 0)
    total = np.array([float((inside > 0).sum())])
    return _Parts.of(total, (new * 1.0 - gone)[:, None], _counted)


def _summary(x: FloatArray, rows: BoolArray, lost: int) -> _Parts:
    inside = rows & ~np.isnan(x)
    centre = float(np.nanmean(x[0])) if np.isfinite(x[0]).any() else 0.0
    d = np.where(inside, np.nan_to_num(x) - centre, 0.0)

    def give(sums: FloatArray) -> Found:
        n, s, q = sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = s / n
            sd = np.sqrt(np.maximum(q - s * mean, 0.0) / (n - lost))
            middle = centre + mean
            return {
                Statistic.MEAN: middle,
                Statistic.SD: sd,
                Statistic.SE: sd / np.sqrt(n),
                Statistic.DIFFERENCE: middle,
                Statistic.PERCENT_CHANGE: middle,
                Statistic.PERCENT_REDUCTION: -middle,
            }

    return _Parts([inside, d, d * d], give)


def _two_sample(
    x: FloatArray, rows: BoolArray, group: BoolArray, kind: asked.TwoSampleTestKind
) -> _Parts | None:
    tests = asked.TwoSampleTestKind
    inside = rows & ~np.isnan(x)
    first, second = inside & group, inside & ~group
    if kind is tests.MANN_WHITNEY:
        if first.shape[0] > 1 and ((first[0] != first[1]).any() or (second[0] != second[1]).any()):
            return None
        return _mann_whitney(x, first[0], second[0])
    if kind not in (tests.STUDENT_T, tests.WELCH_T):
        return _table(x, first, second) if kind is not tests.MANN_WHITNEY_EXACT else None
    centre = float(np.nanmean(x[0]))
    d = np.nan_to_num(x) - centre
    equal = kind is tests.STUDENT_T

    def parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        n, s, q, m, t, r = sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = s / n - t / m
            one, other = np.maximum(q - s * s / n, 0.0), np.maximum(r - t * t / m, 0.0)
            if equal:
                df = n + m - 2
                squared = (one + other) / df * (1 / n + 1 / m)
            else:
                a, b = one / (n - 1) / n, other / (m - 1) / m
                squared = a + b
                df = squared**2 / (a**2 / (n - 1) + b**2 / (m - 1))
            return gap, np.abs(gap) / np.sqrt(squared), df

    def give(sums: FloatArray) -> Found:
        gap, size, _ = parts(sums)
        return {Statistic.P_VALUE: size, Statistic.DIFFERENCE: gap}

    found = _Parts([part * f for part in (first, second) for f in (1.0, d, d * d)], give)
    df = float(parts(found.total[None, :])[2][0])
    found.size_of_p = _t_of(df)
    return found


def _t_of(df: float) -> Callable[[float], float]:
    return lambda p: float(-stdtrit(df, min(max(p, _LEAST_P), 1.0) / 2.0))


def _table(x: FloatArray, first: BoolArray, second: BoolArray) -> _Parts | None:
    """The chi-square statistic's root, which stands for the other tests of four counts too."""
    seen = x[:, np.isfinite(x).all(axis=0)]
    if not ((seen == 0) | (seen == 1)).all():
        return None
    one = np.nan_to_num(x)

    def give(sums: FloatArray) -> Found:
        n, a, m, b = sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (a + b) / (n + m)
            gap = a / n - b / m
            size = np.abs(gap) / np.sqrt(share * (1 - share) * (1 / n + 1 / m))
        return {Statistic.P_VALUE: size, Statistic.DIFFERENCE: gap}

    return _Parts([part * f for part in (first, second) for f in (1.0, one)], give)


def _paired(
    before: FloatArray,
    after: FloatArray,
    rows: BoolArray,
    analysis: asked.PairedAnalysis | asked.ChangeAnalysis,
) -> _Parts | None:
    both = rows & ~np.isnan(before) & ~np.isnan(after)
    b, a = np.nan_to_num(before), np.nan_to_num(after)
    if isinstance(analysis, asked.ChangeAnalysis):
        return _change(b, a, both, analysis.of)
    gap = np.where(both, a - b, 0.0)
    if analysis.test is asked.PairedTestKind.WILCOXON:
        if both.shape[0] > 1 and (both[0] != both[1]).any():
            return None
        return _signed_ranks(np.asarray(np.round(gap, 9), float), both[0])

    def give(sums: FloatArray) -> Found:
        n, s, q = sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.sqrt(np.maximum(q - s * s / n, 0.0) / (n - 1))
            size = np.abs(s) / np.sqrt(n) / sd
        return {Statistic.P_VALUE: size, Statistic.DIFFERENCE: s / n}

    found = _Parts([both, gap, gap * gap], give)
    found.size_of_p = _t_of(max(found.total[0] - 1.0, 1.0))
    return found


def _change(
    before: FloatArray, after: FloatArray, both: BoolArray, of: ChangeDefinition
) -> _Parts | None:
    def told(change: FloatArray) -> Found:
        return {Statistic.PERCENT_CHANGE: change, Statistic.PERCENT_REDUCTION: -change}

    with np.errstate(divide="ignore", invalid="ignore"):
        if of is ChangeDefinition.OF_MEANS:
            return _Parts(
                [both * before, both * after], lambda s: told(100.0 * (s[:, 1] / s[:, 0] - 1.0))
            )
        if of is ChangeDefinition.MEAN_OF_CHANGES:
            each = np.where(both, 100.0 * (after - before) / before, 0.0)
            return _Parts([both, each], lambda s: told(s[:, 1] / s[:, 0]))
        if of is ChangeDefinition.OF_GEOMETRIC_MEANS:
            each = np.where(both, np.log(after) - np.log(before), 0.0)
            return _Parts([both, each], lambda s: told(100.0 * np.expm1(s[:, 1] / s[:, 0])))
    return None


# Ranks: what moving one value past others does to them, to first order in how many move.


class _Passed:
    """Sums of a weight over the ordered values below a place, those at it counted by half."""

    def __init__(self, ordered: FloatArray, weight: FloatArray) -> None:
        self.ordered = ordered
        self.sums = np.concatenate([[0.0], np.cumsum(weight)])

    def __call__(self, at: FloatArray) -> FloatArray:
        left = np.searchsorted(self.ordered, at, side="left")
        right = np.searchsorted(self.ordered, at, side="right")
        return np.asarray((self.sums[left] + self.sums[right]) / 2.0)


def _placements(
    x: FloatArray, first: BoolArray, second: BoolArray, less: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Sums of placements and of their squares: U, and of each group (3,), with rows' parts (N, 3).

    A placement is how many of the other group a value beats, ties by half (a loss, for the second);
    ``less`` (N,) are the placements by another column, which count against those of ``x``.
    """
    old, new = x[0], x[-1]
    effect = np.zeros((old.size, 3))
    total = np.zeros(3)
    groups = [(np.flatnonzero(first), 1.0), (np.flatnonzero(second), -1.0)]
    orders = [rows[np.argsort(old[rows], kind="stable")] for rows, _ in groups]
    counts = [_Passed(old[order], np.ones(order.size)) for order in orders]
    wins = [
        counts[1](old[orders[0]]),
        groups[0][0].size - counts[0](old[orders[1]]),
    ]
    if less is not None:
        wins = [mine - less[order] for mine, order in zip(wins, orders, strict=True)]
    for side, (rows, sign) in enumerate(groups):
        other = 1 - side
        squares = _Passed(old[orders[other]], 2.0 * wins[other])
        shift = counts[other](new[rows]) - counts[other](old[rows])
        own = wins[side][np.argsort(orders[side], kind="stable")]
        effect[rows, 0] = sign * shift
        effect[rows, 1 + side] = (own + sign * shift) ** 2 - own**2
        # Those that it passes win or lose by one: (w ± 1)² - w².
        gain = squares(new[rows]) - squares(old[rows])
        effect[rows, 1 + other] = sign * gain + np.abs(shift)
        total[1 + side] = float((wins[side] ** 2).sum())
    total[0] = float(wins[0].sum())
    return total, effect


def _placed(x: FloatArray, first: BoolArray, second: BoolArray) -> FloatArray:
    """Every row's placement (N,)."""
    found = np.zeros(x.size)
    for mine, other, sign in ((first, second, 1.0), (second, first, -1.0)):
        told = np.sort(x[other])
        below = _Passed(told, np.ones(told.size))(x[mine])
        found[mine] = below if sign > 0 else told.size - below
    return found


def _auc_difference(
    quantity: Quantity, one: FloatArray, other: FloatArray, rows: BoolArray, truth: BoolArray
) -> _Parts | None:
    if rows.shape[0] > 1 or truth.shape[0] > 1 or (one.shape[0] > 1) == (other.shape[0] > 1):
        return None
    inside = rows[0] & np.isfinite(one[0]) & np.isfinite(other[0])
    first, second = inside & truth[0], inside & ~truth[0]
    m, n = int(first.sum()), int(second.sum())
    if min(m, n) < 2:
        return None
    # What is told of the changed column less the other; turned around where that is the first.
    way = 1.0 if one.shape[0] > 1 else -1.0
    changed, still = (one, other) if way > 0 else (other, one)
    total, effect = _placements(changed, first, second, _placed(still[0], first, second))

    def give(sums: FloatArray) -> Found:
        u, p, q = sums.T
        gap = way * u / (m * n)
        variance = np.maximum(p - u * u / m, 0.0) / (m - 1) / n**2 / m
        variance += np.maximum(q - u * u / n, 0.0) / (n - 1) / m**2 / n
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(variance)
            found: Found = {Statistic.DIFFERENCE: gap, Statistic.P_VALUE: np.abs(gap) / error}
        for statistic in quantity.values:
            if statistic.level is not None:
                z = float(ndtri(0.5 + statistic.level / 2.0))
                found[statistic] = gap - z * error if statistic.is_lower_limit else gap + z * error
        return found

    return _Parts.of(total, effect, give)


def _mann_whitney(x: FloatArray, first: BoolArray, second: BoolArray) -> _Parts | None:
    m, n = int(first.sum()), int(second.sum())
    if min(m, n) < 2:
        return None
    total, effect = _placements(x, first, second)
    ties = float(midranks(x[:1, first | second])[1][0])
    size = m + n
    spread = np.sqrt(m * n / 12.0 * ((size + 1.0) - ties / (size * (size - 1.0))))

    def give(sums: FloatArray) -> Found:
        away = np.maximum(np.abs(sums[:, 0] - m * n / 2.0) - 0.5, 0.0)
        return {Statistic.P_VALUE: away / spread}

    return _Parts.of(total[:1], effect[:, :1], give)


def _auc(
    quantity: Quantity,
    analysis: asked.AucAnalysis,
    scores: FloatArray,
    rows: BoolArray,
    truth: BoolArray,
) -> _Parts | None:
    if rows.shape[0] > 1 or truth.shape[0] > 1:
        return None
    inside = rows[0] & np.isfinite(scores[0])
    first, second = inside & truth[0], inside & ~truth[0]
    m, n = int(first.sum()), int(second.sum())
    if min(m, n) < 2 or analysis.interval is asked.AucInterval.HANLEY_MCNEIL:
        return None
    sign = 1.0 if analysis.higher_means_outcome else -1.0
    total, effect = _placements(sign * scores, first, second)
    logit = analysis.interval is asked.AucInterval.DELONG_LOGIT

    def give(sums: FloatArray) -> Found:
        u, p, q = sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            area = u / (m * n)
            variance = np.maximum(p - u * u / m, 0.0) / (m - 1) / n**2 / m
            variance += np.maximum(q - u * u / n, 0.0) / (n - 1) / m**2 / n
            error = np.sqrt(variance)
            found: Found = {Statistic.AUC: area}
            for statistic in quantity.values:
                if statistic.level is None:
                    continue
                z = float(ndtri(0.5 + statistic.level / 2.0))
                away = -z * error if statistic.is_lower_limit else z * error
                if logit:
                    middle = np.log(area / (1 - area)) + away / (area * (1 - area))
                    found[statistic] = 1.0 / (1.0 + np.exp(-middle))
                else:
                    found[statistic] = np.clip(area + away, 0.0, 1.0)
        return found

    return _Parts.of(total, effect, give)


def _signed_ranks(gap: FloatArray, both: BoolArray) -> _Parts | None:
    old, new = gap[0, both], gap[-1, both]
    size, moved = np.abs(old), np.abs(new)
    told = np.sort(size[size > 0])
    count = told.size
    if count < 2:
        return None
    order = np.argsort(size, kind="stable")[size.size - count :]
    below = _Passed(told, np.ones(count))
    positive = _Passed(told, (old[order] > 0) * 1.0)
    # No change has no rank: to the others it is as if it lay beyond all of them.
    start, end = np.where(size > 0, size, np.inf), np.where(moved > 0, moved, np.inf)
    was, will = below(start), below(end)
    passed = positive(start) - positive(end)
    rank, later = np.where(size > 0, was + 0.5, 0.0), np.where(moved > 0, will + 0.5, 0.0)
    effect = np.zeros((gap.shape[1], 2))
    effect[both, 0] = (new > 0) * later - (old > 0) * rank + np.where(old == new, 0.0, passed)
    effect[both, 1] = (moved > 0) * 1.0 - (size > 0) * 1.0
    ranks = midranks(told[None, :])[0][0]
    tied = count * (count + 1) * (2 * count + 1) / 6.0 - float((ranks**2).sum())
    total = np.array([float(rank[old > 0].sum()), float(count)])

    def give(sums: FloatArray) -> Found:
        w, m = sums.T
        spread = np.sqrt(np.maximum(m * (m + 1) * (2 * m + 1) / 6.0 - tied, 0.25) / 4.0)
        away = np.maximum(np.abs(w - m * (m + 1) / 4.0) - 0.5, 0.0)
        return {Statistic.P_VALUE: away / spread}

    return _Parts.of(total, effect, give)
