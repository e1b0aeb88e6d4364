"""Checks that a card's design can hold data at all: a group with members, a term that varies.

Only what the layout says is asked (sizes, ranges, steps), not what was printed: numbers that
contradict each other are the audit's to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from recohort.card.analyses import CodingKind, FollowUpAnalysis, KaplanMeierAnalysis
from recohort.card.document import Place
from recohort.card.layout import Condition, GroupColumn, NumericColumn
from recohort.card.references import Trouble
from recohort.card.study import StudyCard
from recohort.cohort import Relation

__all__ = ["check_design"]

_ASKED = ("outcome", "event", "group", "reference")
"""Fields of models and analyses whose conditions part the rows in two: neither may be empty."""


def check_design(card: StudyCard) -> Trouble | None:
    """The first part of the design that no data can fill, or ``None``."""
    return next(_troubles(card), None)


def _troubles(card: StudyCard) -> Iterator[Trouble]:
    yield from _nesting(card)
    for name, column in card.columns.items():
        yield from _members(card, ("columns", name, "among"), column.among, "a row with a value")
    for name, population in card.populations.items():
        yield from _members(card, ("populations", name, "where"), population.where, "a member")
    for name, model in card.models.items():
        yield from _both_kinds(card, ("models", name, "outcome"), model.outcome)
        yield from _terms(card, name)
    for name, quantity in card.quantities.items():
        for field in _ASKED:
            asked = getattr(quantity.analysis, field, None)
            if isinstance(asked, tuple) and asked:
                yield from _both_kinds(card, ("quantities", name, "analysis", field), asked)
        yield from _follow_up(card, name)


def _nesting(card: StudyCard) -> Iterator[Trouble]:
    for name, unit in card.units.items():
        if unit.within is None or unit.max_per_parent is None:
            continue
        room = card.units[unit.within].n * unit.max_per_parent
        if unit.n > room:
            yield (
                ("units", name, "n"),
                f"{unit.n} within {card.units[unit.within].n} {unit.within}, at most "
                f"{unit.max_per_parent} in each",
                f"at most {room}",
            )


@dataclass(frozen=True, slots=True)
class _Span:
    """The values that conditions leave a column: an interval, each end open or closed."""

    low: Fraction | None
    high: Fraction | None
    low_open: bool = False
    high_open: bool = False

    def under(self, condition: Condition) -> _Span:
        """What a condition leaves of it."""
        at, relation = condition.threshold, condition.relation
        span = self
        if relation in (Relation.EQUAL, Relation.AT_LEAST, Relation.ABOVE):
            is_open = relation is Relation.ABOVE
            if span.low is None or at > span.low or (at == span.low and is_open):
                span = _Span(at, span.high, is_open, span.high_open)
        if relation in (Relation.EQUAL, Relation.AT_MOST, Relation.BELOW):
            is_open = relation is Relation.BELOW
            if span.high is None or at < span.high or (at == span.high and is_open):
                span = _Span(span.low, at, span.low_open, is_open)
        return span

    def holds_any(self, step: Fraction | None) -> bool:
        """Whether a value on the recording grid lies in it."""
        if self.low is None or self.high is None:
            return True
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return False
        if step is None:
            return True
        value = -(-self.low // step) * step
        if value == self.low and self.low_open:
            value += step
        return value < self.high or (value == self.high and not self.high_open)


def _range(card: StudyCard, key: str) -> tuple[_Span, Fraction | None]:
    """A column's whole range and its step."""
    column = card.columns[key.partition("@")[0]]
    if isinstance(column, NumericColumn):
        grid = column.grid
        return _Span(grid.low, grid.high), grid.step
    if isinstance(column, GroupColumn):
        return _Span(Fraction(1), Fraction(column.groups)), Fraction(1)
    return _Span(Fraction(0), Fraction(1)), Fraction(1)


def _can_hold(card: StudyCard, conditions: Sequence[Condition]) -> Condition | None:
    """The first condition that leaves its column no value, given those before it."""
    spans: dict[str, _Span] = {}
    for condition in conditions:
        whole, step = _range(card, condition.column)
        span = spans.get(condition.column, whole).under(condition)
        if not span.holds_any(step):
            return condition
        spans[condition.column] = span
    return None


