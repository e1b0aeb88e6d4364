"""A feasibility question, and the cases into which unknown conventions split it.

The question is whether some sample on the recording grid has all statistics inside given sets.
Each case fixes n, the denominator of the SD and the ranks of the quantiles; the answer is yes if
one case allows a sample. Values are counted in steps of the grid, so that all bounds are whole
numbers; a real-valued grid keeps fractions and closes open ends (which only weakens them).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from recohort.feasible.boxes import Bounds, Number
from recohort.feasible.quantiles import QuantileReading, quantile_readings
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed, RealSet, RoundingRule

__all__ = ["Case", "Couple", "Problem", "Span"]

_QUANTILES = ("median", "q1", "q3")


@dataclass(frozen=True, slots=True)
class Couple:
    """low <= a * x_(rank) + b * x_(rank + 1) <= high, from a quantile between two values."""

    rank: int
    a: int
    b: int
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class Span:
    """Between ``at_least`` and ``at_most`` values are equal to ``value``."""

    value: Number
    at_least: int
    at_most: int


@dataclass(frozen=True)
class Problem:
    """The sets in which the statistics of one sample must lie; absent names are free.

    ``sets`` may hold mean, sd, median, q1, q3, minimum, maximum. ``typed_median`` admits medians
    read by the quartiles' own definition.
    """

    grid: Grid
    n_low: int
    n_high: int
    sets: Mapping[str, RealSet] = field(default_factory=dict)
    counts: tuple[CountFact, ...] = ()
    typed_median: bool = True
    gap: Fraction = Fraction(0)
    """How far a real value must keep from a bound it may not touch; 0 closes such bounds."""

    @classmethod
    def from_facts(
        cls,
        facts: VariableFacts,
        rule: RoundingRule | None = None,
        *,
        typed_median: bool | None = None,
    ) -> Problem:
        """The question for printed statistics, under the accepted rules or under one rule.

        Medians of a quartile definition are admitted where quartiles are printed, or as told.
        """
        typed = typed_median
        if typed is None:
            typed = facts.q1 is not None or facts.q3 is not None
        plain_median = _whole_numbers(facts.grid) and not typed
        sets = {}
        for name, printed in facts.printed.items():
            found = printed.accepted if rule is None else printed.under(rule)
            if rule is None or name != "median" or not plain_median:
                found = _closed(found)
            if name in ("minimum", "maximum") and _is_data_value(facts.grid, printed):
                found = RealSet(printed.value, printed.value)
            sets[name] = found
        return cls(facts.grid, facts.n_low, facts.n_high, sets, facts.counts, typed)

    @property
    def step(self) -> Fraction:
        """The unit in which values are counted (1 on a real-valued grid)."""
        return self.grid.step or Fraction(1)

    def conventions(self, n: int) -> Iterator[tuple[int | None, QuantileReading | None]]:
        """Every SD denominator (0: n, 1: n - 1) and quantile reading that matters here."""
        names = tuple(name for name in _QUANTILES if name in self.sets)
        readings: tuple[QuantileReading | None, ...] = (
            quantile_readings(n, names, typed_median=self.typed_median) if names and n else (None,)
        )
        for reading in readings:
            for lost in (1, 0) if "sd" in self.sets else (None,):
                yield lost, reading

    def case(self, n: int, lost: int | None, reading: QuantileReading | None) -> Case | None:
        """One case, or None where it is contradictory on its face (such as an SD of one value)."""
        if n < 1 or (lost is not None and n <= lost):
            return None
        return self._case(n, self._spread(n, lost), reading)

    def _case(
        self, n: int, spread: tuple[Number, Number], reading: QuantileReading | None
    ) -> Case | None:
        whole = self.grid.step is not None
        bounds = Bounds(n, whole)
        for value, is_low in ((self.grid.low, True), (self.grid.high, False)):
            if value is not None:
                unit = self._units(value)
                if is_low:
                    bounds.at_least(1, unit)
                else:
                    bounds.at_most(n, unit)
        couples: list[Couple] = []
        spans: list[Span] = []
        for name, rank in (("minimum", 1), ("maximum", n)):
            if name in self.sets:
                low, high = self._ends(self.sets[name])
                bounds.at_least(rank, low)
                bounds.at_most(rank, high)
        for name, place in reading.places if reading else ():
            if place.weight == 0:
                low, high = self._ends(self.sets[name])
                bounds.at_least(place.lower, low)
                bounds.at_most(place.lower, high)
            else:
                a = place.weight.denominator - place.weight.numerator
                b = place.weight.numerator
                low, high = self._ends(self.sets[name], a + b)
                couples.append(Couple(place.lower, a, b, low, high))
        for fact in self.counts:
            if not self._count(fact, bounds, spans):
                return None
        s_low, s_high = self._sum(n)
        d_low, d_high = spread
        if s_low > s_high or d_low > d_high or (n == 1 and d_low > 0):
            return None
        whole_or_gap = Fraction(1) if whole else self.gap
        return Case(
            n, bounds, tuple(couples), tuple(spans), s_low, s_high, d_low, d_high, whole_or_gap
        )

    def loose_case(self, n: int) -> Case | None:
        """One case that every convention implies: each quantile and the SD in any reading at all.

        A proof against it is a proof against all cases of this n.
        """
        if n < 1:
            return None
        names = tuple(name for name in _QUANTILES if name in self.sets)
        spread: tuple[Number, Number] = (0, math.inf)
        if "sd" in self.sets:
            spread = self._spread(n, 1 if n > 1 else 0)[0], self._spread(n, 0)[1]
        case = self._case(n, spread, None)
        if case is None:
            return None
        if names:
            readings = quantile_readings(n, names, typed_median=self.typed_median)
            for name in names:
                places = [dict(r.places)[name] for r in readings]
                low, high = self._ends(self.sets[name])
                case.bounds.at_most(min(p.lower for p in places), high)
                case.bounds.at_least(max(p.lower + (p.weight > 0) for p in places), low)
        return case

    def _units(self, value: Number) -> Number:
        if isinstance(value, float):
            return value
        return (value - self.grid.offset) / self.step

    def _ends(self, found: RealSet, times: int = 1) -> tuple[Number, Number]:
        """A set's ends in steps, times a whole number; whole where the grid is."""
        offset = self.grid.offset * times
        low, high = (
            v if isinstance(v, float) else (v * times - offset) / self.step
            for v in (found.low, found.high)
        )
        if self.grid.step is None:
            return low, high
        return _ceil(low, found.low_closed), _floor(high, found.high_closed)

    def _sum(self, n: int) -> tuple[Number, Number]:
        if "mean" not in self.sets:
            return -math.inf, math.inf
        return self._ends(self.sets["mean"], n)

    def _spread(self, n: int, lost: int | None) -> tuple[Number, Number]:
        """The range of n * (sum of squares) - (sum)**2."""
        if lost is None:
            return 0, math.inf
        found = self.sets["sd"]
        if found.high < 0 or (found.high == 0 and not found.high_closed):
            return 1, 0
        factor = n * (n - lost) / self.step**2
        low: Number = max(found.low, Fraction(0)) if not isinstance(found.low, float) else 0
        high = found.high if isinstance(found.high, float) else found.high**2 * factor
        low = low**2 * factor
        if self.grid.step is None:
            return low, high
        return _ceil(low, found.low_closed or found.low < 0), _floor(high, found.high_closed)

    def _count(self, fact: CountFact, bounds: Bounds, spans: list[Span]) -> bool:
        """Enter a count; False where it cannot be met."""
        n = bounds.n
        if fact.at_most < 0 or fact.at_least > n or fact.at_least > fact.at_most:
            return False
        value = self._units(fact.threshold)
        match fact.relation:
            case Relation.EQUAL:
                if bounds.whole and value != int(value):
                    return fact.at_least <= 0
                spans.append(Span(_plain(value), fact.at_least, fact.at_most))
            case Relation.AT_MOST | Relation.BELOW:
                strict = fact.relation is Relation.BELOW
                _cumulate(bounds, value, strict, fact.at_least, fact.at_most, self.gap)
            case Relation.AT_LEAST | Relation.ABOVE:
                strict = fact.relation is Relation.AT_LEAST
                _cumulate(bounds, value, strict, n - fact.at_most, n - fact.at_least, self.gap)
        return True


