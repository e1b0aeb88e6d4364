"""What must hold of one measurement's values: who has one, within which bounds, printing what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from recohort.analysis.frame import BoolArray, Frame
from recohort.audit.card_variables import FACTS
from recohort.card.analyses import (
    Accuracy,
    AccuracyAnalysis,
    Analysis,
    AucAnalysis,
    FollowUpAnalysis,
    KaplanMeierAnalysis,
    LocationAnalysis,
    ProportionAnalysis,
    SizeAnalysis,
    SummaryAnalysis,
    TwoSampleAnalysis,
)
from recohort.card.layout import Condition, DerivedColumn, NumericColumn
from recohort.card.references import column_keys
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.summary import QuantileDefinition, SdDenominator
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed
from recohort.reconstruct.target import Target

__all__ = ["Measurement", "RowFacts", "describe", "numeric_keys"]

_CONVENTIONS = (SdDenominator.N_MINUS_1, QuantileDefinition.TYPE_7)
"""Of an SD and of quantiles, where a quantity names none."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """Printed statistics of a measurement among some rows."""

    rows: BoolArray
    facts: VariableFacts
    sd: SdDenominator
    quantiles: QuantileDefinition
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One key's rows with a value, their bounds, and what was printed of them.

    ``margins`` is a code by row (-1: no value): rows with the same code may exchange values without
    changing anything in ``facts`` or leaving their bounds. ``strata`` is a finer code: its rows may
    exchange values without changing any test, AUC or survival rate of this measurement either.
    """

    key: str
    column: NumericColumn
    time: str | None
    observed: BoolArray
    low: FloatArray
    high: FloatArray
    margins: IntArray
    strata: IntArray
    facts: tuple[RowFacts, ...]
    tested: bool

    @property
    def is_free(self) -> bool:
        """Whether nothing was printed of this measurement's distribution."""
        return not self.facts and not self.tested


def numeric_keys(card: StudyCard) -> dict[str, NumericColumn]:
    """Every key of a measurement, and its column."""
    columns = {key: card.columns[name] for key, name in column_keys(card).items()}
    return {key: c for key, c in columns.items() if isinstance(c, NumericColumn)}


def _known(frame: Frame, conditions: Sequence[Condition], unit: str) -> BoolArray:
    """Rows that satisfy the conditions on columns that already have values."""
    known = [c for c in conditions if _has_values(frame, c.column)]
    return frame.mask(known, unit)


def _has_values(frame: Frame, key: str) -> bool:
    column = frame.card.columns[key.partition("@")[0]]
    conditions = (*getattr(column, "all_of", ()), *getattr(column, "any_of", ()))
    if conditions:
        return all(_has_values(frame, c.column) for c in conditions)
    return key in frame.cohort.columns


def _observed(
    frame: Frame, column: NumericColumn, time: str | None, order: FloatArray
) -> BoolArray:
    """Rows with a value: those that can have one, less those lost by this time."""
    able = _known(frame, column.among, column.unit)
    followed = column.followed.get(time or "")
    if followed is None or followed >= able.sum():
        return able
    # The same order at each time: who is lost stays lost where numbers fall.
    ranked = np.argsort(np.where(able, order, np.inf), kind="stable")[:followed]
    kept = np.zeros(able.size, dtype=np.bool_)
    kept[ranked] = True
    return kept


def _bounds(
    frame: Frame, column: NumericColumn, time: str | None
) -> tuple[FloatArray, FloatArray, list[BoolArray]]:
    n = frame.cohort.tables[column.unit].n
    low = np.full(n, -np.inf if column.low is None else float(column.low))
    high = np.full(n, np.inf if column.high is None else float(column.high))
    masks = []
    for limit in column.limits:
        if limit.times and time not in limit.times:
            continue
        rows = frame.mask(limit.when, column.unit)
        masks.append(rows)
        if limit.low is not None:
            low[rows] = np.maximum(low[rows], float(limit.low))
        if limit.high is not None:
            high[rows] = np.minimum(high[rows], float(limit.high))
    return low, high, masks


