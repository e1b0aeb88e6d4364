"""What a held-out number rests on that nothing printed fixes.

Conditioned cohorts need more than what was printed: the shape of a measurement, how alike one
unit's values are over time, how many have what nobody counted, that groups are alike where nothing
tells them apart. A card's author guesses these. A number that lies outside the cohorts' spread
because such a guess is wrong is no error of the paper, so it must not be called one.

A number rests on no guess where it follows from printed counts: a percentage from its count, a
specificity from totals and the sensitivity. It rests on rounding alone where it follows but for
that: the mean of all from those of the parts, a t-test from means, SDs and numbers, a limit of a
ratio, an area or a survival rate from that and the other limit. A two-sided p does not say which of
two is the higher, so what takes that rests on a guess besides. Everything else (medians from
means, areas under curves, rank tests, survival rates) rests on a shape, and changes within units
rest on a likeness as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from recohort.card.analyses import (
    Accuracy,
    AccuracyAnalysis,
    AucAnalysis,
    AucDifferenceAnalysis,
    AucInterval,
    CalibrationAnalysis,
    ChangeAnalysis,
    FollowUpAnalysis,
    KaplanMeierAnalysis,
    LinearMixedAnalysis,
    LocationAnalysis,
    OptimismAnalysis,
    PairedAnalysis,
    ProportionAnalysis,
    RatioInterval,
    RatioTest,
    SummaryAnalysis,
    TermAnalysis,
    TwoSampleAnalysis,
)
from recohort.card.document import Place
from recohort.card.layout import BinaryColumn, Condition, DerivedColumn, NumericColumn
from recohort.card.loader import CardFile
from recohort.card.statistic import Role, Statistic
from recohort.card.study import Quantity, ValueRef
from recohort.cohort import Relation
from recohort.compare.guess import (
    ROUNDED,
    SEVERAL_COUNTS,
    SIDE_OF_ONE,
    Guess,
    GuessKind,
    by_two,
    label_of,
    likeness,
)
from recohort.printed import Printed

__all__ = ["Grounds"]

Rows = frozenset[str]
"""Conditions, each as text, that together say which rows of a unit are meant."""

_DEPTH = 2
_MEAN = frozenset({Statistic.MEAN})
_MEDIAN = frozenset({Statistic.MEDIAN})
_SD = frozenset({Statistic.SD, Statistic.SE})
_LIMITS = {statistic for statistic in Statistic if statistic.level is not None}
_COUNTS = {Statistic.COUNT, Statistic.PERCENT}
_COUNTING_TESTS = {"chi_square", "chi_square_yates", "fisher"}
_T_TESTS = {"student_t", "welch_t"}
_RANK_TESTS = {"mann_whitney", "mann_whitney_exact"}
_FINE = 50
"""A scale of so many steps has few ties."""


class Grounds:
    """What one card's held-out values rest on besides its imposed ones; prepared once a card.

    ``held_out`` names the values held out; without it, those are that the card holds out.
    """

    def __init__(self, card_file: CardFile, held_out: Collection[str] | None = None) -> None:
        card = self.card = card_file.base
        self._uses = card_file.uses
        if held_out is None:
            held_out = {value.id for value in card.values if value.role is Role.HELD_OUT}
        self._facts: set[tuple[str, Rows, Statistic]] = set()
        self._counts: set[tuple[str, Rows]] = {(unit, frozenset()) for unit in card.units}
        self._rough_counts: set[tuple[str, Rows]] = set()
        self._sizes = {(name, Rows()): unit.n for name, unit in card.units.items()}
        self._t_tests: set[tuple[str, Rows, Rows]] = set()
        self._changes: set[tuple[str, str, Rows]] = set()
        self._paired_ts: set[tuple[str, str, Rows]] = set()
        self._areas: set[tuple[str, Rows, Rows]] = set()
        self._printed: dict[str, set[Statistic]] = {}
        self._splits = sorted(name for name, c in card.columns.items() if _is_yes_or_no(c))
        # A bound, such as p < 0.001, fixes nothing.
        taken = [v for v in card.values if v.id not in held_out and v.number.is_exact]
        for value in taken:
            if value.statistic is Statistic.COUNT:
                self._sizes |= {
                    (unit, rows): int(value.number.value)
                    for unit, rows in self._counted_rows(card.quantities[value.quantity])
                }
        for value in taken:
            self._printed.setdefault(value.quantity, set()).add(value.statistic)
            self._take(card.quantities[value.quantity], value)

    def _take(self, item: Quantity, value: ValueRef) -> None:
        """Note what an imposed value fixes."""
        _, rows = self._rows(item)
        analysis, statistic = item.analysis, value.statistic
        if statistic in _COUNTS:
            exact = statistic is Statistic.COUNT or self._has_one_count(item, value.number)
            (self._counts if exact else self._rough_counts).update(self._counted_rows(item))
        match analysis:
            case SummaryAnalysis():
                self._facts.add((analysis.column, self._of(analysis.column, rows), statistic))
            case LocationAnalysis():
                found = Statistic(str(analysis.by))
                self._facts.add((analysis.column, self._of(analysis.column, rows), found))
            case TwoSampleAnalysis() if statistic is Statistic.P_VALUE:
                if str(analysis.test) in _T_TESTS and len(analysis.group) == 1:
                    one = rows | self._conditions(analysis.group)
                    other = rows | {_turned(str(analysis.group[0]))}
                    self._t_tests |= {(analysis.column, one, other), (analysis.column, other, one)}
            case AucAnalysis() if statistic is Statistic.AUC and analysis.column is not None:
                if analysis.higher_means_outcome:
                    outcome = self._conditions(analysis.outcome)
                    self._areas.add((analysis.column, self._of(analysis.column, rows), outcome))
            case ChangeAnalysis() | PairedAnalysis():
                keys = (analysis.column, analysis.baseline)
                if self._left(keys, rows):
                    return
                of, test = (str(getattr(analysis, name, "")) for name in ("of", "test"))
                if of == "of_means" or statistic is Statistic.DIFFERENCE:
                    self._changes |= {(*keys, rows), (*keys[::-1], rows)}
                elif test == "paired_t" and statistic is Statistic.P_VALUE:
                    self._paired_ts |= {(*keys, rows), (*keys[::-1], rows)}

    def _counted_rows(self, item: Quantity) -> list[tuple[str, Rows]]:
        """What a count or a percentage of a quantity counts."""
        unit, rows = self._rows(item)
        match item.analysis:
            case ProportionAnalysis():
                return [(unit, rows | self._conditions(item.analysis.having))]
            case AccuracyAnalysis():
                return [(unit, counted) for counted in self._accuracy(item.analysis, rows)]
        return [(unit, rows)] if item.analysis.kind == "size" else []

    def _has_one_count(self, item: Quantity, printed: Printed) -> bool:
        """Whether only one count prints a percentage; of a whole as large as it can be."""
        unit, rows = self._base(item)
        return self._most(unit, rows) * float(printed.unit) < 100.0

    def _base(self, item: Quantity) -> tuple[str, Rows]:
        """Of whom a percentage is taken; of more where conditions cannot say it."""
        unit, rows = self._rows(item)
        if not isinstance(item.analysis, AccuracyAnalysis):
            return unit, rows
        measure = item.analysis.measure
        of_test = measure in (Accuracy.PPV, Accuracy.NPV)
        side = item.analysis.test if of_test else item.analysis.reference
        if measure in (Accuracy.SENSITIVITY, Accuracy.PPV):
            return unit, rows | self._conditions(side)
        turned = _turned(str(side[0])) if len(side) == 1 else ""
        return unit, rows | ({turned} if turned else set())

    def _most(self, unit: str, rows: Rows) -> int:
        """How many there are in some rows, or the fewest known to hold them all."""
        found = [size for (of, where), size in self._sizes.items() if of == unit and where <= rows]
        for text in rows:
            whole, other = rows - {text}, (rows - {text}) | {_turned(text)}
            if (unit, whole) in self._sizes and (unit, other) in self._sizes:
                found.append(self._sizes[unit, whole] - self._sizes[unit, other])
        return min(found)

    # Which rows are meant.

    def _conditions(self, conditions: Iterable[Condition]) -> Rows:
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

    def _rows(self, item: Quantity) -> tuple[str, Rows]:
        population = self.card.populations[item.population]
        return population.unit, self._conditions(population.where)

    def _of(self, key: str, rows: Rows) -> Rows:
        column = self.card.columns.get(key.partition("@")[0])
        return rows if column is None else rows | self._conditions(column.among)

    def _measured(self, key: str, rows: Rows) -> tuple[Rows, int | None]:
        """Who can have a value, and how many of them were followed; ``None`` for all."""
        name, _, time = key.partition("@")
        return self._of(key, rows), getattr(self.card.columns.get(name), "followed", {}).get(time)

    def _left(self, keys: tuple[str, str], rows: Rows) -> list[Guess]:
        """That those measured twice are like those measured once; empty where all are the same.

        Printed numbers of one time are then of other people than a change is.
        """
        first, second = (self._measured(key, rows) for key in keys)
        if first == second:
            return []
        label = label_of(self.card, keys[0])
        return [
            Guess(
                GuessKind.DIFFERENCE, f"whether those with no {label} are like those who have it",
                f"What were the values before of those whose {label} is known?",
            )
        ]  # fmt: skip

    def _seen(self, key: str, unit: str, rows: Rows) -> list[Guess]:
        """Guesses behind how many of some rows have a value."""
        eligible, followed = self._measured(key, rows)
        if followed is None:
            return self._number(unit, eligible)
        if eligible == self._of(key, frozenset()):
            return []
        label = label_of(self.card, key)
        told = f"how many of those with {label} are in each group"
        return [Guess(GuessKind.NUMBER, told, f"How many of each group have {label}?")]

    def _accuracy(self, analysis: AccuracyAnalysis, rows: Rows) -> tuple[Rows, ...]:
        """The rows counted by a diagnostic measure, where conditions can say them."""
        positive = analysis.measure in (Accuracy.SENSITIVITY, Accuracy.PPV)
        both = (analysis.test, analysis.reference)
        if positive:
            return (rows | self._conditions(both[0]) | self._conditions(both[1]),)
        turned = [_turned(str(side[0])) for side in both if len(side) == 1]
        return (rows | frozenset(turned),) if len(turned) == 2 and all(turned) else ()

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
            if weighed and not all(self._counted(weighed, part) for part in parts):
                continue
            if all(self._follows(known, r, depth - 1, weighed) for r in needed):
                return True
        return False

    def _has(self, key: str, rows: Rows, any_of: Iterable[Statistic]) -> bool:
        wanted = tuple(any_of)
        rows, followed = self._measured(key, rows)
        # How many of each part were followed is not known.
        depth = _DEPTH if followed is None else 0
        column = self.card.columns.get(key.partition("@")[0])
        return self._follows(
            lambda r: any((key, r, s) in self._facts for s in wanted), rows, depth,
            "" if column is None else column.unit,
        )  # fmt: skip

    def _moments(self, key: str, rows: Rows) -> bool:
        return self._has(key, rows, _MEAN) and self._has(key, rows, _SD)

    def _speaks_of(self, key: str, rows: Rows) -> bool:
        """Whether anything printed says where a measurement lies in some rows."""
        return self._has(key, rows, (*_MEAN, *_MEDIAN))

    def _counted(self, unit: str, rows: Rows, roughly: bool = False) -> bool:
        """Whether a count of rows is known; ``roughly``: percentages of several counts will do."""
        known = self._counts | self._rough_counts if roughly else self._counts
        return self._follows(lambda r: (unit, r) in known, rows)

    def _has_area(self, key: str, rows: Rows, outcome: tuple[Condition, ...]) -> bool:
        """Whether a measurement's area under the curve is printed."""
        return (key, self._of(key, rows), self._conditions(outcome)) in self._areas

    # The guesses.

    def of(self, value: ValueRef) -> tuple[tuple[Guess, tuple[str, ...]], ...]:
        """The guesses that a held-out value rests on; empty where printed numbers fix it.

        Each comes with the names of the assumptions that stand in its place on the card.
        """
        item = self.card.quantities[value.quantity]
        beside = self._printed.get(value.quantity, set()) - {value.statistic}
        found = dict.fromkeys(self._guesses(item, value.statistic, beside))
        return tuple((guess, self._assumed(guess)) for guess in found)

    def _assumed(self, guess: Guess) -> tuple[str, ...]:
        return tuple(
            name
            for name, uses in self._uses.items()
            if any(
                use[: len(place)] == place or place[: len(use)] == use
                for use in uses
                for place in guess.places
            )
        )

    def _guesses(self, item: Quantity, statistic: Statistic, beside: set[Statistic]) -> list[Guess]:
        unit, rows = self._rows(item)
        analysis = item.analysis
        match analysis:
            case ProportionAnalysis() | AccuracyAnalysis() if beside & _COUNTS:
                several = self._rough_counts - self._counts
                rough = several.intersection(self._counted_rows(item))
                if rough and Statistic.COUNT not in beside:
                    return [SEVERAL_COUNTS]
                return [] if beside >= _COUNTS else self._number(*self._base(item))
            case ProportionAnalysis():
                return self._number(unit, rows | self._conditions(analysis.having))
            case AccuracyAnalysis():
                counted = self._accuracy(analysis, rows)
                sides = self._conditions((*analysis.test, *analysis.reference))
                return self._number(unit, counted[0] if counted else rows | sides)
            case SummaryAnalysis() | LocationAnalysis():
                found = self._summary(analysis.column, rows, statistic, beside)
                of_number = statistic in _SD and beside & _SD
                return [*found, *self._seen(analysis.column, unit, rows)] if of_number else found
            case ChangeAnalysis():
                return self._change(analysis, rows)
            case LinearMixedAnalysis() | AucDifferenceAnalysis() if len(beside) >= 2:
                return by_two(beside)
            case PairedAnalysis() | LinearMixedAnalysis():
                return self._paired(analysis, rows, statistic)
            case TwoSampleAnalysis():
                return self._two_sample(analysis, unit, rows, statistic)
            case TermAnalysis():
                return self._term(analysis, beside)
            case AucAnalysis():
                return self._auc(analysis, unit, rows, beside)
            case AucDifferenceAnalysis():
                keys = (analysis.column, analysis.other)
                known = all(self._has_area(key, rows, analysis.outcome) for key in keys)
                if known and statistic is Statistic.DIFFERENCE and not self._left(keys, rows):
                    return [ROUNDED]
                return [likeness(self.card, *keys), *(self._shape(key) for key in keys)]
            case KaplanMeierAnalysis() if len(beside) >= 2:
                # Rate and limits: two give the standard error and with it the third.
                return [ROUNDED]
            case KaplanMeierAnalysis() | FollowUpAnalysis():
                return [self._shape(analysis.time)]
            case OptimismAnalysis():
                return [self._shape(analysis.column)]
            case CalibrationAnalysis():
                terms = self.card.models[analysis.model].terms.values()
                return [self._shape(t.column) for t in terms]
        if analysis.kind == "parents" and not beside:
            label = self.card.units[unit].label.lower()
            return [Guess(GuessKind.NUMBER, f"how {label} cluster", "How many units have them?")]
        return []

    def _shape(self, key: str) -> Guess:
        name, _, time = key.partition("@")
        label = label_of(self.card, key)
        column = self.card.columns.get(name)
        if not isinstance(column, NumericColumn):
            return Guess(
                GuessKind.DIFFERENCE, f"how {label} goes with the outcome",
                f"How often is {label} found with and without the outcome?",
            )  # fmt: skip
        place: Place = ("columns", name, "plausible")
        return Guess(
            GuessKind.SHAPE, f"the assumed shape of {label}",
            f"How is {label} distributed (mean, SD, median, quartiles, range)?",
            (place, (*place, time)) if time else (place,),
        )  # fmt: skip

    def _difference(self, key: str, group: str) -> Guess:
        label = label_of(self.card, key)
        return Guess(
            GuessKind.DIFFERENCE, f"how {label} differs by {group}, of which nothing is printed",
            f"What is {label} in each group?",
        )  # fmt: skip

    def _number(self, unit: str, rows: Rows) -> list[Guess]:
        """Guesses behind a count of rows."""
        if self._counted(unit, rows):
            return []
        if self._counted(unit, rows, roughly=True):
            return [SEVERAL_COUNTS]
        found: list[Guess] = []
        loose: list[str] = []
        for text in sorted(rows):
            key = text.partition(" ")[0]
            name = key.partition("@")[0]
            column = self.card.columns.get(name)
            if isinstance(column, NumericColumn):
                found.append(self._shape(key))
            elif isinstance(column, BinaryColumn) and not any(
                _counts_alone(r, text, self._conditions(column.among))
                for u, r in self._counts
                if u == unit
            ):
                label = label_of(self.card, name)
                places: tuple[Place, ...] = tuple(
                    ("columns", name, part) for part in ("prevalence", "ones")
                )
                found.append(
                    Guess(
                        GuessKind.NUMBER, f"the assumed number with {label}",
                        f"How many have {label}?", places,
                    )
                )  # fmt: skip
            else:
                loose.append(label_of(self.card, name))
        if not found or len(loose) > 1:
            told = " and ".join(dict.fromkeys(loose))
            found.append(
                Guess(
                    GuessKind.DIFFERENCE, f"how {told} go together, of which nothing is printed",
                    f"How many have {told} together?",
                )
            )  # fmt: skip
        return found

    def _summary(
        self, key: str, rows: Rows, statistic: Statistic, beside: set[Statistic]
    ) -> list[Guess]:
        if statistic in _SD and beside & _SD:
            return [ROUNDED]
        own = {Statistic.MEAN: _MEAN, Statistic.SD: _SD, Statistic.SE: _SD}.get(statistic)
        # By parts, or by the whole and a part; an SD then takes the means as well.
        follows = own is not None and self._has(key, rows, own)
        if follows and (statistic is Statistic.MEAN or self._has(key, rows, _MEAN)):
            return [ROUNDED]
        by_comparison = own and self._by_comparison(key, self._of(key, rows), own)
        return by_comparison or [self._shape(key)]

    def _by_comparison(self, key: str, rows: Rows, own: frozenset[Statistic]) -> list[Guess]:
        """What a mean or an SD rests on that a change of means or a t-test fixes; empty if none."""
        if own == _MEAN and any(
            (column, where) == (key, rows) and self._has(other, where, _MEAN)
            for column, other, where in self._changes
        ):
            return [ROUNDED]
        partner = _SD if own == _MEAN else _MEAN
        if not any(
            (column, mine) == (key, rows) and self._moments(key, other)
            for column, mine, other in self._t_tests
        ) or not self._has(key, rows, partner):
            return []
        # A two-sided p leaves two means, one on either side of the other group's.
        label = label_of(self.card, key)
        side = Guess(
            GuessKind.DIFFERENCE, f"which group has the higher {label}",
            f"In which group is {label} higher?",
        )  # fmt: skip
        return [ROUNDED, side] if own == _MEAN else [ROUNDED]

    def _change(self, analysis: ChangeAnalysis, rows: Rows) -> list[Guess]:
        keys = (analysis.column, analysis.baseline)
        of, left = str(analysis.of), self._left(keys, rows)
        needed = {"of_means": _MEAN, "of_medians": _MEDIAN}.get(of)
        if needed is not None:
            open_ = [self._shape(key) for key in keys if not self._has(key, rows, needed)]
            return [*left, *open_] or [ROUNDED]
        shapes = [*left, *(self._shape(key) for key in keys)]
        return shapes if of == "of_geometric_means" else [self._alike(keys, rows), *shapes]

    def _alike(self, keys: tuple[str, str], rows: Rows) -> Guess:
        """How two times go together: guessed, unless a paired t-test and the SDs give it."""
        if (*keys, rows) in self._paired_ts and all(self._moments(key, rows) for key in keys):
            return ROUNDED
        return likeness(self.card, *keys)

    def _paired(
        self, analysis: PairedAnalysis | LinearMixedAnalysis, rows: Rows, statistic: Statistic
    ) -> list[Guess]:
        if isinstance(analysis, PairedAnalysis):
            keys = (analysis.column, analysis.baseline)
            by_means = str(analysis.test) == "paired_t"
        else:
            keys, by_means = (analysis.at, analysis.baseline), True
        found = self._left(keys, rows)
        if statistic is not Statistic.DIFFERENCE:
            found.append(self._alike(keys, rows))
        for key in keys:
            enough = self._has(key, rows, _MEAN)
            if statistic is not Statistic.DIFFERENCE:
                enough = by_means and self._moments(key, rows)
            if not enough:
                found.append(self._shape(key))
        return found or [ROUNDED]

    def _two_sample(
        self, analysis: TwoSampleAnalysis, unit: str, rows: Rows, statistic: Statistic
    ) -> list[Guess]:
        key = analysis.column
        group = self._conditions(analysis.group)
        rest = _turned(str(analysis.group[0])) if len(analysis.group) == 1 else ""
        sides = [rows | group, *([rows | {rest}] if rest else [])]
        name = label_of(self.card, analysis.group[0].column)
        if str(analysis.test) in _COUNTING_TESTS:
            yes = f"{key} = 1"
            if len(sides) < 2 or not all(self._counted(unit, s | {yes}, True) for s in sides):
                return [self._difference(key, name)]
            sure = all(self._counted(unit, s | {yes}) for s in sides)
            return [] if sure else [SEVERAL_COUNTS]
        seen = [guess for side in sides for guess in self._seen(key, unit, side)]
        ranks = str(analysis.test) in _RANK_TESTS and statistic is Statistic.P_VALUE
        if ranks and self._is_fine(key) and self._has_area(key, rows, analysis.group):
            # The area is U over the number of pairs; ties, which the variance takes, are few.
            return [ROUNDED, *seen]
        if len(sides) < 2 or not all(self._speaks_of(key, side) for side in sides):
            return [self._difference(key, name)]
        if statistic is Statistic.DIFFERENCE:
            fixed, seen = all(self._has(key, side, _MEAN) for side in sides), []
        else:
            fixed = str(analysis.test) in _T_TESTS
            fixed = fixed and all(self._moments(key, side) for side in sides)
        return [ROUNDED, *seen] if fixed else [self._shape(key)]

    def _is_fine(self, key: str) -> bool:
        column = self.card.columns.get(key.partition("@")[0])
        if not isinstance(column, NumericColumn):
            return False
        grid = column.grid
        if grid.step is None:
            return True
        if grid.low is None or grid.high is None:
            return False
        return (grid.high - grid.low) / grid.step >= _FINE

    def _term(self, analysis: TermAnalysis, beside: set[Statistic]) -> list[Guess]:
        """A term of a regression: two of its ratio, limits and p fix the others but for rounding.

        A two-sided p and one limit may leave two ratios, one on either side of 1.
        """
        model = self.card.models[analysis.model]
        key = model.terms[analysis.term].column
        if len(beside) >= 2:
            one_limit = len(beside & _LIMITS) == 1 and beside - _LIMITS == {Statistic.P_VALUE}
            profile = analysis.interval is RatioInterval.PROFILE
            by_likelihood = profile or analysis.test is RatioTest.LIKELIHOOD_RATIO
            # A likelihood has no one standard error: how it bends rests on the shape.
            found = [ROUNDED, self._shape(key)] if by_likelihood else [ROUNDED]
            return [*found, SIDE_OF_ONE] if one_limit else found
        outcome = " and ".join(label_of(self.card, c.column) for c in model.outcome)
        return [self._difference(key, outcome), self._shape(key)]

    def _auc(
        self,
        analysis: AucAnalysis,
        unit: str,
        rows: Rows,
        beside: set[Statistic],
    ) -> list[Guess]:
        if len(beside) >= 2:
            return [ROUNDED]
        if Statistic.AUC in beside and analysis.interval is AucInterval.HANLEY_MCNEIL:
            # By DeLong's method the area alone does not give its error; nor here without numbers.
            cases = rows | self._conditions(analysis.outcome)
            return [ROUNDED, *self._seen(analysis.column or "", unit, cases)]
        if analysis.column is not None:
            shapes = [self._shape(analysis.column)]
            if Statistic.AUC in beside:
                return shapes
            sides = [rows | self._conditions(analysis.outcome)]
            if len(analysis.outcome) == 1:
                sides += [rows | {_turned(str(analysis.outcome[0]))}]
            if not all(self._speaks_of(analysis.column, side) for side in sides):
                outcome = " and ".join(label_of(self.card, c.column) for c in analysis.outcome)
                shapes.insert(0, self._difference(analysis.column, outcome))
            return shapes
        model = self.card.models[str(analysis.model)]
        # Coefficients with their errors nearly say how far the scores lie apart, but skewed scores
        # of the same coefficients have another area.
        return [self._shape(term.column) for term in model.terms.values()]


def _is_yes_or_no(column: object) -> bool:
    return isinstance(column, BinaryColumn | DerivedColumn)


def _turned(text: str) -> str:
    """The opposite of a yes-or-no condition; empty where there is none."""
    if text.endswith(" = 1"):
        return f"{text[:-1]}0"
    return f"{text[:-1]}1" if text.endswith(" = 0") else ""


def _counts_alone(rows: Rows, text: str, among: Rows) -> bool:
    """Whether a count is of one condition and what it implies, or of its opposite."""
    return rows - among in ({text}, {_turned(text)})
