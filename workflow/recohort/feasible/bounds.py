"""The interval in which one statistic must lie, given the others: bounds to check by hand.

Each bound comes with the sample behind it. Given the sum, the squares are smallest when all values
that are not known are as equal as can be, and largest when they sit at their ends; mean, quantiles
and extremes follow from the bounds of the ordered values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from recohort.feasible.boxes import Number, Runs
from recohort.feasible.problem import Case, Problem
from recohort.feasible.quantiles import QuantileReading
from recohort.printed import RealSet

__all__ = ["Interval", "SdBound", "interval", "sd_bounds"]

_MOST_SUMS = 2_000
_RANKED = ("median", "q1", "q3")


@dataclass(frozen=True, slots=True)
class Interval:
    """Every possible value of a statistic lies between ``low`` and ``high`` (not all need be)."""

    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class SdBound:
    """The smallest or largest SD possible under one denominator, and the sample that has it.

    ``variance`` is exact: (squares - total**2 / n) / (n - lost). ``sample`` is (value, count) pairs
    in the variable's unit; on a scale of steps and without quantiles in play it is a real sample,
    otherwise its spread is still a bound.
    """

    lost: int
    n: int
    variance: Fraction
    total: Fraction
    squares: Fraction
    sample: tuple[tuple[Fraction, int], ...]

    @property
    def sd(self) -> float:
        """The SD, in floating point for reading."""
        return math.sqrt(self.variance)


def _cases(problem: Problem) -> Iterator[tuple[int | None, QuantileReading | None, Case, Runs]]:
    """All tightened cases without contradiction."""
    for n in range(problem.n_low, min(problem.n_high, problem.n_low + 200) + 1):
        for lost, reading in problem.conventions(n):
            case = problem.case(n, lost, reading)
            if case is None or not case.tighten():
                continue
            runs = case.bounds.runs()
            if max(case.s_low, runs.sum_low) <= min(case.s_high, runs.sum_high):
                yield lost, reading, case, runs


def interval(problem: Problem, name: str) -> Interval | None:
    """Bounds of the mean, median, q1, q3, minimum or maximum given all other facts.

    What was printed of the statistic itself is left out. None where the others contradict each
    other already, so that there is nothing to bound.

    Raises:
        ValueError: another name.
    """
    if name not in ("mean", "minimum", "maximum", *_RANKED):
        raise ValueError(f"name: got {name!r}; takes mean, median, q1, q3, minimum or maximum")
    sets = {k: v for k, v in problem.sets.items() if k != name}
    # A quantile's ranks are needed although its value is free.
    wanted = {**sets, name: _everything()} if name in _RANKED else sets
    low: Number = math.inf
    high: Number = -math.inf
    for _, reading, case, runs in _cases(replace(problem, sets=wanted)):
        ends: tuple[Number, Number]
        if name == "mean":
            s_low, s_high = _sums_that_fit(case, runs)
            ends = _divided(s_low, case.n), _divided(s_high, case.n)
        elif name in _RANKED and reading is not None:
            place = dict(reading.places)[name]
            b = case.bounds
            ends = (
                _weighted(place.weight, b.low(place.lower), b.low(place.lower + 1)),
                _weighted(place.weight, b.high(place.lower), b.high(place.lower + 1)),
            )
        else:
            rank = 1 if name == "minimum" else case.n
            ends = case.bounds.low(rank), case.bounds.high(rank)
        low, high = min(low, ends[0]), max(high, ends[1])
    if low > high:
        return None
    grid = problem.grid
    return Interval(
        *(v if isinstance(v, float) else grid.offset + problem.step * v for v in (low, high))
    )


def _everything() -> RealSet:
    return RealSet(-math.inf, math.inf, False, False)


def _divided(total: Number, n: int) -> Number:
    return total if isinstance(total, float) else Fraction(total) / n


def _weighted(weight: Fraction, left: Number, right: Number) -> Number:
    if weight == 0:
        return left
    if math.isinf(left) or math.isinf(right):
        return left if math.isinf(left) else right
    return (1 - weight) * left + weight * right


def _sums_that_fit(case: Case, runs: Runs) -> tuple[Number, Number]:
    """The ends of the sums, drawn in where even the most even sample is too wide for the SD."""
    low, high = max(case.s_low, runs.sum_low), min(case.s_high, runs.sum_high)
    if math.isinf(low) or math.isinf(high) or math.isinf(case.d_high):
        return low, high

    def too_wide(total: Number) -> bool:
        return case.n * runs.least_squares(total) - total * total > case.d_high

    for _ in range(60):
        step = max((high - low) // 64, 1) if runs.whole else (high - low) / Fraction(64)
        moved = False
        while low < high and too_wide(low) and too_wide(low + step) and low + step <= high:
            low, moved = low + step, True
        while low < high and too_wide(high) and too_wide(high - step) and high - step >= low:
            high, moved = high - step, True
        if not moved or step == 0:
            break
    return low, high


def sd_bounds(problem: Problem, *, smallest: bool) -> dict[int, SdBound]:
    """The smallest (or largest) SD given all facts but the SD itself, by denominator (0: n).

    Missing for a denominator where the other facts contradict each other, and for the largest SD
    on an endless scale.
    """
    best: dict[int, SdBound] = {}
    sets = {**problem.sets, "sd": _everything()}
    for lost, _, case, runs in _cases(replace(problem, sets=sets)):
        if lost is None or (not smallest and not runs.bounded):
            continue
        found = _extreme_sd(problem, lost, case, runs, smallest)
        known = best.get(lost)
        if known is None or (found.variance < known.variance) == smallest:
            best[lost] = found
    return best


def _extreme_sd(problem: Problem, lost: int, case: Case, runs: Runs, smallest: bool) -> SdBound:
    low, high = max(case.s_low, runs.sum_low), min(case.s_high, runs.sum_high)
    best: tuple[Number, Number] | None = None
    for total in _sums(runs, low, high):
        squares = runs.least_squares(total) if smallest else runs.most_squares(total)
        spread = case.n * squares - total * total
        if best is None or (spread < best[0] if smallest else spread > best[0]):
            best = spread, total
    assert best is not None
    total = best[1]
    pairs = runs.most_even(total) if smallest else runs.most_extreme(total)
    offset, step = problem.grid.offset, problem.step
    counted: dict[Fraction, int] = {}
    for count, value in sorted(pairs, key=lambda p: p[1]):
        shown = Fraction(offset + step * value)
        counted[shown] = counted.get(shown, 0) + count
    sample = tuple(counted.items())
    n = case.n
    return SdBound(
        lost=lost,
        n=n,
        variance=Fraction(best[0]) * step**2 / (n * (n - lost)),
        total=Fraction(sum(v * c for v, c in sample)),
        squares=Fraction(sum(v * v * c for v, c in sample)),
        sample=sample,
    )


def _sums(runs: Runs, low: Number, high: Number) -> list[Number]:
    """The sums to look at: all of them, or the ends and those around the corners of the bounds."""
    if math.isinf(low) or math.isinf(high):
        ends = [v for v in (low, high) if not math.isinf(v)]
        corners = [runs.n * v for r in runs.rows for v in (r.low, r.high) if not math.isinf(v)]
        inside = [v for v in corners if low <= v <= high]
        return ends + inside or [0]
    if runs.whole and high - low < _MOST_SUMS:
        return list(range(int(low), int(high) + 1))
    shares = [low + (high - low) * Fraction(k, 400) for k in range(401)]
    if runs.whole:
        shares = [Fraction(math.floor(v)) for v in shares]
        return [int(v) for v in dict.fromkeys(shares)]
    return list(shares)
