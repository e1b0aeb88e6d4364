"""What the survival statistics printed of one time column ask of its rows' times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from recohort.analysis.frame import AnalysisError, BoolArray, Frame
from recohort.analysis.model import model_data
from recohort.card import analyses as asked
from recohort.card.layout import Condition
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.cox import CoxTies
from recohort.estimators.kaplan_meier import SurvivalInterval
from recohort.estimators.summary import SdDenominator, quantile_position
from recohort.feasible.variable import Relation
from recohort.reconstruct.margins.likely import log_likely
from recohort.reconstruct.margins.plausible import to_grid
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.survival.counts import Cox, Kind, Layout, State, Targets
from recohort.reconstruct.survival.walk import Range
from recohort.reconstruct.target import Target

__all__ = ["Problem", "conditions_on", "is_answered", "pose", "survival_quantities"]

_PLACES = 4000
"""The most times that a row may take; a finer recording grid is thinned out evenly."""

_KINDS = 4
"""Terms of a Cox model that take at most so many values tell kinds of rows apart."""

_HALF = math.log(0.5)
_SCALES = {SurvivalInterval.PLAIN: 0, SurvivalInterval.LOG: 1, SurvivalInterval.LOG_LOG: 2}


@dataclass(frozen=True, slots=True)
class Problem:
    """One time column's rows (``rows``, of its unit), their state, and what it must print."""

    rows: IntArray
    layout: Layout
    state: State
    cox: Cox
    targets: Targets
    room: Range

    def times(self) -> FloatArray:
        """The rows' times."""
        return self.layout.values[self.state.at]


def survival_quantities(card: StudyCard, targets: Iterable[Target], key: str) -> tuple[str, ...]:
    """The quantities with targets that are survival statistics of a time column."""
    names = dict.fromkeys(one.quantity for one in targets)
    return tuple(name for name in names if is_answered(card, card.quantities[name], key))


def is_answered(card: StudyCard, quantity: Quantity, key: str) -> bool:
    """Whether a quantity is a rate, follow-up or Wald hazard ratio of the time column ``key``."""
    analysis = quantity.analysis
    column = card.columns[key.partition("@")[0]]
    conditions = list(card.populations[quantity.population].where)
    terms: set[str] = set()
    population = quantity.population
    if isinstance(analysis, asked.KaplanMeierAnalysis | asked.FollowUpAnalysis):
        if analysis.time != key:
            return False
        conditions += analysis.event
    elif isinstance(analysis, asked.TermAnalysis):
        model = card.models[analysis.model]
        if (
            not isinstance(model, asked.CoxModel)
            or model.time != key
            or model.group is not None
            or analysis.interval is not asked.RatioInterval.WALD
            or analysis.test is not asked.RatioTest.WALD
        ):
            return False
        population = model.population
        conditions += [*model.outcome, *card.populations[population].where]
        terms = {term.column for term in model.terms.values()}
    else:
        return False
    here = card.populations[population].unit == column.unit
    return here and key not in terms | {c.column for c in _written_out(card, conditions)}


def conditions_on(card: StudyCard, key: str) -> tuple[Condition, ...]:
    """Every condition of a card on a column."""
    found: list[Condition] = []
    for column in card.columns.values():
        for name in ("among", "all_of", "any_of"):
            found += getattr(column, name, ())
        for limit in getattr(column, "limits", ()):
            found += limit.when
    for population in card.populations.values():
        found += population.where
    for quantity in card.quantities.values():
        for name in ("having", "test", "reference", "outcome", "group", "event"):
            asked_of = getattr(quantity.analysis, name, ())
            found += asked_of if isinstance(asked_of, tuple) else ()
    for model in card.models.values():
        found += model.outcome
    return tuple(dict.fromkeys(one for one in found if one.column == key))


def _written_out(card: StudyCard, conditions: Iterable[Condition]) -> list[Condition]:
    found = []
    for one in conditions:
        column = card.columns.get(one.column.partition("@")[0])
        parts = (*getattr(column, "all_of", ()), *getattr(column, "any_of", ()))
        found += _written_out(card, parts) if parts else [one]
    return found


@dataclass
class _Wanted:
    """One target: its kind, what it is of, and its set."""

    kind: int
    where: int
    low: float
    high: float
    width: float
    z: float = 0.0
    scale: int = 0


