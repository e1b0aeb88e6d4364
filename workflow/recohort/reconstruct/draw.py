"""One attempt at a cohort: skeleton, measurements, regressions, likeness over time, last moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import BoolArray, Frame
from recohort.card.analyses import LogisticModel, TermAnalysis, TwoSampleAnalysis
from recohort.card.layout import BinaryColumn, Condition, GroupColumn, NumericColumn
from recohort.card.reads import columns_read
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray
from recohort.reconstruct.coupling import couple
from recohort.reconstruct.few_walk import walk_few
from recohort.reconstruct.fill import fill
from recohort.reconstruct.measurement import Measurement, describe, numeric_keys
from recohort.reconstruct.model_block import Movable, block_models, build_block
from recohort.reconstruct.model_compare import FORETOLD, Comparison
from recohort.reconstruct.model_margin import Margin, margin_of
from recohort.reconstruct.model_moves import associate
from recohort.reconstruct.model_search import SearchEffort, search_models
from recohort.reconstruct.model_targets import RATIOS
from recohort.reconstruct.model_wander import wander
from recohort.reconstruct.polish import alone, polish
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.structure import (
    atoms,
    conditions_of,
    draw_structure,
    is_structural,
    structural_columns,
)
from recohort.reconstruct.survival_problem import conditions_on, survival_quantities
from recohort.reconstruct.survival_search import SurvivalEffort, fill_times
from recohort.reconstruct.target import Target, total_loss, unmet

__all__ = ["Drawn", "Effort", "draw_cohort"]

_CLEAR = 0.5
"""p-values above this do not tell on which side a difference lies."""


_FEW_TIMES = 300
"""Up to so many times, the last moves try what the survival search left unmet."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one attempt may look, in counts."""

    models: SearchEffort = field(default_factory=SearchEffort)
    survival: SurvivalEffort = field(default_factory=SurvivalEffort)
    wander: int = 24
    few: int = 200_000
    polish: int = 3000


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cohort, what it does not print of the targets, and how far it is from printing them."""

    cohort: Cohort
    estimates: dict[str, float]
    unmet: tuple[str, ...]
    loss: float
    refits: int
    moves: int


def draw_cohort(
    card: StudyCard,
    targets: Sequence[Target],
    rng: np.random.Generator,
    effort: Effort,
    stop: Stop | None = None,
) -> Drawn:
    """Draw a cohort that prints the targets, as nearly as one attempt comes until it is to stop."""
    cohort = draw_structure(card, tuple(targets), rng, stop=stop)
    columns = dict(cohort.columns)
    cohort = Cohort(cohort.tables, columns, cohort.unit_of)
    measurements, tried = _measure(card, cohort, columns, targets, rng, effort, stop)
    settled = _settled(card, measurements, targets)
    # Tests of one measurement first: what follows exchanges only rows that these do not tell apart.
    early = alone(card, targets, measurements)
    moves = tried + walk_few(
        card, cohort, columns, measurements, early, settled, rng, effort.few, stop
    )
    moves += polish(card, cohort, columns, measurements, early, settled, rng, effort.polish, stop)
    held: set[str] = set()
    refits = 0
    for names in block_models(card, targets):
        analyst = Analyst(card, cohort)
        keys = {t.column for name in names for t in card.models[name].terms.values()}
        movable = {
            key: _movable(card, analyst.frame, key, measurements, targets, keys) for key in keys
        }
        block = build_block(card, analyst, names, targets, movable)
        associate(block, rng)
        result = search_models(block, rng, effort.models, stop)
        refits += result.refits + wander(block, rng, effort.wander, stop)
        for key, values in zip(block.keys, block.values, strict=True):
            if not isinstance(card.columns[key.partition("@")[0]], GroupColumn):
                columns[key] = values.copy()
        held |= keys
    _couple_times(card, columns, measurements, held, rng)
    for key in _times(card, measurements, targets):
        if key not in held:
            # Predictors and groups may have moved: times that no longer print are mended.
            columns[key], tried, _ = fill_times(
                Frame(card, cohort), measurements[key], columns[key], targets, rng,
                effort.survival, stop, conditions_on(card, key),
            )  # fmt: skip
            moves += tried
    fixed = frozenset(held) | settled
    moves += walk_few(card, cohort, columns, measurements, targets, fixed, rng, effort.few, stop)
    moves += polish(card, cohort, columns, measurements, targets, fixed, rng, effort.polish, stop)
    values = Analyst(card, cohort).reported()
    return Drawn(cohort, values, unmet(targets, values), total_loss(targets, values), refits, moves)


def _measure(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    targets: Sequence[Target],
    rng: np.random.Generator,
    effort: Effort,
    stop: Stop | None,
) -> tuple[dict[str, Measurement], int]:
    """Give every measurement values that print what was printed of it alone; moves tried."""
    measurements: dict[str, Measurement] = {}
    moves = 0
    order = {name: rng.random(table.n) for name, table in cohort.tables.items()}
    for key, column in _in_order(card):
        frame = Frame(card, cohort)
        measurement = describe(frame, key, targets, order[column.unit])
        columns[key] = fill(measurement, rng)
        measurements[key] = measurement
        if survival_quantities(card, targets, key):
            columns[key], tried, rows = fill_times(
                frame, measurement, columns[key], targets, rng, effort.survival, stop
            )
            moves += tried
            if rows is not None:
                _reorder(card, columns, column.unit, rows)
                order[column.unit] = order[column.unit][rows]
                for other, found in measurements.items():
                    if found.column.unit == column.unit:
                        again = describe(Frame(card, cohort), other, targets, order[column.unit])
                        measurements[other] = again
    return measurements, moves


def _reorder(card: StudyCard, columns: dict[str, FloatArray], unit: str, rows: IntArray) -> None:
    """Give each row of a unit the values of another, in all columns of the unit."""
    for key, values in columns.items():
        if card.columns[key.partition("@")[0]].unit == unit:
            columns[key] = values[rows]


def _times(
    card: StudyCard, measurements: dict[str, Measurement], targets: Sequence[Target]
) -> tuple[str, ...]:
    """The times that survival statistics were printed of."""
    return tuple(key for key in measurements if survival_quantities(card, targets, key))


def _settled(
    card: StudyCard, measurements: dict[str, Measurement], targets: Sequence[Target]
) -> frozenset[str]:
    """Times of many of which only survival and their margins were printed: no other move helps."""
    settled = set()
    for key in _times(card, measurements, targets):
        if measurements[key].observed.sum() <= _FEW_TIMES:
            continue
        answered = set(survival_quantities(card, targets, key))
        kept = {one for facts in measurements[key].facts for one in facts.targets}
        others = (t for t in targets if t.quantity not in answered and t.id not in kept)
        if not any(key in columns_read(card, t.quantity) for t in others):
            settled.add(key)
    return frozenset(settled)


def _in_order(card: StudyCard) -> list[tuple[str, NumericColumn]]:
    """Measurements, each after those that its rows and bounds depend on."""
    waiting = numeric_keys(card)
    structural = structural_columns(card)
    done: set[str] = set()
    result: list[tuple[str, NumericColumn]] = []
    while waiting:
        ready = {}
        for key, column in waiting.items():
            conditions = [*column.among, *(c for limit in column.limits for c in limit.when)]
            needs = {c.column for c in conditions if c.column not in structural}
            if not any(need in waiting and need != key for need in needs):
                ready[key] = column
        if not ready:
            ready = dict(waiting)
        for key, column in ready.items():
            result.append((key, column))
            done.add(key)
            del waiting[key]
    return result


def _movable(
    card: StudyCard,
    frame: Frame,
    key: str,
    measurements: dict[str, Measurement],
    targets: Sequence[Target],
    keys: set[str],
) -> Movable:
    """How a predictor may move: measurements by their strata, the rest within the skeleton's."""
    if key in measurements:
        m = measurements[key]
        shape, values = m.column.plausible_at(m.time), frame.values(key, m.column.unit)
        spread = float(np.nanstd(values)) if shape is None else float(shape.sd)
        kept = _kept(card, frame, m, values, targets, frozenset(measurements) - keys)
        margins, tests = kept or ((), ())
        return Movable(
            m.strata if kept is None else m.margins,
            kept is not None,
            m.low,
            m.high,
            float(m.column.step or 0),
            spread,
            margins,
            tests,
            None if shape is None else (shape.family, float(shape.mean), float(shape.sd)),
        )
    column = card.columns[key]
    n = frame.cohort.tables[column.unit].n
    strata = np.full(n, -1)
    if isinstance(column, BinaryColumn):
        masks = _counted_with(card, frame, key, targets)
        if column.among:
            masks.append(frame.mask(column.among, column.unit))
        table = np.stack([np.zeros(n, dtype=np.bool_), *masks], axis=1)
        strata = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
    return Movable(strata.astype(np.int64), False, np.zeros(n), np.full(n, np.inf), 1.0, 1.0)


