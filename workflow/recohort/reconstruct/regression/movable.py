"""How each predictor of a regression may move, given what else was printed of it.

Measurements may move as long as their own margins and tests between two groups go on printing;
yes-or-no columns change places between rows that no printed count tells apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recohort.analysis.frame import BoolArray, Frame
from recohort.card.analyses import LogisticModel, TermAnalysis, TwoSampleAnalysis
from recohort.card.layout import BinaryColumn, Condition
from recohort.card.reads import columns_read
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.regression.block import Movable
from recohort.reconstruct.regression.compare import FORETOLD, Comparison
from recohort.reconstruct.regression.margin import Margin, margin_of
from recohort.reconstruct.regression.targets import RATIOS
from recohort.reconstruct.structure import atoms, conditions_of, is_structural, structural_columns
from recohort.reconstruct.target import Target

__all__ = ["movable_of"]

_CLEAR = 0.5
"""p-values above this do not tell on which side a difference lies."""


def movable_of(
    card: StudyCard,
    frame: Frame,
    key: str,
    measurements: dict[str, Measurement],
    targets: Sequence[Target],
    keys: set[str],
) -> Movable:
    """How a predictor may move: measurements by their strata, the rest within the skeleton's.

    ``keys`` are all predictors that move together with it.
    """
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
