"""What the checks need to know of a card: its values by id, and how many a population holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from recohort.audit.finding import Finding
from recohort.audit.naming import Determination
from recohort.audit.rounding import Quotient
from recohort.card.analyses import Accuracy, AccuracyAnalysis
from recohort.card.layout import Condition, DerivedColumn, NumericColumn, Population
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard

__all__ = ["CardFacts", "Collected", "Size", "limits_of"]


@dataclass(frozen=True, slots=True)
class Size:
    """How many units a population holds: a range, and the value that says so, if one does."""

    low: int
    high: int
    id: str | None = None

    @property
    def known(self) -> int | None:
        """The number, where it is one number of at least 1."""
        return self.low if self.low == self.high and self.low > 0 else None


@dataclass
class Collected:
    """What the checks have found so far in one card."""

    findings: list[Finding] = field(default_factory=list)
    determined: dict[str, Determination] = field(default_factory=dict)
    quotients: list[Quotient] = field(default_factory=list)

    def determine(self, determination: Determination) -> None:
        """Keep the first determination of each value."""
        self.determined.setdefault(determination.value, determination)


@dataclass(frozen=True)
class CardFacts:
    """A card under one setting, with the columns' fields that its assumptions fill."""

    card: StudyCard
    assumed: frozenset[tuple[str, str]] = frozenset()
    """(column, model or quantity, field) that an assumption fills: a column's step, its ends, the
    numbers followed; a model's terms; a quantity's analysis."""

    def quantities(self, *kinds: str) -> Iterator[tuple[str, Quantity]]:
        """Quantities of some kinds of analysis that have printed values, by name."""
        for name, quantity in self.card.quantities.items():
            if quantity.values and quantity.analysis.kind in kinds:
                yield name, quantity

    @cached_property
    def sizes_printed(self) -> dict[str, tuple[int, str]]:
        """Population -> its printed number and that value's id."""
        found: dict[str, tuple[int, str]] = {}
        for name, quantity in self.quantities("size"):
            count = self.count(quantity)
            if count is not None:
                found.setdefault(quantity.population, (count, f"{name}.count"))
        # "64 of 74 had pain" gives the size of the population of those who had pain.
        for name, quantity in self.quantities("proportion"):
            count = self.count(quantity)
            base = self.card.populations[quantity.population]
            if count is None or quantity.analysis.kind != "proportion":
                continue
            rows = {*base.where, *quantity.analysis.having}
            for other, population in self.card.populations.items():
                if population.unit == base.unit and set(population.where) == rows:
                    found.setdefault(other, (count, f"{name}.count"))
        return found

    @cached_property
    def _rows_printed(self) -> list[tuple[str, frozenset[Condition], int, str]]:
        """Every printed number of rows: unit, conditions, number, and the value that prints it."""
        found = []
        for population, (n, id) in self.sizes_printed.items():
            item = self.card.populations[population]
            found.append((item.unit, frozenset(item.where), n, id))
        for name, quantity in self.quantities("proportion"):
            count, base = self.count(quantity), self.card.populations[quantity.population]
            if count is not None and quantity.analysis.kind == "proportion":
                rows = frozenset((*base.where, *quantity.analysis.having))
                found.append((base.unit, rows, count, f"{name}.count"))
        return found

    def _rows(self, unit: str, rows: frozenset[Condition]) -> Size | None:
        """The printed number of rows that satisfy all conditions."""
        for other, where, n, id in self._rows_printed:
            if other == unit and where == rows:
                return Size(n, n, id)
        return None

    def unit_size(self, unit: str) -> Size | None:
        """The printed number of all units of a kind, with the value that prints it."""
        for name, population in self.card.populations.items():
            if population.unit == unit and not population.where and name in self.sizes_printed:
                n, id = self.sizes_printed[name]
                return Size(n, n, id)
        return None

    def size(self, quantity: Quantity) -> Size:
        """The number that a quantity is computed on: its denominator, else its population's size.

        A sensitivity is computed on those of the population who have the disease, and so on. Where
        no number is printed, anything up to the number of the population's units.
        """
        population = self.card.populations[quantity.population]
        units = self.card.units[population.unit].n
        printed = self.sizes_printed.get(quantity.population)
        if quantity.denominator.isdigit():
            n = int(quantity.denominator)
            return Size(n, n, self._id_of(n, printed))
        if quantity.denominator == "not_reported":
            return Size(1, units)
        if isinstance(quantity.analysis, AccuracyAnalysis):
            return self._tested(quantity.analysis, population, units)
        if printed is not None:
            return Size(printed[0], printed[0], printed[1])
        if not population.where:
            return Size(units, units)
        return Size(1, units)

    def _tested(self, analysis: AccuracyAnalysis, population: Population, units: int) -> Size:
        """How many an accuracy is computed on: those with or without the disease, or the result."""
        of_disease = analysis.measure in (Accuracy.SENSITIVITY, Accuracy.SPECIFICITY)
        with_it = analysis.measure in (Accuracy.SENSITIVITY, Accuracy.PPV)
        side = analysis.reference if of_disease else analysis.test
        unit, where = population.unit, frozenset(population.where)
        unknown = Size(1, units)
        # A measurement may be missing in some rows, which then count on neither side.
        if any(self._can_be_missing(c.column) for c in (*analysis.test, *analysis.reference)):
            return unknown
        if with_it:
            return self._rows(unit, where | set(side)) or unknown
        if len(side) == 1 and (opposite := side[0].opposite) is not None:
            found = self._rows(unit, where | {opposite})
            if found is not None:
                return found
        part = self._rows(unit, where | set(side))
        return (
            unknown if part is None or where else Size(units - part.low, units - part.low, part.id)
        )

    def _can_be_missing(self, key: str) -> bool:
        """Whether some units need not have a value of a column."""
        column = self.card.columns[key.partition("@")[0]]
        if isinstance(column, DerivedColumn):
            parts = (*column.all_of, *column.any_of)
            return any(self._can_be_missing(condition.column) for condition in parts)
        return isinstance(column, NumericColumn) and bool(column.among or column.followed)

    def _id_of(self, n: int, printed: tuple[int, str] | None) -> str | None:
        if printed is not None and printed[0] == n:
            return printed[1]
        return next((id for value, id in self.sizes_printed.values() if value == n), None)

    def count(self, quantity: Quantity) -> int | None:
        """The printed count, where it is a whole number."""
        reported = quantity.values.get(Statistic.COUNT)
        if reported is None:
            return None
        number = reported.number
        if not number.is_exact or number.value.denominator != 1 or number.value < 0:
            return None
        return int(number.value)

    def is_nested(self, quantity: Quantity) -> bool:
        """Whether the quantity's units lie within others, so that they may be alike."""
        unit = self.card.populations[quantity.population].unit
        return self.card.units[unit].within is not None

    def followed_is_assumed(self, key: str) -> bool:
        """Whether the number observed at a column's time is an assumption."""
        return (key.partition("@")[0], "followed") in self.assumed

    def numeric(self, key: str) -> NumericColumn | None:
        """The numeric column behind a key, or None."""
        column = self.card.columns.get(key.partition("@")[0])
        return column if isinstance(column, NumericColumn) else None


def limits_of(quantity: Quantity) -> Iterator[tuple[float, str, str, Statistic, Statistic]]:
    """Printed intervals: level, lower and upper text, and their statistics."""
    for lower in quantity.values:
        if lower.level is None or not lower.is_lower_limit:
            continue
        upper = Statistic(lower.value.replace("_lower", "_upper"))
        if upper in quantity.values:
            yield (
                lower.level,
                quantity.values[lower].printed,
                quantity.values[upper].printed,
                lower,
                upper,
            )
