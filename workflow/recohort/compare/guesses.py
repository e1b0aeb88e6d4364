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

from collections.abc import Collection

from recohort.card.analyses import (
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
from recohort.card.layout import BinaryColumn, NumericColumn
from recohort.card.loader import CardFile
from recohort.card.statistic import Role, Statistic
from recohort.card.study import Quantity, ValueRef
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
from recohort.compare.known import COUNTS, MEAN, MEDIAN, SD, T_TESTS, Known, Rows, turned

__all__ = ["Grounds"]

_LIMITS = {statistic for statistic in Statistic if statistic.level is not None}
_COUNTING_TESTS = {"chi_square", "chi_square_yates", "fisher"}
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
        self.known = Known(card, held_out)

    def _left(self, keys: tuple[str, str], rows: Rows) -> list[Guess]:
        """That those measured twice are like those measured once; empty where all are the same.

        Printed numbers of one time are then of other people than a change is.
        """
        if self.known.same_people(keys, rows):
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
        eligible, followed = self.known.measured(key, rows)
        if followed is None:
            return self._number(unit, eligible)
        if eligible == self.known.of(key, frozenset()):
            return []
        label = label_of(self.card, key)
        told = f"how many of those with {label} are in each group"
        return [Guess(GuessKind.NUMBER, told, f"How many of each group have {label}?")]

    def of(self, value: ValueRef) -> tuple[tuple[Guess, tuple[str, ...]], ...]:
        """The guesses that a held-out value rests on; empty where printed numbers fix it.

        Each comes with the names of the assumptions that stand in its place on the card.
        """
        item = self.card.quantities[value.quantity]
        beside = self.known.printed.get(value.quantity, set()) - {value.statistic}
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
        unit, rows = self.known.rows(item)
        analysis = item.analysis
        match analysis:
            case ProportionAnalysis() | AccuracyAnalysis() if beside & COUNTS:
                several = self.known.rough_counts - self.known.counts
                rough = several.intersection(self.known.counted_rows(item))
                if rough and Statistic.COUNT not in beside:
                    return [SEVERAL_COUNTS]
                return [] if beside >= COUNTS else self._number(*self.known.base(item))
            case ProportionAnalysis():
                return self._number(unit, rows | self.known.conditions(analysis.having))
            case AccuracyAnalysis():
                counted = self.known.accuracy(analysis, rows)
                sides = self.known.conditions((*analysis.test, *analysis.reference))
                return self._number(unit, counted[0] if counted else rows | sides)
            case SummaryAnalysis() | LocationAnalysis():
                found = self._summary(analysis.column, rows, statistic, beside)
                of_number = statistic in SD and beside & SD
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
                known = all(self.known.has_area(key, rows, analysis.outcome) for key in keys)
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
        if self.known.counted(unit, rows):
            return []
        if self.known.counted(unit, rows, roughly=True):
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
                _counts_alone(r, text, self.known.conditions(column.among))
                for u, r in self.known.counts
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
        if statistic in SD and beside & SD:
            return [ROUNDED]
        own = {Statistic.MEAN: MEAN, Statistic.SD: SD, Statistic.SE: SD}.get(statistic)
        # By parts, or by the whole and a part; an SD then takes the means as well.
        follows = own is not None and self.known.has(key, rows, own)
        if follows and (statistic is Statistic.MEAN or self.known.has(key, rows, MEAN)):
            return [ROUNDED]
        by_comparison = own and self._by_comparison(key, self.known.of(key, rows), own)
        return by_comparison or [self._shape(key)]

    def _by_comparison(self, key: str, rows: Rows, own: frozenset[Statistic]) -> list[Guess]:
        """What a mean or an SD rests on that a change of means or a t-test fixes; empty if none."""
        if own == MEAN and any(
            (column, where) == (key, rows) and self.known.has(other, where, MEAN)
            for column, other, where in self.known.changes
        ):
            return [ROUNDED]
        partner = SD if own == MEAN else MEAN
        if not any(
            (column, mine) == (key, rows) and self.known.moments(key, other)
            for column, mine, other in self.known.t_tests
        ) or not self.known.has(key, rows, partner):
            return []
        # A two-sided p leaves two means, one on either side of the other group's.
        label = label_of(self.card, key)
        side = Guess(
            GuessKind.DIFFERENCE, f"which group has the higher {label}",
            f"In which group is {label} higher?",
        )  # fmt: skip
        return [ROUNDED, side] if own == MEAN else [ROUNDED]

    def _change(self, analysis: ChangeAnalysis, rows: Rows) -> list[Guess]:
        keys = (analysis.column, analysis.baseline)
        of, left = str(analysis.of), self._left(keys, rows)
        needed = {"of_means": MEAN, "of_medians": MEDIAN}.get(of)
        if needed is not None:
            open_ = [self._shape(key) for key in keys if not self.known.has(key, rows, needed)]
            return [*left, *open_] or [ROUNDED]
        shapes = [*left, *(self._shape(key) for key in keys)]
        return shapes if of == "of_geometric_means" else [self._alike(keys, rows), *shapes]

    def _alike(self, keys: tuple[str, str], rows: Rows) -> Guess:
        """How two times go together: guessed, unless a paired t-test and the SDs give it."""
        if (*keys, rows) in self.known.paired_ts and all(
            self.known.moments(key, rows) for key in keys
        ):
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
            enough = self.known.has(key, rows, MEAN)
            if statistic is not Statistic.DIFFERENCE:
                enough = by_means and self.known.moments(key, rows)
            if not enough:
                found.append(self._shape(key))
        return found or [ROUNDED]

    def _two_sample(
        self, analysis: TwoSampleAnalysis, unit: str, rows: Rows, statistic: Statistic
    ) -> list[Guess]:
        key = analysis.column
        group = self.known.conditions(analysis.group)
        rest = turned(str(analysis.group[0])) if len(analysis.group) == 1 else ""
        sides = [rows | group, *([rows | {rest}] if rest else [])]
        name = label_of(self.card, analysis.group[0].column)
        if str(analysis.test) in _COUNTING_TESTS:
            yes = f"{key} = 1"
            if len(sides) < 2 or not all(self.known.counted(unit, s | {yes}, True) for s in sides):
                return [self._difference(key, name)]
            sure = all(self.known.counted(unit, s | {yes}) for s in sides)
            return [] if sure else [SEVERAL_COUNTS]
        seen = [guess for side in sides for guess in self._seen(key, unit, side)]
        ranks = str(analysis.test) in _RANK_TESTS and statistic is Statistic.P_VALUE
        if ranks and self._is_fine(key) and self.known.has_area(key, rows, analysis.group):
            # The area is U over the number of pairs; ties, which the variance takes, are few.
            return [ROUNDED, *seen]
        if len(sides) < 2 or not all(self.known.speaks_of(key, side) for side in sides):
            return [self._difference(key, name)]
        if statistic is Statistic.DIFFERENCE:
            fixed, seen = all(self.known.has(key, side, MEAN) for side in sides), []
        else:
            fixed = str(analysis.test) in T_TESTS
            fixed = fixed and all(self.known.moments(key, side) for side in sides)
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
            cases = rows | self.known.conditions(analysis.outcome)
            return [ROUNDED, *self._seen(analysis.column or "", unit, cases)]
        if analysis.column is not None:
            shapes = [self._shape(analysis.column)]
            if Statistic.AUC in beside:
                return shapes
            sides = [rows | self.known.conditions(analysis.outcome)]
            if len(analysis.outcome) == 1:
                sides += [rows | {turned(str(analysis.outcome[0]))}]
            if not all(self.known.speaks_of(analysis.column, side) for side in sides):
                outcome = " and ".join(label_of(self.card, c.column) for c in analysis.outcome)
                shapes.insert(0, self._difference(analysis.column, outcome))
            return shapes
        model = self.card.models[str(analysis.model)]
        # Coefficients with their errors nearly say how far the scores lie apart, but skewed scores
        # of the same coefficients have another area.
        return [self._shape(term.column) for term in model.terms.values()]


def _counts_alone(rows: Rows, text: str, among: Rows) -> bool:
    """Whether a count is of one condition and what it implies, or of its opposite."""
    return rows - among in ({text}, {turned(text)})
