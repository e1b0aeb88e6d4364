"""Checks that the names in a card name something: columns, units, populations, models, times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from recohort.card.analyses import GIVES, LogisticModel
from recohort.card.document import Place
from recohort.card.layout import Condition, DerivedColumn, GroupColumn, NumericColumn, Part
from recohort.card.statistic import Statistic
from recohort.card.study import StudyCard
from recohort.card.wording import choices

__all__ = ["Trouble", "check_references"]

Trouble = tuple[Place, str, str]
"""Where, what was found, what was expected."""


def check_references(card: StudyCard) -> Trouble | None:
    """The first name in the card that names nothing, or ``None``."""
    return next(_troubles(card), None)


def _troubles(card: StudyCard) -> Iterator[Trouble]:
    yield from _units(card)
    yield from _columns(card)
    for name, population in card.populations.items():
        yield from _known(("populations", name, "unit"), population.unit, card.units, "a unit")
    yield from _models(card)
    yield from _quantities(card)
    yield from _every_condition_and_column(card)
    ids = [value.id for value in card.values]
    for index, relation in enumerate(card.relations):
        yield from _known(("relations", index, "whole"), relation.whole, ids, "a reported value")
        for position, part in enumerate(relation.parts):
            yield from _known(
                ("relations", index, "parts", position), part, ids, "a reported value"
            )


def _known(place: Place, name: str, there: Iterable[str], what: str) -> Iterator[Trouble]:
    names = list(there)
    if name not in names:
        yield place, f"'{name}'", f"{what} of this card (there are: {choices(names, name)})"


def _units(card: StudyCard) -> Iterator[Trouble]:
    for name, unit in card.units.items():
        if unit.within is None:
            continue
        place = ("units", name, "within")
        yield from _known(place, unit.within, card.units, "a unit")
        seen, above = {name}, unit.within
        while above is not None and above in card.units:
            if above in seen:
                yield place, "units nested in each other in a circle", "a unit further out"
                return
            seen.add(above)
            above = card.units[above].within  # type: ignore[assignment]


def _columns(card: StudyCard) -> Iterator[Trouble]:
    for name, column in card.columns.items():
        here: Place = ("columns", name)
        yield from _known((*here, "unit"), column.unit, card.units, "a unit")
        if isinstance(column, NumericColumn):
            if column.low is not None and column.high is not None and column.low > column.high:
                yield (*here, "low"), f"{column.low} above high {column.high}", "low at most high"
            for time in column.followed:
                yield from _known((*here, "followed", time), time, column.times, "a time")
            for time, followed in column.followed.items():
                if column.unit in card.units and followed > card.units[column.unit].n:
                    yield (
                        (*here, "followed", time),
                        f"{followed} of {card.units[column.unit].n}",
                        "at most the number of units",
                    )
            if isinstance(column.plausible, dict):
                for time in column.plausible:
                    yield from _known((*here, "plausible", time), time, column.times, "a time")
            for index, limit in enumerate(column.limits):
                for time in limit.times:
                    yield from _known(
                        (*here, "limits", index, "times"), time, column.times, "a time"
                    )
        if isinstance(column, GroupColumn) and column.unit in card.units:
            n = card.units[column.unit].n
            if column.groups > n:
                yield (*here, "groups"), f"{column.groups} groups", f"at most the {n} units"
            if column.sizes and (len(column.sizes) != column.groups or sum(column.sizes) != n):
                yield (
                    (*here, "sizes"),
                    f"{len(column.sizes)} sizes that add to {sum(column.sizes)}",
                    f"{column.groups} sizes that add to {n}",
                )
        ones = getattr(column, "ones", None)
        if ones is not None and column.unit in card.units and ones > card.units[column.unit].n:
            yield (*here, "ones"), f"{ones}", f"at most the {card.units[column.unit].n} units"


def _models(card: StudyCard) -> Iterator[Trouble]:
    for name, model in card.models.items():
        here: Place = ("models", name)
        yield from _known((*here, "population"), model.population, card.populations, "a population")
        if model.group is not None:
            groups = [k for k, c in card.columns.items() if isinstance(c, GroupColumn)]
            nested = [k for k, u in card.units.items() if u.within is None]
            allowed = groups if isinstance(model, LogisticModel) else groups + nested
            yield from _known((*here, "group"), model.group, allowed, "a group column")


def _quantities(card: StudyCard) -> Iterator[Trouble]:
    for name, quantity in card.quantities.items():
        here: Place = ("quantities", name)
        analysis = quantity.analysis
        yield from _known(
            (*here, "population"), quantity.population, card.populations, "a population"
        )
        for statistic in quantity.values:
            if statistic not in GIVES[analysis.kind]:
                given = choices([s for s in Statistic if s in GIVES[analysis.kind]], statistic)
                yield (
                    (*here, "values", statistic.value),
                    f"'{statistic}' of an analysis of kind {analysis.kind}",
                    f"one of {given}",
                )
        model = getattr(analysis, "model", None)
        if model is not None:
            yield from _known((*here, "analysis", "model"), model, card.models, "a model")
            term = getattr(analysis, "term", None)
            if term is not None and model in card.models:
                yield from _known(
                    (*here, "analysis", "term"), term, card.models[model].terms, "a term"
                )
        if analysis.kind == "linear_mixed":
            column = card.columns.get(analysis.column)
            if not isinstance(column, NumericColumn) or not column.times:
                yield (
                    (*here, "analysis", "column"),
                    f"'{analysis.column}'",
                    "a numeric column with times",
                )
        if analysis.kind == "parents" and quantity.population in card.populations:
            unit = card.units.get(card.populations[quantity.population].unit)
            if unit is not None and unit.within is None:
                yield (*here, "population"), "a unit that lies in no other", "a nested unit"


_COLUMN_FIELDS = {"column", "other", "baseline", "at", "time"}


def _every_condition_and_column(card: StudyCard) -> Iterator[Trouble]:
    keys = column_keys(card)
    for top in ("columns", "populations", "models", "quantities"):
        for name, part in getattr(card, top).items():
            for place, field, key in _keys_in(part, (top, name)):
                if field == "column" and getattr(part, "analysis", None) is not None:
                    analysis = part.analysis
                    if analysis.kind == "linear_mixed" and place[-2] == "analysis":
                        continue
                if key not in keys:
                    base = key.partition("@")[0]
                    times = [k for k in keys if k.startswith(base + "@")]
                    there = choices(times or keys, key)
                    which = "one of its times" if times else "there are"
                    yield place, f"'{key}'", f"a column of this card ({which}: {there})"
                elif (unit := _unit_of(card, top, part)) is not None:
                    belongs = card.columns[keys[key]].unit
                    around = _around(card, unit)
                    if belongs not in around:
                        yield place, f"'{key}' of unit {belongs}", f"a column of {around[0]}" + (
                            f", or of {' or '.join(around[1:])} around it" if around[1:] else ""
                        )  # fmt: skip
    yield from _circles(card)


def _unit_of(card: StudyCard, top: str, part: Any) -> str | None:
    """The unit whose rows a part of the card speaks of."""
    if top in ("columns", "populations"):
        return str(part.unit)
    population = card.populations.get(part.population)
    return None if population is None else population.unit


def _around(card: StudyCard, unit: str) -> list[str]:
    """A unit and the units that it lies in, outwards."""
    found: list[str] = []
    outer: str | None = unit
    while outer is not None and outer in card.units and outer not in found:
        found.append(outer)
        outer = card.units[outer].within
    return found


def _circles(card: StudyCard) -> Iterator[Trouble]:
    """Columns that wait for each other: a rule or the rows of one needs the values of another."""
    needs: dict[str, set[str]] = {}
    for name, column in card.columns.items():
        conditions = list(column.among)
        if isinstance(column, DerivedColumn):
            conditions += [*column.all_of, *column.any_of]
        needs[name] = {condition.column.partition("@")[0] for condition in conditions}
    for name in needs:
        pending, seen = list(needs[name]), set[str]()
        while pending:
            other = pending.pop()
            if other == name:
                yield ("columns", name), "a column that depends on itself", "other columns"
                return
            if other not in seen:
                seen.add(other)
                pending.extend(needs.get(other, ()))


def column_keys(card: StudyCard) -> dict[str, str]:
    """Every key under which a column's values are held, and the column it belongs to."""
    keys: dict[str, str] = {}
    for name, column in card.columns.items():
        if isinstance(column, NumericColumn) and column.times:
            keys.update({f"{name}@{time}": name for time in column.times})
        else:
            keys[name] = name
    return keys


def _keys_in(part: Any, place: Place) -> Iterator[tuple[Place, str, str]]:
    if isinstance(part, Condition):
        yield (*place, "column"), "condition", part.column
    elif isinstance(part, Part):
        for field in type(part).model_fields:
            value = getattr(part, field)
            if field in _COLUMN_FIELDS and isinstance(value, str):
                yield (*place, field), field, value
            else:
                yield from _keys_in(value, (*place, field))
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _keys_in(value, (*place, key))
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            yield from _keys_in(value, (*place, index))