def _negated(printed: Printed) -> Printed:
    return Printed(printed.text, printed.comparator, -printed.value, printed.decimals)


def _count_range(one: Target, n: int) -> tuple[int, int] | None:
    if one.statistic is Statistic.COUNT and one.printed.is_exact:
        return int(one.printed.value), int(one.printed.value)
    if one.statistic is Statistic.PERCENT and n:
        fits = [k for k in range(n + 1) if one.met(100.0 * k / n)]
        return (fits[0], fits[-1]) if fits else None
    return None


def _written_out(frame: Frame, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Conditions with columns that are computed from one or all of others written as those."""
    found: list[Condition] = []
    for one in conditions:
        column = frame.card.columns[one.column.partition("@")[0]]
        parts = (*getattr(column, "all_of", ()), *getattr(column, "any_of", ()))
        together = isinstance(column, DerivedColumn) and (len(parts) == 1 or bool(column.all_of))
        if together and one.relation is Relation.EQUAL and one.threshold == 1:
            found += _written_out(frame, parts)
        else:
            found.append(one)
    return tuple(found)


def _counts(
    frame: Frame, key: str, quantity: Quantity, targets: list[Target], observed: BoolArray
) -> tuple[BoolArray, CountFact] | None:
    """A count of values at or beyond a threshold among some rows, if the quantity is one."""
    analysis = quantity.analysis
    population = frame.card.populations[quantity.population]
    if isinstance(analysis, ProportionAnalysis):
        tests: tuple[Condition, ...] = analysis.having
        reference: tuple[Condition, ...] = ()
    elif isinstance(analysis, AccuracyAnalysis):
        tests, reference = analysis.test, analysis.reference
    elif isinstance(analysis, SizeAnalysis):
        tests = tuple(c for c in population.where if c.column == key)
        reference = ()
    else:
        return None
    tests = _written_out(frame, tests)
    mine = [c for c in tests if c.column == key]
    if len(mine) != 1 or len(tests) != 1:
        return None
    rows = observed & _known(frame, population.where, population.unit)
    inverted = False
    if isinstance(analysis, AccuracyAnalysis):
        if analysis.measure not in (Accuracy.SENSITIVITY, Accuracy.SPECIFICITY):
            return None
        diseased = frame.mask(reference, population.unit)
        inverted = analysis.measure is Accuracy.SPECIFICITY
        rows = rows & (~diseased if inverted else diseased)
    n = int(rows.sum())
    ranges = [r for r in (_count_range(one, n) for one in targets) if r is not None]
    if not ranges:
        return None
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    if low > high:
        low, high = ranges[0]
    if inverted:
        low, high = n - high, n - low
    if not 0 <= low <= high <= n:
        return None
    return rows, CountFact(mine[0].relation, mine[0].threshold, low, high, targets[0].id)


def describe(frame: Frame, key: str, targets: Sequence[Target], order: FloatArray) -> Measurement:
    """Everything that a key's values must satisfy on their own, given the skeleton.

    ``order`` (n,) says in which order units are lost to follow-up (the largest first).
    """
    card = frame.card
    column = card.columns[key.partition("@")[0]]
    assert isinstance(column, NumericColumn)
    time = key.partition("@")[2] or None
    observed = _observed(frame, column, time, order)
    low, high, masks = _bounds(frame, column, time)
    by_quantity: dict[str, list[Target]] = {}
    for one in targets:
        by_quantity.setdefault(one.quantity, []).append(one)
    summaries: list[RowFacts] = []
    counts: list[RowFacts] = []
    groups: list[BoolArray] = []
    for name, wanted in by_quantity.items():
        quantity = card.quantities[name]
        population = card.populations[quantity.population]
        if population.unit != column.unit:
            continue
        analysis = quantity.analysis
        counted = _counts(frame, key, quantity, wanted, observed)
        if counted is not None:
            rows, count = counted
            n = int(rows.sum())
            facts = VariableFacts(grid=column.grid, n_low=n, n_high=n, counts=(count,))
            counts.append(RowFacts(rows, facts, *_CONVENTIONS, (count.source,)))
        if key in (getattr(analysis, "column", None), getattr(analysis, "time", None)):
            groups += _groups(frame, quantity)
        printed = _summary(analysis, wanted) if getattr(analysis, "column", None) == key else {}
        if printed:
            rows = observed & _known(frame, population.where, population.unit)
            facts = _facts(column.grid, int(rows.sum()), printed)
            conventions = _CONVENTIONS
            if isinstance(analysis, SummaryAnalysis):
                conventions = analysis.sd, analysis.quantiles
            summaries.append(RowFacts(rows, facts, *conventions, tuple(t.id for t in wanted)))
    found = _joined(summaries + counts)
    margins = _codes(observed, [f.rows for f in found] + masks)
    strata = _codes(observed, [f.rows for f in found] + masks + groups)
    return Measurement(
        key, column, time, observed, low, high, margins, strata, tuple(found), bool(groups)
    )


def _summary(analysis: Analysis, wanted: Sequence[Target]) -> dict[str, Printed]:
    """What was printed of a column's distribution, by the name that `VariableFacts` gives it."""
    if isinstance(analysis, SummaryAnalysis):
        return {FACTS[t.statistic]: t.printed for t in wanted if t.statistic in FACTS}
    if isinstance(analysis, LocationAnalysis):
        one = wanted[-1]
        turned = one.statistic is Statistic.PERCENT_REDUCTION
        return {analysis.by.value: _negated(one.printed) if turned else one.printed}
    return {}


def _groups(frame: Frame, quantity: Quantity) -> list[BoolArray]:
    """Rows that a test, an AUC or a survival rate of one measurement tells apart."""
    analysis = quantity.analysis
    population = frame.card.populations[quantity.population]
    if isinstance(analysis, TwoSampleAnalysis):
        conditions = analysis.group
    elif isinstance(analysis, AucAnalysis):
        conditions = analysis.outcome
    elif isinstance(analysis, KaplanMeierAnalysis | FollowUpAnalysis):
        conditions = analysis.event
    else:
        return []
    return [_known(frame, part, population.unit) for part in (conditions, population.where)]


def _facts(
    grid: Grid, n: int, printed: dict[str, Printed], counts: tuple[CountFact, ...] = ()
) -> VariableFacts:
    return VariableFacts(
        grid=grid,
        n_low=n,
        n_high=n,
        mean=printed.get("mean"),
        sd=printed.get("sd"),
        median=printed.get("median"),
        q1=printed.get("q1"),
        q3=printed.get("q3"),
        minimum=printed.get("minimum"),
        maximum=printed.get("maximum"),
        counts=counts,
    )


def _joined(found: list[RowFacts]) -> list[RowFacts]:
    """Facts about the same rows as one set of facts."""
    result: list[RowFacts] = []
    for item in found:
        twin = next((i for i, r in enumerate(result) if np.array_equal(r.rows, item.rows)), None)
        if twin is None:
            result.append(item)
            continue
        other = result[twin]
        merged = {**item.facts.printed, **other.facts.printed}
        summary = item if item.facts.printed else other
        counts = (*other.facts.counts, *item.facts.counts)
        facts = _facts(other.facts.grid, other.facts.n_low, merged, counts)
        result[twin] = RowFacts(
            other.rows, facts, summary.sd, summary.quantiles, other.targets + item.targets
        )
    return result


def _codes(observed: BoolArray, masks: list[BoolArray]) -> IntArray:
    """One code for each pattern of memberships; -1 where there is no value."""
    if not masks:
        return np.where(observed, 0, -1).astype(np.int64)
    table = np.stack([observed, *masks], axis=1)
    codes = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return np.where(observed, codes, -1).astype(np.int64)


def fraction(value: float) -> Fraction | None:
    """A bound as a fraction, ``None`` where it is infinite."""
    return None if np.isinf(value) else Fraction(value).limit_denominator(10**6)