def _kept(
    card: StudyCard,
    frame: Frame,
    measurement: Measurement,
    values: FloatArray,
    targets: Sequence[Target],
    later: frozenset[str],
) -> tuple[tuple[Margin, ...], tuple[Comparison, ...]] | None:
    """What a column's changing values must go on printing; ``None`` where they must stay.

    Targets that also depend on the measurements ``later`` are left to the last moves.
    """
    kept = {one for facts in measurement.facts for one in facts.targets}
    tests = []
    for one in targets:
        quantity = card.quantities[one.quantity]
        needs = columns_read(card, one.quantity)
        if one.id not in kept and measurement.key in needs and not needs & later:
            test = _comparison(card, frame, measurement, one)
            if test is not None:
                tests.append(test)
                continue
            model = card.models.get(str(getattr(quantity.analysis, "model", None)))
            if not isinstance(model, LogisticModel):
                return None
            places = [card.populations[p].where for p in (quantity.population, model.population)]
            if measurement.key in {c.column for c in atoms(card, sum(places, model.outcome))}:
                return None
    step = float(measurement.column.step or 0)
    margins = [margin_of(facts, values, step) for facts in measurement.facts]
    sound = [margin for margin in margins if margin is not None]
    return (tuple(sound), tuple(tests)) if len(sound) == len(margins) else None


