"""One attempt at a cohort: skeleton, measurements, regressions, likeness over time, last moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import Frame
from recohort.card.layout import GroupColumn, NumericColumn
from recohort.card.reads import columns_read
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray
from recohort.reconstruct.few_rows.walk import walk_few
from recohort.reconstruct.last_moves.polish import alone, polish
from recohort.reconstruct.margins.coupling import couple
from recohort.reconstruct.margins.fill import fill
from recohort.reconstruct.measurement import Measurement, describe, numeric_keys
from recohort.reconstruct.regression.block import block_models, build_block
from recohort.reconstruct.regression.movable import movable_of
from recohort.reconstruct.regression.moves import associate
from recohort.reconstruct.regression.search import SearchEffort, search_models
from recohort.reconstruct.regression.wander import wander
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.structure import (
    draw_structure,
    structural_columns,
)
from recohort.reconstruct.survival.problem import conditions_on, survival_quantities
from recohort.reconstruct.survival.search import SurvivalEffort, fill_times
from recohort.reconstruct.target import Target, total_loss, unmet

__all__ = ["Drawn", "Effort", "draw_cohort"]

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
        card, cohort, columns, measurements, early, settled, rng, effort.few, stop, coupled=False
    )
    moves += polish(card, cohort, columns, measurements, early, settled, rng, effort.polish, stop)
    held: set[str] = set()
    refits = 0
    for names in block_models(card, targets):
        analyst = Analyst(card, cohort)
        keys = {t.column for name in names for t in card.models[name].terms.values()}
        movable = {
            key: movable_of(card, analyst.frame, key, measurements, targets, keys) for key in keys
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
