"""One attempt at a cohort: skeleton, measurements, regressions, likeness over time, last moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import Frame
from recohort.card.layout import BinaryColumn, GroupColumn, NumericColumn
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray
from recohort.reconstruct.coupling import couple
from recohort.reconstruct.fill import fill
from recohort.reconstruct.measurement import Measurement, describe, numeric_keys
from recohort.reconstruct.model_block import Movable, block_models, build_block
from recohort.reconstruct.model_moves import associate
from recohort.reconstruct.model_search import SearchEffort, search_models
from recohort.reconstruct.plausible import fallback_shape
from recohort.reconstruct.polish import polish
from recohort.reconstruct.structure import draw_structure, structural_columns
from recohort.reconstruct.target import Target, total_loss, unmet

__all__ = ["Drawn", "Effort", "draw_cohort"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one attempt may look, in counts."""

    models: SearchEffort = field(default_factory=SearchEffort)
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
    card: StudyCard, targets: Sequence[Target], rng: np.random.Generator, effort: Effort
) -> Drawn:
    """Draw a cohort that prints the targets, as nearly as one attempt comes."""
    cohort = draw_structure(card, tuple(targets), rng)
    columns = dict(cohort.columns)
    cohort = Cohort(cohort.tables, columns, cohort.unit_of)
    measurements = _measure(card, cohort, columns, targets, rng)
    held: set[str] = set()
    refits = 0
    for names in block_models(card, targets):
        analyst = Analyst(card, cohort)
        keys = {t.column for name in names for t in card.models[name].terms.values()}
        movable = {key: _movable(card, analyst.frame, key, measurements) for key in keys}
        block = build_block(card, analyst, names, targets, movable)
        associate(block, rng)
        result = search_models(block, rng, effort.models)
        refits += result.refits
        for key, values in zip(block.keys, block.values, strict=True):
            if not isinstance(card.columns[key.partition("@")[0]], GroupColumn):
                columns[key] = values.copy()
        held |= keys
    _couple_times(card, columns, measurements, held, rng)
    fixed = frozenset(held)
    moves = polish(card, cohort, columns, measurements, targets, fixed, rng, effort.polish)
    values = Analyst(card, cohort).reported()
    return Drawn(cohort, values, unmet(targets, values), total_loss(targets, values), refits, moves)


def _measure(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    targets: Sequence[Target],
    rng: np.random.Generator,
) -> dict[str, Measurement]:
    """Give every measurement values that print what was printed of it alone."""
    measurements: dict[str, Measurement] = {}
    order = {name: rng.random(table.n) for name, table in cohort.tables.items()}
    for key, column in _in_order(card):
        frame = Frame(card, cohort)
        measurement = describe(frame, key, targets, order[column.unit])
        columns[key] = fill(measurement, rng)
        measurements[key] = measurement
    return measurements


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
    card: StudyCard, frame: Frame, key: str, measurements: dict[str, Measurement]
) -> Movable:
    """How a predictor may move: measurements by their strata, the rest within the skeleton's."""
    if key in measurements:
        m = measurements[key]
        shape = m.column.plausible_at(m.time) or fallback_shape(m.column)
        return Movable(
            m.strata, m.is_free, m.low, m.high, float(m.column.step or 0), float(shape.sd)
        )
    column = card.columns[key]
    n = frame.cohort.tables[column.unit].n
    structural = structural_columns(card)
    masks = [
        frame.population(name)
        for name, population in card.populations.items()
        if population.unit == column.unit and all(c.column in structural for c in population.where)
    ]
    if isinstance(column, BinaryColumn) and column.among:
        masks.append(frame.mask(column.among, column.unit))
    strata = np.zeros(n, dtype=np.int64)
    if masks:
        strata = np.unique(np.stack(masks, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    if not isinstance(column, BinaryColumn):
        strata = np.full(n, -1)
    return Movable(strata.astype(np.int64), False, np.zeros(n), np.full(n, np.inf), 1.0, 1.0)


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
