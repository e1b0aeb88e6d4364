"""What a card's printed numbers fix: counts, means and SDs of which rows, alone or taken together.

Rows are meant by conditions with all that these imply. What is printed of parts that are counted
holds for the whole, and of a whole and one part for the other part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from recohort.card.analyses import (
    Accuracy,
    AccuracyAnalysis,
    AucAnalysis,
    ChangeAnalysis,
    LocationAnalysis,
    PairedAnalysis,
    ProportionAnalysis,
    SummaryAnalysis,
    TwoSampleAnalysis,
)
from recohort.card.layout import BinaryColumn, Condition, DerivedColumn, NumericColumn
from recohort.card.statistic import Statistic
from recohort.card.study import Quantity, StudyCard, ValueRef
from recohort.cohort import Relation
from recohort.printed import Printed

__all__ = ["COUNTS", "MEAN", "MEDIAN", "SD", "T_TESTS", "Known", "Rows", "turned"]

Rows = frozenset[str]
"""Conditions, each as text, that together say which rows of a unit are meant."""

COUNTS = {Statistic.COUNT, Statistic.PERCENT}
MEAN = frozenset({Statistic.MEAN})
MEDIAN = frozenset({Statistic.MEDIAN})
SD = frozenset({Statistic.SD, Statistic.SE})
T_TESTS = {"student_t", "welch_t"}
_DEPTH = 2


class Known:
    """What printed numbers fix, and of which rows; prepared once a card.

    ``held_out`` names the values held out: they fix nothing.
    """

    def __init__(self, card: StudyCard, held_out: Collection[str]) -> None:
        self.card = card
        self.counts: set[tuple[str, Rows]] = {(unit, frozenset()) for unit in card.units}
        """The units and rows of which the number is known."""
        self.rough_counts: set[tuple[str, Rows]] = set()
        """Those of which a percentage is printed that several counts print."""
        self.t_tests: set[tuple[str, Rows, Rows]] = set()
        """Columns and the two groups that a printed t-test compares, either way round."""
        self.changes: set[tuple[str, str, Rows]] = set()
        """Two columns of which the change of means is printed, either way round."""
        self.paired_ts: set[tuple[str, str, Rows]] = set()
        """Two columns that a printed paired t-test compares, either way round."""
        self.printed: dict[str, set[Statistic]] = {}
        """The statistics printed of each quantity."""
        self._facts: set[tuple[str, Rows, Statistic]] = set()
        self._sizes = {(name, Rows()): unit.n for name, unit in card.units.items()}
        self._areas: set[tuple[str, Rows, Rows]] = set()
        self._splits = sorted(name for name, c in card.columns.items() if _is_yes_or_no(c))
        # A bound, such as p < 0.001, fixes nothing.
        taken = [v for v in card.values if v.id not in held_out and v.number.is_exact]
        for value in taken:
            if value.statistic is Statistic.COUNT:
                self._sizes |= {
                    (unit, rows): int(value.number.value)
                    for unit, rows in self.counted_rows(card.quantities[value.quantity])
                }
        for value in taken:
            self.printed.setdefault(value.quantity, set()).add(value.statistic)
            self._take(card.quantities[value.quantity], value)

    def _take(self, item: Quantity, value: ValueRef) -> None:
        """Note what an imposed value fixes."""
        _, rows = self.rows(item)
        analysis, statistic = item.analysis, value.statistic
        if statistic in COUNTS:
            exact = statistic is Statistic.COUNT or self._has_one_count(item, value.number)
            (self.counts if exact else self.rough_counts).update(self.counted_rows(item))
        match analysis:
            case SummaryAnalysis():
                self._facts.add((analysis.column, self.of(analysis.column, rows), statistic))
            case LocationAnalysis():
                found = Statistic(str(analysis.by))
                self._facts.add((analysis.column, self.of(analysis.column, rows), found))
            case TwoSampleAnalysis() if statistic is Statistic.P_VALUE:
                if str(analysis.test) in T_TESTS and len(analysis.group) == 1:
                    one = rows | self.conditions(analysis.group)
                    other = rows | {turned(str(analysis.group[0]))}
                    self.t_tests |= {(analysis.column, one, other), (analysis.column, other, one)}
            case AucAnalysis() if statistic is Statistic.AUC and analysis.column is not None:
                if analysis.higher_means_outcome:
                    outcome = self.conditions(analysis.outcome)
                    self._areas.add((analysis.column, self.of(analysis.column, rows), outcome))
            case ChangeAnalysis() | PairedAnalysis():
                keys = (analysis.column, analysis.baseline)
                if not self.same_people(keys, rows):
                    return
                of, test = (str(getattr(analysis, name, "")) for name in ("of", "test"))
                if of == "of_means" or statistic is Statistic.DIFFERENCE:
                    self.changes |= {(*keys, rows), (*keys[::-1], rows)}
                elif test == "paired_t" and statistic is Statistic.P_VALUE:
                    self.paired_ts |= {(*keys, rows), (*keys[::-1], rows)}

    def counted_rows(self, item: Quantity) -> list[tuple[str, Rows]]:
        """What a count or a percentage of a quantity counts."""
        unit, rows = self.rows(item)
        match item.analysis:
            case ProportionAnalysis():
                return [(unit, rows | self.conditions(item.analysis.having))]
            case AccuracyAnalysis():
                return [(unit, counted) for counted in self.accuracy(item.analysis, rows)]
        return [(unit, rows)] if item.analysis.kind == "size" else []

    def _has_one_count(self, item: Quantity, printed: Printed) -> bool:
        """Whether only one count prints a percentage; of a whole as large as it can be."""
        unit, rows = self.base(item)
        return self._most(unit, rows) * float(printed.unit) < 100.0

    def base(self, item: Quantity) -> tuple[str, Rows]:
        """Of whom a percentage is taken; of more where conditions cannot say it."""
        unit, rows = self.rows(item)
        if not isinstance(item.analysis, AccuracyAnalysis):
            return unit, rows
        measure = item.analysis.measure
        of_test = measure in (Accuracy.PPV, Accuracy.NPV)
        side = item.analysis.test if of_test else item.analysis.reference
        if measure in (Accuracy.SENSITIVITY, Accuracy.PPV):
            return unit, rows | self.conditions(side)
        other = turned(str(side[0])) if len(side) == 1 else ""
        return unit, rows | ({other} if other else set())

    def _most(self, unit: str, rows: Rows) -> int:
        """How many there are in some rows, or the fewest known to hold them all."""
        found = [size for (of, where), size in self._sizes.items() if of == unit and where <= rows]
        for text in rows:
            whole, other = rows - {text}, (rows - {text}) | {turned(text)}
            if (unit, whole) in self._sizes and (unit, other) in self._sizes:
                found.append(self._sizes[unit, whole] - self._sizes[unit, other])
        return min(found)

    # Which rows are meant.

    def conditions(self, conditions: Iterable[Condition]) -> Rows:
        """Conditions with all that they imply: who can have the column, and what derives it."""
        found: set[str] = set()
        pending = list(conditions)
        while pending:
            one = pending.pop()
            text = str(one)
            if text in found:
                continue
            found.add(text)
            column = self.card.columns.get(one.column.partition("@")[0])
            if column is None:
                continue
            zero = one.relation is Relation.EQUAL and one.threshold == 0
            if isinstance(column, NumericColumn) or not zero:
                pending.extend(column.among)
            if isinstance(column, DerivedColumn) and not zero:
                pending.extend(column.all_of)
        return frozenset(found)

    def rows(self, item: Quantity) -> tuple[str, Rows]:
        population = self.card.populations[item.population]
        return population.unit, self.conditions(population.where)

    def of(self, key: str, rows: Rows) -> Rows:
        column = self.card.columns.get(key.partition("@")[0])
        return rows if column is None else rows | self.conditions(column.among)

    def measured(self, key: str, rows: Rows) -> tuple[Rows, int | None]:
        """Who can have a value, and how many of them were followed; ``None`` for all."""
        name, _, time = key.partition("@")
        return self.of(key, rows), getattr(self.card.columns.get(name), "followed", {}).get(time)

    def same_people(self, keys: tuple[str, str], rows: Rows) -> bool:
        """Whether two columns are of the same people."""
        return self.measured(keys[0], rows) == self.measured(keys[1], rows)

    def accuracy(self, analysis: AccuracyAnalysis, rows: Rows) -> tuple[Rows, ...]:
        """The rows counted by a diagnostic measure, where conditions can say them."""
        positive = analysis.measure in (Accuracy.SENSITIVITY, Accuracy.PPV)
        both = (analysis.test, analysis.reference)
        if positive:
            return (rows | self.conditions(both[0]) | self.conditions(both[1]),)
        others = [turned(str(side[0])) for side in both if len(side) == 1]
        return (rows | frozenset(others),) if len(others) == 2 and all(others) else ()

    # What is fixed by printed numbers.

    def _follows(
        self, known: Callable[[Rows], bool], rows: Rows, depth: int = _DEPTH, weighed: str = ""
    ) -> bool:
        """Whether something is known of some rows: itself, by parts, or by the whole and a part.

        ``weighed`` names the unit of which parts must be counted to know a whole.
        """
        if known(rows):
            return True
        if depth == 0:
            return False
        for name in self._splits:
            one, zero = f"{name} = 1", f"{name} = 0"
            whole = rows - {one, zero}
            parts = (whole | {one}, whole | {zero})
            needed = parts
            if rows in parts:
                needed = (whole, parts[1] if one in rows else parts[0])
            if weighed and not all(self.counted(weighed, part) for part in parts):
                continue
            if all(self._follows(known, r, depth - 1, weighed) for r in needed):
                return True
        return False

    def has(self, key: str, rows: Rows, any_of: Iterable[Statistic]) -> bool:
        wanted = tuple(any_of)
        rows, followed = self.measured(key, rows)
        # How many of each part were followed is not known.
        depth = _DEPTH if followed is None else 0
        column = self.card.columns.get(key.partition("@")[0])
        return self._follows(
            lambda r: any((key, r, s) in self._facts for s in wanted), rows, depth,
            "" if column is None else column.unit,
        )  # fmt: skip

    def moments(self, key: str, rows: Rows) -> bool:
        return self.has(key, rows, MEAN) and self.has(key, rows, SD)

    def speaks_of(self, key: str, rows: Rows) -> bool:
        """Whether anything printed says where a measurement lies in some rows."""
        return self.has(key, rows, (*MEAN, *MEDIAN))

    def counted(self, unit: str, rows: Rows, roughly: bool = False) -> bool:
        """Whether a count of rows is known; ``roughly``: percentages of several counts will do."""
        known = self.counts | self.rough_counts if roughly else self.counts
        return self._follows(lambda r: (unit, r) in known, rows)

    def has_area(self, key: str, rows: Rows, outcome: tuple[Condition, ...]) -> bool:
        """Whether a measurement's area under the curve is printed."""
        return (key, self.of(key, rows), self.conditions(outcome)) in self._areas


def _is_yes_or_no(column: object) -> bool:
    return isinstance(column, BinaryColumn | DerivedColumn)


def turned(text: str) -> str:
    """The opposite of a yes-or-no condition; empty where there is none."""
    if text.endswith(" = 1"):
        return f"{text[:-1]}0"
    return f"{text[:-1]}1" if text.endswith(" = 0") else ""
