"""What a column's values must satisfy, in whole steps of its recording grid.

A column is a list of strata (such as failures and successes), each with its size and its own
range; printed statistics are attached to unions of strata. Everything that the search needs is
turned into whole numbers here, so that it never meets a rounding error:

* the mean becomes a range of the sum S, the SD a range of D = n Q - S² (Q the sum of squares),
* counts become a range of the number of values in an interval,
* a quantile that is one ordered value bounds two such counts; one that lies between two ordered
  values is a ``Couple``, low <= a x_(r) + b x_(r+1) <= high.

Steps are counted from a centre near the mean: D does not change, and the numbers stay small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from recohort.card.layout import Family
from recohort.estimators.summary import QuantileDefinition, SdDenominator, quantile_position
from recohort.feasible.variable import Grid, Relation, VariableFacts
from recohort.printed import Printed, RealSet

__all__ = [
    "FAR",
    "Couple",
    "FactRanges",
    "Interval",
    "Pin",
    "Scale",
    "Shape",
    "Stratum",
    "StratumFact",
    "fact_ranges",
    "working_scale",
]

FAR = 2**40
"""Beyond every value, in steps: an interval's open end."""

_MOST_STEPS_PER_SD = 20_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What a measurement is expected to look like where nothing printed decides it."""

    family: Family
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0):
            raise ValueError(
                f"shape: got mean {self.mean}, sd {self.sd}; takes a finite mean and a positive sd"
            )


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows of one kind: how many, and the range that their values must keep (ends included)."""

    n: int
    low: Fraction | None = None
    high: Fraction | None = None
    shape: Shape | None = None

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"n: got {self.n}; takes a whole number of at least 0")


@dataclass(frozen=True, slots=True)
class StratumFact:
    """Printed statistics of the values of several strata taken together."""

    facts: VariableFacts
    strata: tuple[int, ...]
    sd: SdDenominator = SdDenominator.N_MINUS_1
    quantiles: QuantileDefinition = QuantileDefinition.TYPE_7


@dataclass(frozen=True, slots=True)
class Scale:
    """Steps: value = offset + step * (centre + y) for a whole y."""

    step: Fraction
    offset: Fraction
    centre: int

    def steps(self, value: Fraction) -> Fraction:
        """A value in steps from the centre (whole when it lies on the grid)."""
        return (value - self.offset) / self.step - self.centre


