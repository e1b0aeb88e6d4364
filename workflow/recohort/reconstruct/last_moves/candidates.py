"""What many candidate versions of one column would print, computed side by side.

A column's candidates are (C, n). Quantities that numpy can compute for all of them at once are;
the rest are analysed one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import BoolArray, Frame, compare
from recohort.card import analyses as asked
from recohort.card.layout import Condition, DerivedColumn
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray
from recohort.estimators.kaplan_meier import survival_limits
from recohort.estimators.proportion import ProportionInterval, proportion
from recohort.reconstruct.survival.kernel import follow_up_medians, landmark_errors
from recohort.reconstruct.target import NOT_ESTIMABLE, Target

__all__ = ["MET", "TIE", "Bench", "Found", "accuracy_parts"]

TIE = 0.002
"""The loss of an estimate that prints as reported under one accepted rounding rule only."""

_SIZES = {
    Statistic.P_VALUE: 0.1,
    Statistic.AUC: 0.1,
    Statistic.PERCENT: 5.0,
    Statistic.CI95_LOWER: 5.0,
    Statistic.CI95_UPPER: 5.0,
}
"""Sizes at which misses of different statistics count alike, for soft targets."""

MET = 0.009
"""The largest loss of a quantity whose values all print: some may lie on the rim."""

Found = dict[Statistic, FloatArray]


class Bench:
    """Measures candidates of one column against targets; ``columns`` is the cohort's own, live."""

    def __init__(self, card: StudyCard, cohort: Cohort, columns: dict[str, FloatArray]) -> None:
        self.card = card
        self.cohort = cohort
        self.columns = columns
        self._frame = Frame(card, cohort)
        self._by_table: dict[tuple[int, ...], float] = {}

    def losses(
        self,
        quantity: str,
        targets: Sequence[Target],
        key: str,
        states: FloatArray,
        softness: float = 0.0,
    ) -> FloatArray:
        """The sum of a quantity's losses (C,) for candidates (C, n) of a column."""
        found = self._estimates(self.card.quantities[quantity], key, states)
        if found is None:
            found = self._one_by_one(quantity, key, states)
        total = np.zeros(states.shape[0])
        nothing = np.full(states.shape[0], np.nan)
        for one in targets:
            estimates = np.broadcast_to(found.get(one.statistic, nothing), total.shape)
            total += losses_of(one, estimates, softness)
        return total

    def is_quick(self, quantity: str, key: str, states: FloatArray) -> bool:
        """Whether a quantity's candidates are measured side by side."""
        return self._estimates(self.card.quantities[quantity], key, states) is not None

    def is_seen_from(self, key: str, unit: str) -> bool:
        """Whether each row of a unit has one value of a column."""
        if key not in self.columns:
            return False
        return (
            self._frame.rows_above(unit, self.card.columns[key.partition("@")[0]].unit) is not None
        )

    def seen_from(self, key: str, unit: str) -> FloatArray:
        """A column's values on the rows of a unit."""
        return self._frame.values(key, unit)

    def rows_above(self, unit: str, ancestor: str) -> IntArray | None:
        """For each row of a unit its row in another; ``None`` where those are the same rows."""
        return None if unit == ancestor else self._frame.rows_above(unit, ancestor)

    def able(self, key: str) -> BoolArray:
        """Which rows of its unit can have a 1 in a column."""
        column = self.card.columns[key]
        return np.asarray(self.mask(column.among, column.unit, "", np.empty((0, 0)))[0])

    def strays(self, key: str, changed: str, states: FloatArray) -> IntArray:
        """How many 1s of a column candidates (C, n) of another leave in rows that can have none."""
        column = self.card.columns[key]
        able = self.mask(column.among, column.unit, changed, states)
        return np.asarray(((self.columns[key][None, :] != 0) & ~able).sum(axis=1))

    def stray(self, key: str, changed: str, state: FloatArray) -> BoolArray:
        """On which rows a version (n,) of a column leaves a 1 of another where none can be."""
        column = self.card.columns[key]
        if column.unit != self.card.columns[changed].unit:
            return np.zeros(state.shape, dtype=np.bool_)
        able = self.mask(column.among, column.unit, changed, state[None, :])
        return np.asarray(((self.columns[key] != 0) & ~able)[0])

    def _one_by_one(self, quantity: str, key: str, states: FloatArray) -> Found:
        old = self.columns[key]
        rows = []
        try:
            for state in states:
                self.columns[key] = state
                rows.append(Analyst(self.card, self.cohort).estimates(quantity).values)
        finally:
            self.columns[key] = old
        return {s: np.array([row[s] for row in rows]) for s in rows[0]} if rows else {}

    # Columns and conditions: (1, n) where the candidates do not matter.

    def values(self, key: str, unit: str, changed: str, states: FloatArray) -> FloatArray:
        column = self.card.columns[key.partition("@")[0]]
        if isinstance(column, DerivedColumn):
            if column.all_of:
                flags = self.mask(column.all_of, column.unit, changed, states)
            else:
                parts = [self.mask((c,), column.unit, changed, states) for c in column.any_of]
                flags = parts[0]
                for part in parts[1:]:
                    flags = flags | part
            values = flags.astype(np.float64)
        else:
            values = states if key == changed else self.columns[key][None, :]
        if column.unit != unit:
            rows = self._frame.rows_above(unit, column.unit)
            assert rows is not None
            values = values[:, rows]
        return np.asarray(values)

    def mask(
        self, conditions: Iterable[Condition], unit: str, changed: str, states: FloatArray
    ) -> BoolArray:
        result = np.ones((1, self.cohort.tables[unit].n), dtype=np.bool_)
        for one in conditions:
            values = self.values(one.column, unit, changed, states)
            result = result & compare(values, one.relation, float(one.threshold))
        return result

    def known(
        self, conditions: Iterable[Condition], unit: str, changed: str, states: FloatArray
    ) -> BoolArray:
        result = np.ones((1, self.cohort.tables[unit].n), dtype=np.bool_)
        for one in conditions:
            result = result & ~np.isnan(self.values(one.column, unit, changed, states))
        return result

    def _estimates(self, quantity: Quantity, key: str, states: FloatArray) -> Found | None:
        analysis = quantity.analysis
        population = self.card.populations[quantity.population]
        unit = population.unit

        def values(name: str) -> FloatArray:
            return self.values(name, unit, key, states)

        def mask(conditions: Iterable[Condition]) -> BoolArray:
            return self.mask(conditions, unit, key, states)

        rows = mask(population.where)
        if isinstance(analysis, asked.ParentsAnalysis):
            parent = self.cohort.tables[unit].parent
            if parent is None:
                return None
            return {Statistic.COUNT: np.array([np.unique(parent[row]).size for row in rows], float)}
        if isinstance(analysis, asked.SizeAnalysis):
            return {Statistic.COUNT: rows.sum(axis=1).astype(float)}
        if isinstance(analysis, asked.ProportionAnalysis):
            rows = rows & self.known(analysis.having, unit, key, states)
            hits = (rows & mask(analysis.having)).sum(axis=1)
            return self.share(quantity, analysis.interval, hits, rows.sum(axis=1))
        if isinstance(analysis, asked.AccuracyAnalysis):
            conditions = (*analysis.test, *analysis.reference)
            rows = rows & self.known(conditions, unit, key, states)
            base, right = accuracy_parts(analysis, mask(analysis.test), mask(analysis.reference))
            hits, bases = (rows & base & right).sum(axis=1), (rows & base).sum(axis=1)
            return self.share(quantity, analysis.interval, hits, bases)
        if rows.shape[0] > 1:
            return None
        inside = rows[0]
        if isinstance(analysis, asked.SummaryAnalysis):
            return _summary(_seen(values(analysis.column), inside), analysis)
        if isinstance(analysis, asked.LocationAnalysis):
            found = _seen(values(analysis.column), inside)
            middle = found.mean(1) if analysis.by == "mean" else np.median(found, axis=1)
            return {
                Statistic.PERCENT_CHANGE: middle,
                Statistic.PERCENT_REDUCTION: -middle,
                Statistic.DIFFERENCE: middle,
                Statistic.MEAN: found.mean(axis=1),
                Statistic.MEDIAN: np.median(found, axis=1),
            }
        if isinstance(analysis, asked.TwoSampleAnalysis):
            group = mask(analysis.group)
            if group.shape[0] > 1:
                return None
            known = inside & self.known(analysis.group, unit, key, states)[0]
            seen = values(analysis.column)
            known = known & ~np.isnan(seen[0])
            first, second = seen[:, known & group[0]], seen[:, known & ~group[0]]
            if min(first.shape[1], second.shape[1]) < 2:
                return None
            return self._two_sample(first, second, analysis.test)
        if isinstance(analysis, asked.PairedAnalysis | asked.ChangeAnalysis):
            before, after = values(analysis.baseline), values(analysis.column)
            both = inside & ~np.isnan(before[0]) & ~np.isnan(after[0])
            if both.sum() < 2:
                return None
            return _changes(analysis, before[:, both], after[:, both])
        if isinstance(analysis, asked.AucAnalysis) and analysis.column is not None:
            truth = mask(analysis.outcome)
            if truth.shape[0] > 1 or analysis.interval is asked.AucInterval.HANLEY_MCNEIL:
                return None
            scores = values(analysis.column)
            seen_rows = inside & np.isfinite(scores[0])
            seen_rows &= self.known(analysis.outcome, unit, key, states)[0]
            return _auc(quantity, analysis, scores[:, seen_rows], truth[0][seen_rows])
        if isinstance(analysis, asked.AucDifferenceAnalysis):
            truth = mask(analysis.outcome)
            if truth.shape[0] > 1:
                return None
            first, second = values(analysis.column), values(analysis.other)
            seen_rows = inside & ~np.isnan(first[0]) & ~np.isnan(second[0])
            seen_rows &= self.known(analysis.outcome, unit, key, states)[0]
            both = np.broadcast_arrays(first[:, seen_rows], second[:, seen_rows])
            return _auc_difference(quantity, both[0], both[1], truth[0][seen_rows])
        if isinstance(analysis, asked.KaplanMeierAnalysis | asked.FollowUpAnalysis):
            time, event = values(analysis.time), mask(analysis.event)
            followed = inside & ~np.isnan(time[0])
            followed &= self.known(analysis.event, unit, key, states)[0]
            if not followed.any():
                return None
            both = np.broadcast_arrays(time[:, followed], event[:, followed])
            time, event = (np.ascontiguousarray(part) for part in both)
            if isinstance(analysis, asked.FollowUpAnalysis):
                return {Statistic.MEDIAN: follow_up_medians(time, event)}
            parent = self.cohort.tables[unit].parent
            cluster = None
            if analysis.clustered and parent is not None:
                cluster = np.unique(parent[followed], return_inverse=True)[1].reshape(-1)
            return _kaplan_meier(quantity, analysis, time, event, cluster)
        return None

    def share(
        self, quantity: Quantity, method: object, hits: FloatArray, n: FloatArray
    ) -> Found | None:
        with np.errstate(divide="ignore", invalid="ignore"):
            percent = np.where(n > 0, 100.0 * hits / n, np.nan)
        found: Found = {Statistic.COUNT: hits.astype(float), Statistic.PERCENT: percent}
        limits = [s for s in quantity.values if s.level is not None]
        if not limits:
            return found
        assert isinstance(method, ProportionInterval)
        counts = np.broadcast_arrays(hits, n)
        pairs = list(zip(counts[0].tolist(), counts[1].tolist(), strict=True))
        for statistic in limits:
            level = statistic.level or 0.95
            side = 0 if statistic.is_lower_limit else 1
            found[statistic] = np.array([_limits(k, m, method, level)[side] for k, m in pairs])
        return found

    def _two_sample(
        self, first: FloatArray, second: FloatArray, kind: asked.TwoSampleTestKind
    ) -> Found | None:
        tests = asked.TwoSampleTestKind
        gap = first.mean(axis=1) - second.mean(axis=1)
        if kind in (tests.STUDENT_T, tests.WELCH_T):
            from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t_batch

            equal = kind is tests.STUDENT_T
            variance = TwoSampleVariance.STUDENT if equal else TwoSampleVariance.WELCH
            p = two_sample_t_batch(first, second, variance).p_value
        elif kind is tests.MANN_WHITNEY:
            from recohort.estimators.mann_whitney import mann_whitney_batch

            p = mann_whitney_batch(first, second).p_value
        elif kind is tests.MANN_WHITNEY_EXACT or not _is_binary(first, second):
            return None
        else:
            p = np.array(
                [
                    self.table_p((a, first.shape[1] - a, b, second.shape[1] - b), kind)
                    for a, b in zip(
                        first.sum(axis=1).astype(int).tolist(),
                        second.sum(axis=1).astype(int).tolist(),
                        strict=True,
                    )
                ]
            )
        return {Statistic.P_VALUE: np.asarray(p), Statistic.DIFFERENCE: gap}

    def table_p(self, cells: tuple[int, ...], kind: asked.TwoSampleTestKind) -> float:
        """The p-value of a table of four counts."""
        a, b, c, d = cells
        n = a + b + c + d
        rims = (a + b) * (c + d) * (a + c) * (b + d)
        if rims == 0:
            return np.nan
        if kind is asked.TwoSampleTestKind.FISHER:
            if cells not in self._by_table:
                from recohort.estimators.fisher_exact import fisher_exact

                test = fisher_exact(np.array([[a, b], [c, d]])).test
                self._by_table[cells] = np.nan if test.p_value is None else test.p_value
            return self._by_table[cells]
        lean = float(abs(a * d - b * c))
        if kind is asked.TwoSampleTestKind.CHI_SQUARE_YATES:
            lean = max(lean - n / 2, 0.0)
        return float(chdtrc(1, n * lean**2 / rims))