def _comparison(
    card: StudyCard, frame: Frame, measurement: Measurement, one: Target
) -> Comparison | None:
    """A test of a column between two groups of the skeleton, where a move's effect is foretold."""
    quantity = card.quantities[one.quantity]
    analysis = quantity.analysis
    population = card.populations[quantity.population]
    unit = measurement.column.unit
    if (
        not isinstance(analysis, TwoSampleAnalysis)
        or analysis.test not in FORETOLD
        or analysis.column != measurement.key
        or one.statistic is not Statistic.P_VALUE
        or population.unit != unit
        or {c.column for c in (*population.where, *analysis.group)} - structural_columns(card)
    ):
        return None
    seen = measurement.observed & frame.population(quantity.population)
    seen = seen & frame.known(analysis.group, unit)
    inside = frame.mask(analysis.group, unit)
    first, second = np.flatnonzero(seen & inside), np.flatnonzero(seen & ~inside)
    if min(first.size, second.size) < 2:
        return None
    return Comparison(
        first, second, analysis.test, one, _side(card, measurement.key, analysis, one)
    )


def _side(card: StudyCard, key: str, analysis: TwoSampleAnalysis, one: Target) -> float:
    """On which side a test's difference lies, by the ratio of the column alone, where it is clear.

    1 or -1 where a model of that column only, of the group that the test compares, prints a ratio
    above or below 1; 0 where there is none, or where both are within what chance does.
    """
    if one.low > _CLEAR:
        return 0.0
    for quantity in card.quantities.values():
        if not isinstance(quantity.analysis, TermAnalysis):
            continue
        model = card.models[quantity.analysis.model]
        terms = [term.column for term in model.terms.values()]
        if not isinstance(model, LogisticModel) or terms != [key]:
            continue
        if model.outcome != analysis.group:
            continue
        for statistic, value in quantity.values.items():
            if statistic in RATIOS:
                return float(np.sign(float(value.number.value) - 1.0))
    return 0.0


def _counted_with(
    card: StudyCard, frame: Frame, key: str, targets: Sequence[Target]
) -> list[BoolArray]:
    """What rows must have in common to exchange a yes-or-no value without changing a target.

    Counts of the value want the other conditions of the count alike; anything else that depends on
    who has it (another column's mean among them) wants it to stay where it is.
    """
    unit = card.columns[key].unit
    masks: list[BoolArray] = []
    for name in dict.fromkeys(one.quantity for one in targets):
        quantity = card.quantities[name]
        asked = atoms(card, conditions_of(card, quantity))
        groups = atoms(card, getattr(quantity.analysis, "group", ()))
        mine = getattr(quantity.analysis, "column", None) == key
        if mine or key in {c.column for c in (*asked, *groups)}:
            rest = [c for c in (*asked, *groups) if c.column != key]
            if (not mine and not is_structural(card, quantity)) or not all(
                _is_seen(frame, c, unit) for c in rest
            ):
                masks.append(frame.values(key, unit) == 1)
            masks += [frame.mask((c,), unit) for c in rest if _is_seen(frame, c, unit)]
    return masks


def _is_seen(frame: Frame, condition: Condition, unit: str) -> bool:
    return (
        frame.rows_above(unit, frame.card.columns[condition.column.partition("@")[0]].unit)
        is not None
    )


def _couple_times(
    card: StudyCard,
    columns: dict[str, FloatArray],
    measurements: dict[str, Measurement],
    held: set[str],
    rng: np.random.Generator,
) -> None:
    """Make each time's values follow the unit's latest earlier one."""
    for name, column in card.columns.items():
        if not isinstance(column, NumericColumn) or not column.times:
            continue
        correlation = float(column.correlation or 0)
        last: FloatArray | None = None
        for time in column.times:
            key = f"{name}@{time}"
            if last is not None and key not in held and correlation:
                columns[key] = couple(last, columns[key], measurements[key], correlation, rng)
            now = columns[key]
            last = now.copy() if last is None else np.where(np.isnan(now), last, now)