def pose(
    frame: Frame,
    measurement: Measurement,
    values: FloatArray,
    targets: Sequence[Target],
    stay: Sequence[Condition] | None,
) -> Problem | None:
    """The search for times that print the survival statistics; ``None`` where none is printed.

    ``values`` are the column's present ones, which print its margins. Rows do not cross the
    thresholds of the conditions ``stay``; without these, free times begin evenly spread. Cox models
    whose terms have no values yet wait.
    """
    card, key, unit = frame.card, measurement.key, measurement.column.unit
    wanted = [t for t in targets if is_answered(card, card.quantities[t.quantity], key)]
    wanted = [t for t in wanted if _has_values(frame, card.quantities[t.quantity])]
    rows = np.flatnonzero(measurement.observed)
    if not wanted or rows.size < 2:
        return None
    cox = _cox(frame, wanted, rows)
    grid = _grid(measurement, values[rows], card, wanted, bool(cox.terms.size))
    if grid.size < 2:
        return None
    curves = _Curves(frame, rows, grid, unit)
    asks: list[_Wanted] = []
    names = list(dict.fromkeys(_cox_name(card, t) for t in wanted if _cox_name(card, t)))
    for one in wanted:
        analysis = card.quantities[one.quantity].analysis
        if isinstance(analysis, asked.TermAnalysis):
            model = card.models[analysis.model]
            index = names.index(analysis.model) * cox.beta.shape[1]
            asks += _of_term(one, index + list(model.terms).index(analysis.term))
        else:
            asks += curves.of(one)
    if not asks:
        return None
    moments: list[BoolArray] = []
    divisors: list[float] = []
    for found in measurement.facts:
        if found.facts.mean is None and found.facts.sd is None:
            continue
        divisors.append(found.rows.sum() - (found.sd is SdDenominator.N_MINUS_1) * 1.0)
        for kind, printed in ((Kind.MEAN, found.facts.mean), (Kind.SD, found.facts.sd)):
            if printed is not None:
                box, half = printed.accepted, float(printed.unit) / 2
                ends = float(box.low), float(box.high)
                asks.append(_Wanted(kind, len(moments), *ends, half))
        moments.append(found.rows[rows])
    at = _nearest(grid, values[rows])
    low = np.searchsorted(grid, measurement.low[rows] - 1e-9)
    high = np.searchsorted(grid, measurement.high[rows] + 1e-9, side="right") - 1
    edges = [
        edge
        for c in stay or ()
        for edge in _thresholds(c.relation, float(c.threshold), measurement)
    ]
    fixed = _cells(grid, edges)
    for i in range(rows.size):
        inside = np.flatnonzero(fixed == fixed[at[i]]) if stay else None
        if inside is not None:
            low[i], high[i] = max(low[i], inside[0]), min(high[i], inside[-1])
    margin = np.unique(measurement.margins[rows], return_inverse=True)[1].reshape(-1)
    cell = np.stack(
        [
            _cells(grid, _edges(measurement, int(rows[np.argmax(margin == m)]), values))
            for m in range(int(margin.max()) + 1)
        ]
    )
    layout = curves.layout(np.array(moments, dtype=np.bool_).reshape(-1, rows.size), divisors)
    # Rows at a time that is not theirs to have (a bound that the column's filling broke) stay.
    low, high = np.minimum(low, at), np.maximum(high, at)
    last = max((float(grid[p]) for p in layout.place), default=float(grid[-1]))
    chosen = _targets(asks, layout, curves.owner())
    pool = _pool(measurement, grid, at, last)
    if not measurement.facts and measurement.column.plausible is None and stay is None:
        at = np.clip(np.linspace(0, pool.size - 1, rows.size).astype(np.int64), 0, pool.size - 1)
        at = np.clip(pool[at], low, high)
    terms = [column for m in cox.x for column in m.T]
    block = _codes([layout.atom, margin, *(x for x in terms if np.unique(x).size <= _KINDS)])
    twin = _codes([block, low, high, *terms])
    breaks = np.unique([0, *(layout.place + 1), grid.size])
    room = Range(
        low.astype(np.int64),
        high.astype(np.int64),
        margin.astype(np.int64),
        cell,
        *_listed(margin),
        pool,
        breaks.astype(np.int64),
        block,
        *_listed(block),
        twin,
        *_listed(twin),
        _likely(measurement, grid, pool),
        bool(moments),
        _rigid(layout, cox, asks),
        (np.searchsorted(breaks, np.arange(grid.size), side="right") - 1).astype(np.int64),
    )
    marks = layout.place.size
    state = State(
        at.astype(np.int64),
        np.zeros((layout.start.size - 1, grid.size), dtype=np.int64),
        np.zeros((layout.start.size - 1, grid.size), dtype=np.int64),
        np.zeros(marks),
        np.zeros(marks),
        np.ones(marks),
        np.zeros((len(moments), 3)),
    )
    cox = cox._replace(
        deaths=np.zeros((cox.terms.size, grid.size), dtype=np.int64),
        **{
            name: np.zeros((cox.terms.size, grid.size, *getattr(cox, name).shape[2:]))
            for name in ("risk", "risk_x", "risk_xx", "own", "own_x", "own_xx")
        },
    )
    return Problem(rows, layout, state, cox, chosen, room)