def losses_of(target: Target, values: FloatArray, softness: float = 0.0) -> FloatArray:
    """`Target.loss` of many estimates, and `TIE` where one lies on the rim of what prints.

    Two rounding rules print a tie in two ways: all else equal, other values are better. Softness
    lets numbers printed to few and to many digits count alike while they are far away.
    """
    near = 2e-9 * target.width
    outside = np.maximum(np.maximum(target.low - values, values - target.high), 0.0)
    rim = np.minimum(np.abs(values - target.low), np.abs(values - target.high)) <= near
    miss = 0.01 + np.log1p(outside / (target.width + softness * _SIZES.get(target.statistic, 0.0)))
    loss = np.where(outside <= near, np.where(rim, TIE, 0.0), miss)
    return np.where(np.isnan(outside), NOT_ESTIMABLE, loss)


@lru_cache(maxsize=65536)
def _limits(k: int, n: int, method: ProportionInterval, level: float) -> tuple[float, float]:
    """The limits of a percentage; NaN where there are none."""
    interval = proportion(k, n, method, level).interval if n else None
    if interval is None:
        return np.nan, np.nan
    return 100.0 * interval.low, 100.0 * interval.high


def _seen(values: FloatArray, rows: BoolArray) -> FloatArray:
    return values[:, rows & ~np.isnan(values[0])]