def _cumulate(
    bounds: Bounds, value: Number, strict: bool, least: int, most: int, gap: Fraction
) -> None:
    """Between ``least`` and ``most`` values are at most (or, ``strict``, below) ``value``."""
    inside: Number = value - gap if strict else value
    outside: Number = value if strict else value + gap
    if bounds.whole:
        inside = math.ceil(value) - 1 if strict else math.floor(value)
        outside = inside + 1
    if least > 0:
        bounds.at_most(least, inside)
    if most < bounds.n:
        bounds.at_least(most + 1, outside)


def _closed(found: RealSet) -> RealSet:
    """The set with its finite ends, if both are.

    A tie, or a whole number, that is computed in binary floating point may fall to either side.
    """
    if math.isinf(found.low) or math.isinf(found.high):
        return found
    return RealSet(found.low, found.high)


def _whole_numbers(grid: Grid) -> bool:
    """Whether values are whole numbers, which floating point holds exactly."""
    return grid.step is not None and grid.step.denominator == grid.offset.denominator == 1


def _is_data_value(grid: Grid, printed: Printed) -> bool:
    """Whether a printed extreme is the value itself: its digits can show every recordable value."""
    if grid.step is None or not printed.is_exact:
        return False
    units = (printed.value - grid.offset) / grid.step
    if units == int(units):
        return True
    return all((v / printed.unit).denominator == 1 for v in (grid.step, grid.offset))