def _has_values(frame: Frame, quantity: Quantity) -> bool:
    """Whether every other column that a quantity depends on has values already."""
    try:
        frame.population(quantity.population)
        analysis = quantity.analysis
        if isinstance(analysis, asked.KaplanMeierAnalysis | asked.FollowUpAnalysis):
            frame.mask(analysis.event, frame.card.populations[quantity.population].unit)
        elif isinstance(analysis, asked.TermAnalysis):
            model = frame.card.models[analysis.model]
            unit = frame.card.populations[model.population].unit
            frame.population(model.population)
            frame.mask(model.outcome, unit)
            for term in model.terms.values():
                frame.values(term.column, unit)
    except (KeyError, AnalysisError):
        return False
    return True


class _Curves:
    """Curves and their landmarks, each once, as targets ask for them."""

    def __init__(self, frame: Frame, rows: IntArray, grid: FloatArray, unit: str) -> None:
        self.frame, self.rows, self.grid, self.unit = frame, rows, grid, unit
        self.members: list[tuple[BoolArray, BoolArray, bool]] = []
        self.marks: list[tuple[int, int, int]] = []

    def of(self, one: Target) -> list[_Wanted]:
        """What a target asks of a landmark."""
        quantity = self.frame.card.quantities[one.quantity]
        analysis = quantity.analysis
        assert isinstance(analysis, asked.KaplanMeierAnalysis | asked.FollowUpAnalysis)
        inside = self.frame.population(quantity.population)
        inside = (inside & self.frame.known(analysis.event, self.unit))[self.rows]
        event = self.frame.mask(analysis.event, self.unit)[self.rows]
        if isinstance(analysis, asked.FollowUpAnalysis):
            return self._median(one, self._curve(inside, ~event, False))
        curve = self._curve(inside, event, analysis.clustered)
        at = float(analysis.at)
        place = int(np.searchsorted(self.grid, at, side="right")) - 1
        if place < 0:
            return []
        mark = self._mark(curve, place, int(np.searchsorted(self.grid, at)))
        scale = _SCALES[analysis.interval]
        if one.statistic is Statistic.PERCENT:
            return [_Wanted(Kind.PERCENT, mark, one.low, one.high, one.width)]
        if one.statistic.level is None:
            return []
        kind = Kind.LOWER if one.statistic.is_lower_limit else Kind.UPPER
        z = float(ndtri(0.5 + one.statistic.level / 2.0))
        return [_Wanted(kind, mark, one.low, one.high, one.width, z, scale)]

    def _median(self, one: Target, curve: int) -> list[_Wanted]:
        """A median lies between two landmarks: above one half before, below it after."""
        prints = np.flatnonzero([one.met(float(value)) for value in self.grid])
        if one.statistic is not Statistic.MEDIAN or prints.size == 0:
            return []
        after = self._mark(curve, int(prints[-1]), -1)
        found = [_Wanted(Kind.BELOW, after, -math.inf, _HALF - 1e-7, 0.005)]
        if prints[0] > 0:
            before = self._mark(curve, int(prints[0]) - 1, -1)
            found.append(_Wanted(Kind.ABOVE, before, _HALF + 1e-7, math.inf, 0.005))
        return found

    def _curve(self, inside: BoolArray, event: BoolArray, clustered: bool) -> int:
        event = event & inside
        clustered = clustered and self.frame.cohort.tables[self.unit].parent is not None
        for index, (members, events, mode) in enumerate(self.members):
            if (
                mode == clustered
                and np.array_equal(members, inside)
                and np.array_equal(events, event)
            ):
                return index
        self.members.append((inside, event, clustered))
        return len(self.members) - 1

    def _mark(self, curve: int, place: int, reach: int) -> int:
        mark = (curve, place, reach)
        if mark not in self.marks:
            self.marks.append(mark)
        return self.marks.index(mark)

    def in_order(self) -> list[int]:
        """The landmarks by curve and place."""
        return sorted(range(len(self.marks)), key=lambda i: self.marks[i])

    def owner(self) -> IntArray:
        """For each landmark as numbered while asked, its number by curve and place."""
        rank = np.empty(len(self.marks), dtype=np.int64)
        rank[self.in_order()] = np.arange(len(self.marks))
        return rank

    def layout(self, moments: BoolArray, divisors: list[float]) -> Layout:
        """Everything that stays while rows move."""
        n, curves = self.rows.size, len(self.members)
        masks = np.zeros((n, 2 * curves), dtype=np.bool_)
        for index, (inside, event, _) in enumerate(self.members):
            masks[:, 2 * index], masks[:, 2 * index + 1] = inside, event
        kinds, atom = np.zeros((1, 0), dtype=np.bool_), np.zeros(n, dtype=np.int64)
        if curves:
            kinds, atom = np.unique(masks, axis=0, return_inverse=True)
        ordered = [self.marks[i] for i in self.in_order()]
        start = np.searchsorted([c for c, _, _ in ordered], np.arange(curves + 1))
        parent = self.frame.cohort.tables[self.unit].parent
        cluster = np.arange(n) if parent is None else parent[self.rows]
        whole = np.arange(n + 1)
        log = np.full(n + 1, -800.0)
        log[1:] = np.log(whole[1:])
        inverse = np.zeros(n + 1)
        inverse[1:] = 1.0 / whole[1:]
        return Layout(
            atom.reshape(-1).astype(np.int64),
            np.ascontiguousarray(kinds[:, 0::2].T),
            np.ascontiguousarray(kinds[:, 1::2].T),
            start.astype(np.int64),
            np.array([place for _, place, _ in ordered], dtype=np.int64),
            np.array([reach for _, _, reach in ordered], dtype=np.int64),
            np.array([mode for _, _, mode in self.members], dtype=np.bool_),
            np.unique(cluster, return_inverse=True)[1].reshape(-1).astype(np.int64),
            self.grid,
            log,
            inverse,
            moments,
            np.array(divisors, dtype=np.float64),
        )