def _is_binary(first: FloatArray, second: FloatArray) -> bool:
    return all(bool(((part == 0) | (part == 1)).all()) for part in (first, second))


def accuracy_parts(
    analysis: asked.AccuracyAnalysis, positive: BoolArray, diseased: BoolArray
) -> tuple[BoolArray, BoolArray]:
    match analysis.measure:
        case asked.Accuracy.SENSITIVITY:
            return diseased, positive
        case asked.Accuracy.SPECIFICITY:
            return ~diseased, ~positive
        case asked.Accuracy.PPV:
            return positive, diseased
        case asked.Accuracy.NPV:
            return ~positive, ~diseased


def _summary(values: FloatArray, analysis: asked.SummaryAnalysis) -> Found | None:
    from recohort.estimators.summary import SdDenominator, quantile_position

    n = values.shape[1]
    if n < 2:
        return None
    lost = 1 if analysis.sd is SdDenominator.N_MINUS_1 else 0
    sd = values.std(axis=1, ddof=lost)
    ordered = np.sort(values, axis=1)

    def quantile(probability: float) -> FloatArray:
        place = quantile_position(n, probability, analysis.quantiles)
        low, high = ordered[:, place.lower], ordered[:, place.upper]
        return np.asarray(low + float(place.weight) * (high - low))

    return {
        Statistic.MEAN: values.mean(axis=1),
        Statistic.SD: sd,
        Statistic.SE: sd / np.sqrt(n),
        Statistic.MEDIAN: quantile(0.5),
        Statistic.Q1: quantile(0.25),
        Statistic.Q3: quantile(0.75),
        Statistic.MIN: ordered[:, 0],
        Statistic.MAX: ordered[:, -1],
    }