def _plain(value: Number) -> Number:
    if isinstance(value, Fraction) and value.denominator == 1:
        return int(value)
    return value


def _ceil(value: Number, closed: bool) -> Number:
    if isinstance(value, float):
        return value
    return math.ceil(value) if closed else math.floor(value) + 1


def _floor(value: Number, closed: bool) -> Number:
    if isinstance(value, float):
        return value
    return math.floor(value) if closed else math.ceil(value) - 1


@dataclass(frozen=True)
class Case:
    """One case in whole steps: bounds of ranks, coupled ranks, equal values, sum and spread.

    ``d_low`` to ``d_high`` is the range of n * (sum of squares) - (sum)**2.
    """

    n: int
    bounds: Bounds
    couples: tuple[Couple, ...]
    spans: tuple[Span, ...]
    s_low: Number
    s_high: Number
    d_low: Number
    d_high: Number
    gap: Fraction
    """The distance that unequal values keep at least: one step, or little on a real grid."""

    def within(self, bounds: Bounds) -> Case:
        """The same case with other bounds."""
        return replace(self, bounds=bounds)

    def tighten(self) -> bool:
        """Draw every consequence for the bounds of ranks; False where they contradict."""
        bounds = self.bounds
        if any(c.low > c.high for c in self.couples):
            return False
        for _ in range(12):
            bounds.changed = False
            self._tighten_from_spread()
            for couple in self.couples:
                _tighten_couple(bounds, couple)
            for span in self.spans:
                _tighten_span(bounds, span, self.gap)
            if bounds.contradictory:
                return False
            if not bounds.changed:
                break
        return True

    def _tighten_from_spread(self) -> None:
        bounds, n = self.bounds, self.n
        if not math.isinf(self.s_high):
            bounds.at_most(1, Fraction(self.s_high) / n)
        if not math.isinf(self.s_low):
            bounds.at_least(n, Fraction(self.s_low) / n)
        if not math.isinf(self.d_high):
            # Two values a distance r apart alone give n * r**2 / 2.
            reach: Number = Fraction(2 * self.d_high) / n
            reach = math.isqrt(math.floor(reach)) + (0 if bounds.whole else 1)
            first, last = bounds.high(1), bounds.low(n)
            if not math.isinf(first):
                bounds.at_most(n, first + reach)
            if not math.isinf(last):
                bounds.at_least(1, last - reach)

    def open_couples(self) -> list[Couple]:
        """Couples that the bounds alone do not yet guarantee."""
        bounds = self.bounds
        return [
            c
            for c in self.couples
            if c.a * bounds.low(c.rank) + c.b * bounds.low(c.rank + 1) < c.low
            or c.a * bounds.high(c.rank) + c.b * bounds.high(c.rank + 1) > c.high
        ]

    def open_spans(self) -> list[Span]:
        """Spans that the bounds alone do not yet guarantee."""
        bounds = self.bounds
        return [
            s
            for s in self.spans
            if bounds.surely_at_most(s.value) - bounds.maybe_below(s.value) < s.at_least
            or bounds.maybe_at_most(s.value) - bounds.surely_below(s.value) > s.at_most
        ]


def _tighten_couple(bounds: Bounds, c: Couple) -> None:
    left, right = c.rank, c.rank + 1
    if not math.isinf(c.high):
        bounds.at_most(left, _over(c.high, c.a + c.b, bounds.whole))
        if not math.isinf(bounds.low(right)):
            bounds.at_most(left, _over(c.high - c.b * bounds.low(right), c.a, bounds.whole))
        if not math.isinf(bounds.low(left)):
            bounds.at_most(right, _over(c.high - c.a * bounds.low(left), c.b, bounds.whole))
    if not math.isinf(c.low):
        bounds.at_least(right, -_over(-c.low, c.a + c.b, bounds.whole))
        if not math.isinf(bounds.high(right)):
            bounds.at_least(left, -_over(c.b * bounds.high(right) - c.low, c.a, bounds.whole))
        if not math.isinf(bounds.high(left)):
            bounds.at_least(right, -_over(c.a * bounds.high(left) - c.low, c.b, bounds.whole))


def _over(value: Number, divisor: int, whole: bool) -> Number:
    """A quotient, rounded down on a grid of whole numbers."""
    return int(value // divisor) if whole else Fraction(value) / divisor


def _tighten_span(bounds: Bounds, s: Span, gap: Fraction) -> None:
    above, below = s.value + gap, s.value - gap
    if s.at_least > 0:
        bounds.at_most(bounds.surely_below(s.value) + s.at_least, s.value)
        bounds.at_least(bounds.maybe_at_most(s.value) - s.at_least + 1, s.value)
    if s.at_most < bounds.n:
        bounds.at_least(bounds.maybe_below(s.value) + s.at_most + 1, above)
        bounds.at_most(bounds.surely_at_most(s.value) - s.at_most, below)