def _targets(asks: list[_Wanted], layout: Layout, rank: IntArray) -> Targets:
    """The targets as arrays; Cox models, then limits of clustered curves, last."""
    owner = np.repeat(np.arange(layout.start.size - 1), np.diff(layout.start))
    late = []
    for one in asks:
        if one.kind <= Kind.BELOW:
            one.where = int(rank[one.where])
        clustered = one.kind in (Kind.LOWER, Kind.UPPER) and layout.clustered[owner[one.where]]
        cox = Kind.RATIO <= one.kind <= Kind.P_VALUE
        late.append(2 if clustered else 1 if cox else 0)
    order = sorted(range(len(asks)), key=lambda i: late[i])
    chosen = [asks[i] for i in order]
    return Targets(
        np.array([one.kind for one in chosen], dtype=np.int64),
        np.array([one.where for one in chosen], dtype=np.int64),
        np.array([one.z for one in chosen]),
        np.array([one.scale for one in chosen], dtype=np.int64),
        np.array([one.low for one in chosen]),
        np.array([one.high for one in chosen]),
        np.array([one.width for one in chosen]),
        late.count(0),
        late.count(0) + late.count(1),
    )


def _rigid(layout: Layout, cox: Cox, asks: Sequence[_Wanted]) -> BoolArray:
    """Rows whose events make rates or hazard ratios."""
    owner = np.repeat(np.arange(layout.start.size - 1), np.diff(layout.start))
    curves = sorted({int(owner[one.where]) for one in asks if one.kind <= Kind.UPPER})
    return np.asarray(
        layout.event[curves][:, layout.atom].any(axis=0) | cox.outcome.any(axis=0), dtype=np.bool_
    )


