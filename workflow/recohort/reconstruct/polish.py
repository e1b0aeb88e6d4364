"""Small moves of measurements until the remaining targets print: changes, tests, survival rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.card.layout import Condition, DerivedColumn
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.plausible import to_grid
from recohort.reconstruct.target import Target

__all__ = ["keys_of", "polish"]

_KEY_FIELDS = ("column", "other", "baseline", "at", "time")
_CONDITION_FIELDS = ("having", "test", "reference", "outcome", "group", "event")


def _condition_keys(card: StudyCard, conditions: Sequence[Condition]) -> set[str]:
    keys: set[str] = set()
    for condition in conditions:
        keys.add(condition.column)
        column = card.columns.get(condition.column.partition("@")[0])
        if isinstance(column, DerivedColumn):
            keys |= _condition_keys(card, (*column.all_of, *column.any_of))
    return keys


def keys_of(card: StudyCard, quantity: str) -> set[str]:
    """Every column key that a quantity's estimate depends on."""
    item = card.quantities[quantity]
    analysis = item.analysis
    keys = _condition_keys(card, card.populations[item.population].where)
    for name in _KEY_FIELDS:
        value = getattr(analysis, name, None)
        if isinstance(value, str):
            keys.add(value)
    for name in _CONDITION_FIELDS:
        value = getattr(analysis, name, None)
        if isinstance(value, tuple):
            keys |= _condition_keys(card, value)
    model = card.models.get(str(getattr(analysis, "model", None)))
    if model is not None:
        keys |= {term.column for term in model.terms.values()}
        keys |= _condition_keys(card, model.outcome)
        keys |= _condition_keys(card, card.populations[model.population].where)
        if hasattr(model, "time"):
            keys.add(model.time)
    return keys


def polish(
    card: StudyCard,
    cohort: Cohort,
    columns: dict[str, FloatArray],
    measurements: Mapping[str, Measurement],
    targets: Sequence[Target],
    held: frozenset[str],
    rng: np.random.Generator,
    steps: int,
) -> int:
    """Improve a cohort's columns in place; returns the number of moves tried.

    Values change places within strata, or, where nothing was printed of their distribution, take
    new values on their grid. Keys in ``held`` stay. A move is kept when the targets that depend on
    its key come no further from printing.
    """
    depends = {t.quantity: keys_of(card, t.quantity) for t in targets}
    by_quantity: dict[str, list[Target]] = {}
    for one in targets:
        by_quantity.setdefault(one.quantity, []).append(one)

    def losses(names: Sequence[str]) -> dict[str, float]:
        analyst = Analyst(card, cohort)
        found = {}
        for name in names:
            values = analyst.estimates(name).values
            found[name] = sum(
                t.loss(values.get(t.statistic, float("nan"))) for t in by_quantity[name]
            )
        return found

    current = losses(sorted(by_quantity))
    tried = 0
    hopeless: dict[str, int] = {}
    while tried < steps:
        open_ = [q for q in by_quantity if current[q] > 0 and hopeless.get(q, 0) < 400]
        movable = sorted(
            {k for q in open_ for k in depends[q] if k in measurements and k not in held}
        )
        if not movable:
            break
        tried += 1
        key = movable[int(rng.integers(len(movable)))]
        mine = [q for q in open_ if key in depends[q]]
        touched = sorted(q for q in by_quantity if key in depends[q])
        old = columns[key]
        new = _moved(old, measurements[key], rng)
        if new is None:
            for name in mine:
                hopeless[name] = hopeless.get(name, 0) + 1
            continue
        columns[key] = new
        changed = losses(touched)
        gain = sum(current[name] - loss for name, loss in changed.items())
        if gain < 0:
            columns[key] = old
        else:
            current.update(changed)
        for name in mine:
            hopeless[name] = 0 if gain > 1e-6 else hopeless.get(name, 0) + 1
    return tried


def _moved(
    values: FloatArray, measurement: Measurement, rng: np.random.Generator
) -> FloatArray | None:
    """One random move of a key's values, or ``None`` when the draw gives none."""
    seen = np.flatnonzero(measurement.strata >= 0)
    if seen.size < 2:
        return None
    step = float(measurement.column.step or 0)
    kind = rng.random()
    if measurement.is_free and kind < 0.7:
        new = values.copy()
        spread = float(np.std(values[seen])) or max(step, 1e-6)
        if kind < 0.25:
            # All values together: nearer to, or further from, the lower end of their range.
            factor = float(np.exp(rng.normal() * 10.0 ** rng.uniform(-3.0, -0.7)))
            rows, moved = seen, values[seen] * factor
        else:
            rows = seen[rng.integers(seen.size, size=1 + int(rng.integers(3)))]
            size = spread * 10.0 ** rng.uniform(-2.0, 0.3)
            moved = values[rows] + size * rng.standard_normal(rows.size)
        new[rows] = to_grid(moved, step, measurement.low[rows], measurement.high[rows])
        return None if np.array_equal(new, values, equal_nan=True) else new
    first = int(seen[rng.integers(seen.size)])
    twins = np.flatnonzero(measurement.strata == measurement.strata[first])
    second = int(twins[rng.integers(twins.size)])
    if values[first] == values[second]:
        return None
    if not (
        measurement.low[first] <= values[second] <= measurement.high[first]
        and measurement.low[second] <= values[first] <= measurement.high[second]
    ):
        return None
    new = values.copy()
    new[[first, second]] = new[[second, first]]
    return new