def _changes(
    analysis: asked.PairedAnalysis | asked.ChangeAnalysis, before: FloatArray, after: FloatArray
) -> Found | None:
    if isinstance(analysis, asked.ChangeAnalysis):
        from recohort.estimators.percent_change import ChangeDefinition

        if analysis.of is ChangeDefinition.OF_MEANS:
            start, end = before.mean(axis=1), after.mean(axis=1)
        elif analysis.of is ChangeDefinition.OF_MEDIANS:
            start, end = np.median(before, axis=1), np.median(after, axis=1)
        else:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            change = 100.0 * (end - start) / start
        return {Statistic.PERCENT_CHANGE: change, Statistic.PERCENT_REDUCTION: -change}
    gap = after - before
    if analysis.test is asked.PairedTestKind.T:
        from recohort.estimators.paired_t import paired_t_batch

        p = paired_t_batch(*np.broadcast_arrays(before, after)).p_value
    else:
        from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank_batch

        p = wilcoxon_signed_rank_batch(np.round(gap, 9)).p_value
    return {Statistic.P_VALUE: p, Statistic.DIFFERENCE: gap.mean(axis=1)}


def _auc(
    quantity: Quantity, analysis: asked.AucAnalysis, scores: FloatArray, truth: BoolArray
) -> Found | None:
    from recohort.estimators.auc import AucScale
    from recohort.estimators.auc_batch import auc_delong_batch

    if truth.size == 0 or truth.all() or not truth.any():
        return None
    sign = 1.0 if analysis.higher_means_outcome else -1.0
    logit = analysis.interval is asked.AucInterval.DELONG_LOGIT
    scale = AucScale.LOGIT if logit else AucScale.PLAIN
    found: Found = {}
    for level in sorted({s.level for s in quantity.values if s.level} or {0.95}):
        batch = auc_delong_batch(sign * scores, truth.astype(float), level, scale)
        found[Statistic.AUC] = batch.auc
        for statistic in quantity.values:
            if statistic.level == level:
                found[statistic] = batch.low if statistic.is_lower_limit else batch.high
    return found