def _of_term(one: Target, where: int) -> list[_Wanted]:
    if one.statistic is Statistic.P_VALUE:
        return [_Wanted(Kind.P_VALUE, where, one.low, one.high, one.width)]
    if one.statistic is Statistic.HAZARD_RATIO:
        return [_Wanted(Kind.RATIO, where, one.low, one.high, one.width)]
    if one.statistic.level is None:
        return []
    kind = Kind.RATIO_LOWER if one.statistic.is_lower_limit else Kind.RATIO_UPPER
    z = float(ndtri(0.5 + one.statistic.level / 2.0))
    return [_Wanted(kind, where, one.low, one.high, one.width, z)]


def _cox_name(card: StudyCard, one: Target) -> str:
    analysis = card.quantities[one.quantity].analysis
    return analysis.model if isinstance(analysis, asked.TermAnalysis) else ""


def _cox(frame: Frame, wanted: Sequence[Target], rows: IntArray) -> Cox:
    """The Cox models with targets, before any row has a place."""
    card = frame.card
    names = list(dict.fromkeys(_cox_name(card, t) for t in wanted if _cox_name(card, t)))
    most = max((len(card.models[name].terms) for name in names), default=1)
    count, n = len(names), rows.size
    inside = np.zeros((count, n), dtype=np.bool_)
    outcome = np.zeros((count, n), dtype=np.bool_)
    x = np.zeros((count, n, most))
    fallen = np.zeros((count, most))
    efron = np.zeros(count, dtype=np.bool_)
    for m, name in enumerate(names):
        model = card.models[name]
        assert isinstance(model, asked.CoxModel)
        data = model_data(frame, model)
        efron[m] = model.ties is CoxTies.EFRON
        whole_rows = np.flatnonzero(data.rows)
        here = np.searchsorted(rows, whole_rows)
        inside[m, here] = True
        outcome[m, here] = data.outcome == 1.0
        x[m, here, : data.design.shape[1]] = data.design - data.design.mean(axis=0)
        fallen[m] = x[m][outcome[m]].sum(axis=0)
    return Cox(
        np.array([len(card.models[name].terms) for name in names], dtype=np.int64),
        efron,
        inside,
        outcome,
        x,
        np.zeros((count, most)),
        np.ones((count, n)),
        np.zeros((count, 0), dtype=np.int64),
        np.zeros((count, 0)),
        np.zeros((count, 0, most)),
        np.zeros((count, 0, most, most)),
        np.zeros((count, 0)),
        np.zeros((count, 0, most)),
        np.zeros((count, 0, most, most)),
        fallen,
        np.zeros((count, most)),
        np.zeros((count, most, most)),
        np.zeros((count, 2, most)),
        np.zeros((most, most)),
        np.zeros((most, most)),
    )


