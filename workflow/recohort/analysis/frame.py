"""A cohort seen through its card: columns on any unit's rows, conditions, populations."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recohort.card.layout import Condition, DerivedColumn
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray
from recohort.feasible.variable import Relation

__all__ = ["AnalysisError", "BoolArray", "Frame"]

BoolArray = NDArray[np.bool_]


class AnalysisError(ValueError):
    """An analysis that the card asks for and the cohort's layout cannot give."""


class Frame:
    """Looks columns up in one cohort and remembers what it computed."""

    def __init__(self, card: StudyCard, cohort: Cohort) -> None:
        self.card = card
        self.cohort = cohort
        self._derived: dict[str, FloatArray] = {}
        self._populations: dict[str, BoolArray] = {}

    def rows_above(self, unit: str, ancestor: str) -> IntArray | None:
        """For each row of ``unit`` its row in ``ancestor``; ``None`` when it is no ancestor."""
        rows = np.arange(self.cohort.tables[unit].n)
        here: str | None = unit
        while here is not None and here != ancestor:
            parent = self.cohort.tables[here].parent
            if parent is None:
                return None
            rows = parent[rows]
            here = self.cohort.tables[here].within
        return rows if here == ancestor else None

    def values(self, key: str, unit: str) -> FloatArray:
        """A column's values on the rows of ``unit``: its own, or those of a unit around it.

        Raises:
            AnalysisError: the column belongs to a unit inside ``unit``, or to an unrelated one.
        """
        column = self.card.columns[key.partition("@")[0]]
        values = self._own(key)
        if column.unit == unit:
            return values
        rows = self.rows_above(unit, column.unit)
        if rows is None:
            raise AnalysisError(
                f"column {key} belongs to {column.unit}, which the analysis of {unit} cannot see: "
                f"use a population of {column.unit}"
            )
        return values[rows]

    def _own(self, key: str) -> FloatArray:
        column = self.card.columns[key.partition("@")[0]]
        if not isinstance(column, DerivedColumn):
            return self.cohort.columns[key]
        if key not in self._derived:
            if column.all_of:
                flags = self.mask(column.all_of, column.unit)
            else:
                flags = np.zeros(self.cohort.tables[column.unit].n, dtype=np.bool_)
                for condition in column.any_of:
                    flags |= self.mask((condition,), column.unit)
            self._derived[key] = flags.astype(np.float64)
        return self._derived[key]

    def mask(self, conditions: Iterable[Condition], unit: str) -> BoolArray:
        """Which rows of ``unit`` satisfy every condition (missing values satisfy none)."""
        result = np.ones(self.cohort.tables[unit].n, dtype=np.bool_)
        for condition in conditions:
            result &= compare(
                self.values(condition.column, unit), condition.relation, float(condition.threshold)
            )
        return result

    def known(self, conditions: Iterable[Condition], unit: str) -> BoolArray:
        """Which rows of ``unit`` have a value in every column that the conditions ask for."""
        result = np.ones(self.cohort.tables[unit].n, dtype=np.bool_)
        for condition in conditions:
            result &= ~np.isnan(self.values(condition.column, unit))
        return result

    def population(self, name: str) -> BoolArray:
        """Which rows of its unit a population holds."""
        if name not in self._populations:
            population = self.card.populations[name]
            self._populations[name] = self.mask(population.where, population.unit)
        return self._populations[name]

    def groups(self, key: str, unit: str) -> IntArray:
        """The group of each row of ``unit``: a group column, or a unit around it by its name."""
        if key in self.card.columns:
            return self.values(key, unit).astype(np.int64)
        rows = self.rows_above(unit, key)
        if rows is None:
            raise AnalysisError(f"{key} is neither a column nor a unit around {unit}")
        return rows


def compare(values: FloatArray, relation: Relation, threshold: float) -> BoolArray:
    """Which values stand in a relation to a threshold; NaN never does."""
    match relation:
        case Relation.EQUAL:
            return np.asarray(values == threshold)
        case Relation.AT_MOST:
            return np.asarray(values <= threshold)
        case Relation.BELOW:
            return np.asarray(values < threshold)
        case Relation.AT_LEAST:
            return np.asarray(values >= threshold)
        case Relation.ABOVE:
            return np.asarray(values > threshold)