def _auc_difference(
    quantity: Quantity, first: FloatArray, second: FloatArray, truth: BoolArray
) -> Found | None:
    m, n = int(truth.sum()), int((~truth).sum())
    if min(m, n) < 2:
        return None
    gap, error = np.empty(first.shape[0]), np.empty(first.shape[0])
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        cases, controls = (
            a - b for a, b in zip(_placements(one, truth), _placements(other, truth), strict=True)
        )
        gap[index] = cases.mean()
        error[index] = np.sqrt(cases.var(ddof=1) / m + controls.var(ddof=1) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            Statistic.DIFFERENCE: gap,
            Statistic.P_VALUE: np.asarray(2.0 * ndtr(-np.abs(gap) / error)),
        }
    for statistic in quantity.values:
        if statistic.level is not None:
            z = float(ndtri(0.5 + statistic.level / 2.0))
            found[statistic] = gap - z * error if statistic.is_lower_limit else gap + z * error
    return found


def _placements(scores: FloatArray, truth: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Of each case the share of controls below it, of each control that of cases above it."""
    cases, controls = np.sort(scores[truth]), np.sort(scores[~truth])

    def share(of: FloatArray, below: FloatArray) -> FloatArray:
        places = (np.searchsorted(below, of, side) for side in ("left", "right"))
        return np.asarray(sum(places) / (2.0 * below.size))

    return share(scores[truth], controls), 1.0 - share(scores[~truth], cases)


def _kaplan_meier(
    quantity: Quantity,
    analysis: asked.KaplanMeierAnalysis,
    time: FloatArray,
    event: BoolArray,
    cluster: IntArray | None,
) -> Found:
    labels = np.zeros(time.shape[1], dtype=np.int64) if cluster is None else cluster
    groups = 0 if cluster is None else int(labels.max()) + 1
    survival, relative = landmark_errors(time, event, float(analysis.at), labels, groups)
    found: Found = {Statistic.PERCENT: 100.0 * survival}
    for statistic in quantity.values:
        if statistic.level is not None:
            z = float(ndtri(0.5 + statistic.level / 2.0))
            low, high = survival_limits(survival, relative, z, analysis.interval)
            found[statistic] = 100.0 * (low if statistic.is_lower_limit else high)
    return found