@dataclass(frozen=True, slots=True)
class Interval:
    """Between ``least`` and ``most`` values y have above < y <= upto."""

    name: str
    above: int
    upto: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Pin:
    """The ordered value number ``rank`` (from 0) lies in low..high."""

    name: str
    rank: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Couple:
    """low <= a * x_(rank) + b * x_(rank + 1) <= high."""

    name: str
    rank: int
    a: int
    b: int
    low: int
    high: int

    @property
    def level(self) -> tuple[int, int]:
        """First and last step that both values could take if they were equal."""
        scale = self.a + self.b
        return -(-self.low // scale), self.high // scale


@dataclass(frozen=True, slots=True)
class FactRanges:
    """One :class:`StratumFact` in steps. None where nothing is printed; an empty range (low above
    high) cannot be met."""

    n: int
    strata: tuple[int, ...]
    total: tuple[int, int] | None
    spread: tuple[int, int] | None
    intervals: tuple[Interval, ...]
    pins: tuple[Pin, ...]
    couples: tuple[Couple, ...]

    def without(self, dropped: frozenset[str]) -> FactRanges:
        """The same facts with some statistics left free."""
        return FactRanges(
            self.n,
            self.strata,
            None if "mean" in dropped else self.total,
            None if "sd" in dropped else self.spread,
            tuple(i for i in self.intervals if i.name not in dropped),
            tuple(p for p in self.pins if p.name not in dropped),
            tuple(c for c in self.couples if c.name not in dropped),
        )


def working_scale(grid: Grid, facts: tuple[StratumFact, ...], mean: float, sd: float) -> Scale:
    """The steps to count in, centred near ``mean``.

    A real-valued grid is given a step two decimals finer than the most precise printed number (so
    that about a hundred values share a printed one), or a thousandth of the SD where nothing is
    printed; coarser by powers of ten where an SD would be more than 20,000 steps.
    """
    step = grid.step
    if step is None:
        decimals = [p.decimals for f in facts for p in f.facts.printed.values() if p.is_exact]
        places = max(decimals) + 2 if decimals else 3 - math.floor(math.log10(sd))
        step = Fraction(1, 10) ** places
        while sd / float(step) > _MOST_STEPS_PER_SD:
            step *= 10
    offset = grid.offset
    return Scale(step, offset, round((Fraction(mean) - offset) / step))


def _floor(value: Fraction | float) -> int:
    if isinstance(value, float) and math.isinf(value):
        return FAR if value > 0 else -FAR
    return max(min(math.floor(value), FAR), -FAR)


def _ceil(value: Fraction | float) -> int:
    return -_floor(-value)


def _box(found: RealSet, scale: Scale) -> tuple[int, int]:
    """The whole steps inside a set of values."""
    low, high = (v if isinstance(v, float) else scale.steps(v) for v in (found.low, found.high))
    first, last = _ceil(low), _floor(high)
    if not found.low_closed and first == low:
        first += 1
    if not found.high_closed and last == high:
        last -= 1
    return first, last


def _extreme(printed: Printed, grid: Grid, scale: Scale) -> tuple[int, int]:
    """A printed minimum or maximum is the value itself wherever it lies on the grid."""
    if grid.step is not None and printed.is_exact:
        place = scale.steps(printed.value)
        if place.denominator == 1:
            return int(place), int(place)
    return _box(printed.accepted, scale)


def fact_ranges(
    fact: StratumFact, sizes: tuple[int, ...], scale: Scale, *, ties: bool = True
) -> FactRanges:
    """The ranges of one fact, for strata of the given sizes.

    Without ``ties``, a mean that two rounding rules print in two ways is left out where there are
    others.
    """
    facts = fact.facts
    n = sum(sizes[s] for s in fact.strata)
    if n < 1:
        raise ValueError(f"facts: strata {fact.strata} hold no values")
    if not facts.n_low <= n <= facts.n_high:
        raise ValueError(
            f"facts: strata {fact.strata} hold {n} values; the facts are of "
            f"{facts.n_low} to {facts.n_high}"
        )
    total = spread = None
    if facts.mean is not None:
        found = facts.mean.accepted
        ends = [v if isinstance(v, float) else scale.steps(v) * n for v in (found.low, found.high)]
        total = (_ceil(ends[0]), _floor(ends[1])) if ties else _within(ends[0], ends[1])
    if facts.sd is not None:
        lost = 1 if fact.sd is SdDenominator.N_MINUS_1 else 0
        spread = (1, 0) if n <= lost else _spread(facts.sd.accepted, n * (n - lost), scale)
    pins: list[Pin] = []
    couples: list[Couple] = []
    for name, rank, printed in (("minimum", 0, facts.minimum), ("maximum", n - 1, facts.maximum)):
        if printed is not None:
            pins.append(Pin(name, rank, *_extreme(printed, facts.grid, scale)))
    for name, probability, printed in (
        ("median", 0.5, facts.median),
        ("q1", 0.25, facts.q1),
        ("q3", 0.75, facts.q3),
    ):
        if printed is None:
            continue
        kind = QuantileDefinition.TYPE_7 if name == "median" else fact.quantiles
        if n < 2 and kind is QuantileDefinition.MOORE_MCCABE:
            kind = QuantileDefinition.TYPE_7
        place = quantile_position(n, probability, kind)
        if place.lower == place.upper:
            pins.append(Pin(name, place.lower, *_box(printed.accepted, scale)))
            continue
        weight = Fraction(place.weight).limit_denominator(1000)
        a, b = weight.denominator - weight.numerator, weight.numerator
        found = printed.accepted
        low, high = (
            v if isinstance(v, float) else scale.steps(v) * (a + b) for v in (found.low, found.high)
        )
        couples.append(Couple(name, place.lower, a, b, _ceil(low), _floor(high)))
    intervals = [_count(fact.facts, i, scale) for i in range(len(facts.counts))]
    return FactRanges(n, fact.strata, total, spread, tuple(intervals), tuple(pins), tuple(couples))


def _within(low: Fraction | float, high: Fraction | float) -> tuple[int, int]:
    """The whole numbers from ``low`` to ``high``, without these where there are others."""
    first, last = _ceil(low), _floor(high)
    inner = (first + (first == low), last - (last == high))
    return inner if inner[0] <= inner[1] else (first, last)


def _spread(found: RealSet, factor: int, scale: Scale) -> tuple[int, int]:
    low: Fraction | float = found.low
    low = Fraction(0) if low < 0 else low
    if found.high < 0 or isinstance(low, float):
        return 1, 0
    first = math.ceil(low**2 * factor / scale.step**2)
    if isinstance(found.high, float):
        return first, 2**62
    return first, math.floor(found.high**2 * factor / scale.step**2)


def _count(facts: VariableFacts, index: int, scale: Scale) -> Interval:
    fact = facts.counts[index]
    name = fact.source or f"counts[{index}]"
    place = scale.steps(Fraction(fact.threshold))
    below, upto = _ceil(place) - 1, _floor(place)  # last step below, last step not above
    match fact.relation:
        case Relation.EQUAL:
            above, end = below, upto
        case Relation.AT_MOST:
            above, end = -FAR, upto
        case Relation.BELOW:
            above, end = -FAR, below
        case Relation.AT_LEAST:
            above, end = below, FAR
        case Relation.ABOVE:
            above, end = upto, FAR
    return Interval(name, above, end, fact.at_least, fact.at_most)