def _members(
    card: StudyCard, place: Place, conditions: Sequence[Condition], what: str
) -> Iterator[Trouble]:
    vain = _can_hold(card, conditions)
    if vain is not None:
        index = list(conditions).index(vain)
        yield (
            (*place, index),
            f"'{' and '.join(map(str, conditions))}', which no row can be",
            f"conditions that leave {what} ({vain.column} is {_words(card, vain.column)})",
        )


def _both_kinds(
    card: StudyCard, place: Place, conditions: Sequence[Condition]
) -> Iterator[Trouble]:
    yield from _members(card, place, conditions, "a row")
    if not any(_can_fail(card, condition) for condition in conditions):
        first = conditions[0].column
        yield (
            (*place, 0),
            f"'{' and '.join(map(str, conditions))}', which every row is",
            f"conditions that some rows fail ({first} is {_words(card, first)})",
        )


def _can_fail(card: StudyCard, condition: Condition) -> bool:
    """Whether a row with a value can fail a condition."""
    whole, step = _range(card, condition.column)
    at, column = Decimal(condition.threshold.numerator) / condition.threshold.denominator, "x"
    sides: dict[Relation, tuple[Condition, ...]] = {
        Relation.EQUAL: (Condition(column=column, below=at), Condition(column=column, above=at)),
        Relation.AT_LEAST: (Condition(column=column, below=at),),
        Relation.ABOVE: (Condition(column=column, at_most=at),),
        Relation.AT_MOST: (Condition(column=column, above=at),),
        Relation.BELOW: (Condition(column=column, at_least=at),),
    }
    return any(whole.under(side).holds_any(step) for side in sides[condition.relation])


def _words(card: StudyCard, key: str) -> str:
    """A column's range in words."""
    column = card.columns[key.partition("@")[0]]
    if not isinstance(column, NumericColumn | GroupColumn):
        return "0 or 1"
    span, step = _range(card, key)
    ends = [
        f"{word} {float(end):g}"
        for word, end in (("from", span.low), ("to", span.high))
        if end is not None
    ]
    grid = f"in steps of {float(step):g}" if step is not None else ""
    return " ".join(filter(None, ("recorded", *ends, grid)))


def _terms(card: StudyCard, name: str) -> Iterator[Trouble]:
    for key, term in card.models[name].terms.items():
        here: Place = ("models", name, "terms", key)
        span, step = _range(card, term.column)
        both_ends = span.low is not None and span.high is not None
        if both_ends and not _Span(span.low, span.high, low_open=True).holds_any(step):
            yield (
                (*here, "column"),
                f"'{term.column}', which can have one value only ({_words(card, term.column)})",
                "a column that varies",
            )
        if term.coding.kind is CodingKind.AT_LEAST and term.coding.threshold is not None:
            reached = Condition(column=term.column, at_least=term.coding.threshold)
            if _can_hold(card, (reached,)) is not None or not _can_fail(card, reached):
                yield (
                    (*here, "coding", "threshold"),
                    f"{term.coding.threshold}",
                    "a threshold that some rows reach and others do not "
                    f"({term.column} is {_words(card, term.column)})",
                )


def _follow_up(card: StudyCard, name: str) -> Iterator[Trouble]:
    analysis = card.quantities[name].analysis
    if not isinstance(analysis, KaplanMeierAnalysis | FollowUpAnalysis):
        return
    column = card.columns[analysis.time.partition("@")[0]]
    if not isinstance(column, NumericColumn):
        yield (
            ("quantities", name, "analysis", "time"),
            f"'{analysis.time}', a {column.kind} column",
            "a numeric column that holds the time",
        )
    elif (
        isinstance(analysis, KaplanMeierAnalysis)
        and column.high is not None
        and analysis.at > column.high
    ):
        yield (
            ("quantities", name, "analysis", "at"),
            f"{analysis.at}, when nobody is followed any more",
            f"at most {column.high}, the highest {analysis.time}",
        )