def _grid(
    measurement: Measurement,
    values: FloatArray,
    card: StudyCard,
    wanted: Sequence[Target],
    positive: bool,
) -> FloatArray:
    """The times that rows may take, in order: recordable ones, some thousands at most."""
    column = measurement.column
    marks = [float(values.max())]
    medians = []
    for one in wanted:
        analysis = card.quantities[one.quantity].analysis
        if isinstance(analysis, asked.KaplanMeierAnalysis):
            marks.append(1.2 * float(analysis.at))
        elif isinstance(analysis, asked.FollowUpAnalysis):
            medians.append(one)
            marks.append(1.2 * float(one.printed.value))
    low = 0.0 if column.low is None else max(float(column.low), 0.0)
    high = max(marks) if column.high is None else float(column.high)
    if positive and low <= 0.0:
        low = 1e-9
    step = float(column.step or 0)
    if step <= 0.0:
        near = [np.linspace(max(t.low, low), min(t.high, high), 5) for t in medians]
        found = np.concatenate([np.linspace(max(low, high / 1e4), high, 2000), values, *near])
    else:
        first, last = math.ceil(round(low / step, 6)), math.floor(round(high / step, 6))
        whole = np.arange(max(first, 0), last + 1)
        stride = max(1, -(-whole.size // _PLACES))
        keep = np.zeros(whole.size, dtype=np.bool_)
        keep[::stride] = True
        for one in medians:
            ends = (one.low / step - 1, one.high / step + 1)
            keep |= (whole >= ends[0]) & (whole <= ends[1])
        many = np.asarray(whole[keep] * step, dtype=np.float64)
        ends_ = np.full(many.size, -np.inf), np.full(many.size, np.inf)
        found = np.concatenate([to_grid(many, step, *ends_), values])
    found = np.unique(found[(found > 0.0) | (not positive)])
    return np.asarray(found)


def _nearest(grid: FloatArray, values: FloatArray) -> IntArray:
    """The place of each value, all of which lie on the grid but for zeros that it may not hold."""
    return np.clip(np.searchsorted(grid, values), 0, grid.size - 1).astype(np.int64)


def _pool(measurement: Measurement, grid: FloatArray, at: IntArray, last: float) -> IntArray:
    """Places that look like the column's: its own, or evenly spread to well past the last mark."""
    if measurement.facts or measurement.column.plausible is not None:
        return np.sort(at)
    end = int(np.searchsorted(grid, 2.0 * last, side="right"))
    return np.arange(max(end, 1), dtype=np.int64)


def _likely(measurement: Measurement, grid: FloatArray, pool: IntArray) -> FloatArray:
    """Logarithms of each margin's share of values (margins, G) at the places of the grid."""
    if not measurement.facts and measurement.column.plausible is None:
        even = np.where(np.arange(grid.size) <= pool[-1], 0.0, -700.0)
        return np.tile(even, (np.unique(measurement.margins[measurement.observed]).size, 1))
    ends = np.concatenate([grid[:1], (grid[1:] + grid[:-1]) / 2.0, grid[-1:]])
    return log_likely(measurement, grid) + np.log(np.maximum(np.diff(ends), 1e-300))


def _thresholds(relation: Relation, at: float, measurement: Measurement) -> list[float]:
    """Where a condition on the times turns."""
    step = float(measurement.column.step or 0)
    tiny = 1e-4 * step if step else 1e-9
    edges = []
    if relation in (Relation.EQUAL, Relation.AT_LEAST, Relation.BELOW):
        edges.append(at - tiny)
    if relation in (Relation.EQUAL, Relation.AT_MOST, Relation.ABOVE):
        edges.append(at + tiny)
    return edges


def _cells(grid: FloatArray, edges: Sequence[float]) -> IntArray:
    return np.searchsorted(np.unique(np.array(edges, dtype=np.float64)), grid).astype(np.int64)


def _edges(measurement: Measurement, row: int, values: FloatArray) -> list[float]:
    """Where a row's time may not cross if printed quantiles, extremes and counts are to stay."""
    step = float(measurement.column.step or 0)
    tiny = 1e-4 * step if step else 1e-9
    edges: list[float] = []
    for found in measurement.facts:
        if not found.rows[row]:
            continue
        facts = found.facts
        ordered = np.sort(values[found.rows])
        for chance, printed in ((0.5, facts.median), (0.25, facts.q1), (0.75, facts.q3)):
            if printed is None:
                continue
            place = quantile_position(ordered.size, chance, found.quantiles)
            ends = [float(printed.accepted.low), float(printed.accepted.high)]
            both = [float(ordered[place.lower]), float(ordered[place.upper])]
            if min(both) < ends[0] - tiny or max(both) > ends[1] + tiny:
                # It lies between two values: these two stay where they are.
                edges += [both[0] - tiny, both[0] + tiny, both[1] - tiny, both[1] + tiny]
            else:
                edges += [ends[0] - tiny, ends[1] + tiny]
        for printed in (facts.minimum, facts.maximum):
            if printed is not None:
                edges += [float(printed.accepted.low) - tiny, float(printed.accepted.high) + tiny]
        for count in facts.counts:
            edges += _thresholds(count.relation, float(count.threshold), measurement)
    return edges


def _codes(columns: Sequence[FloatArray | IntArray]) -> IntArray:
    table = np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)
    return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _listed(codes: IntArray) -> tuple[IntArray, IntArray]:
    """The rows by code, and where each code's begin."""
    counts = np.bincount(codes)
    first = np.concatenate([[0], np.cumsum(counts)])
    return np.argsort(codes, kind="stable").astype(np.int64), first.astype(np.int64)
