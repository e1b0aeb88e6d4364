"""Which columns an estimate is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recohort.card.layout import Condition, DerivedColumn, NumericColumn
from recohort.card.study import StudyCard

__all__ = ["columns_read"]

_KEY_FIELDS = ("column", "other", "baseline", "at", "time")
_CONDITION_FIELDS = ("having", "test", "reference", "outcome", "group", "event")


def columns_read(card: StudyCard, quantity: str) -> set[str]:
    """Every column, at a time where it has times, that the estimate of a quantity is computed from.

    Those that a derived column is computed from count with it; those that decide which rows of a
    column can have a value, and within which bounds, do not.
    """
    item = card.quantities[quantity]
    analysis = item.analysis
    keys = set(_of_conditions(card, card.populations[item.population].where))
    for name in _KEY_FIELDS:
        value = getattr(analysis, name, None)
        if isinstance(value, str):
            keys |= set(_times(card, value))
    for name in _CONDITION_FIELDS:
        value = getattr(analysis, name, None)
        if isinstance(value, tuple):
            keys |= set(_of_conditions(card, value))
    model = card.models.get(str(getattr(analysis, "model", None)))
    if model is not None:
        keys |= {key for term in model.terms.values() for key in _with_parts(card, term.column)}
        keys |= set(_of_conditions(card, model.outcome))
        keys |= set(_of_conditions(card, card.populations[model.population].where))
        more = (getattr(model, "time", None), model.group)
        keys |= {key for key in more if key is not None and key.partition("@")[0] in card.columns}
    return keys


def _of_conditions(card: StudyCard, conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        yield from _with_parts(card, condition.column)


def _with_parts(card: StudyCard, key: str) -> Iterator[str]:
    yield key
    column = card.columns.get(key.partition("@")[0])
    if isinstance(column, DerivedColumn):
        yield from _of_conditions(card, (*column.all_of, *column.any_of))


def _times(card: StudyCard, key: str) -> Iterator[str]:
    """A key, or, of a measure as a whole (as a mixed model takes it), one for each of its times."""
    column = card.columns.get(key)
    if isinstance(column, NumericColumn) and column.times:
        yield from (f"{key}@{time}" for time in column.times)
    else:
        yield from _with_parts(card, key)
