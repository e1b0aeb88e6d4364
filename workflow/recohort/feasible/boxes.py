"""What is known of each ordered value: a lower and an upper bound for every rank.

A count, an extreme or a quantile of a sample bounds its ordered values x_(1) <= ... <= x_(n):
"at least 34 values are 0 or less" says x_(34) <= 0. Bounds of neighbouring ranks are mostly equal,
so they are kept as runs. Among all samples within the bounds and with one sum, the sum of squares
is smallest for the most even sample and largest for the most extreme one (majorisation: Marshall
and Olkin, Inequalities, 1979, section 5.A), both of which are written down directly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

__all__ = ["Bounds", "Number", "Run"]

Number = int | Fraction | float
"""An exact number; the only floats are plus and minus infinity."""


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` neighbouring ranks with the same bounds."""

    count: int
    low: Number
    high: Number


class Bounds:
    """Bounds of the ordered values of a sample of ``n``, on whole numbers or on reals."""

    def __init__(self, n: int, whole: bool) -> None:
        self.n = n
        self.whole = whole
        self._lows: dict[int, Number] = {}
        self._highs: dict[int, Number] = {}
        self.changed = False

    def copy(self) -> Bounds:
        """An independent copy."""
        other = Bounds(self.n, self.whole)
        other._lows, other._highs = dict(self._lows), dict(self._highs)
        return other

    def low(self, rank: int) -> Number:
        """The largest known lower bound of x_(rank)."""
        return max((v for k, v in self._lows.items() if k <= rank), default=-math.inf)

    def high(self, rank: int) -> Number:
        """The smallest known upper bound of x_(rank)."""
        return min((v for k, v in self._highs.items() if k >= rank), default=math.inf)

    def at_least(self, rank: int, value: Number) -> None:
        """x_(rank) >= value. A rank above n says nothing, a rank below 1 is rank 1."""
        if rank > self.n or value == -math.inf:
            return
        value = self._up(value)
        rank = max(rank, 1)
        if value > self.low(rank):
            for known in [k for k, v in self._lows.items() if k >= rank and v <= value]:
                del self._lows[known]
            self._lows[rank] = value
            self.changed = True

    def at_most(self, rank: int, value: Number) -> None:
        """x_(rank) <= value. A rank below 1 says nothing, a rank above n is rank n."""
        if rank < 1 or value == math.inf:
            return
        value = self._down(value)
        rank = min(rank, self.n)
        if value < self.high(rank):
            for known in [k for k, v in self._highs.items() if k <= rank and v >= value]:
                del self._highs[known]
            self._highs[rank] = value
            self.changed = True

    def _up(self, value: Number) -> Number:
        return math.ceil(value) if self.whole and not isinstance(value, float) else value

    def _down(self, value: Number) -> Number:
        return math.floor(value) if self.whole and not isinstance(value, float) else value

    def surely_at_most(self, value: Number) -> int:
        """How many values are certainly at most ``value``."""
        return max((k for k, v in self._highs.items() if v <= value), default=0)

    def surely_below(self, value: Number) -> int:
        """How many values are certainly below ``value``."""
        return max((k for k, v in self._highs.items() if v < value), default=0)

    def maybe_at_most(self, value: Number) -> int:
        """How many values can be at most ``value``."""
        return min((k for k, v in self._lows.items() if v > value), default=self.n + 1) - 1

    def maybe_below(self, value: Number) -> int:
        """How many values can be below ``value``."""
        return min((k for k, v in self._lows.items() if v >= value), default=self.n + 1) - 1

    @property
    def contradictory(self) -> bool:
        """Whether some rank's lower bound exceeds its upper bound."""
        return any(self.low(k) > v for k, v in self._highs.items())

    def runs(self) -> Runs:
        """The bounds as runs of equal ranks, in order."""
        ends = sorted({self.n, *self._highs, *(k - 1 for k in self._lows if k > 1)})
        rows, before = [], 0
        for end in ends:
            rows.append(Run(end - before, self.low(end), self.high(end)))
            before = end
        return Runs(self.n, self.whole, tuple(rows))


@dataclass(frozen=True)
class Runs:
    """Consistent bounds of all ranks, ready for sums and sums of squares."""

    n: int
    whole: bool
    rows: tuple[Run, ...]

    @cached_property
    def sum_low(self) -> Number:
        """The smallest possible sum."""
        return sum(r.count * r.low for r in self.rows)

    @cached_property
    def sum_high(self) -> Number:
        """The largest possible sum."""
        return sum(r.count * r.high for r in self.rows)

    @property
    def bounded(self) -> bool:
        """Whether every rank has two finite bounds."""
        return not (math.isinf(self.rows[0].low) or math.isinf(self.rows[-1].high))

    @cached_property
    def _corners(self) -> list[Number]:
        ends = {r.low for r in self.rows} | {r.high for r in self.rows}
        return sorted(v for v in ends if not math.isinf(v)) or [0]

    def _filled(self, level: Number) -> Number:
        return sum(r.count * min(max(level, r.low), r.high) for r in self.rows)

    def _level(self, total: Number) -> tuple[Number, int]:
        """The level to which all values are drawn, and how many of them lie one step above it."""
        base = self._corners[0]
        if self._filled(base) <= total:
            low, high = 0, len(self._corners) - 1
            while low < high:
                middle = (low + high + 1) // 2
                if self._filled(self._corners[middle]) <= total:
                    low = middle
                else:
                    high = middle - 1
            base = self._corners[low]
            free = sum(r.count for r in self.rows if r.low <= base < r.high)
        else:
            free = sum(r.count for r in self.rows if r.low < base)
        rest = total - self._filled(base)
        if rest == 0 or not free:
            return base, 0
        if self.whole:
            steps, extra = divmod(int(rest), free)
            return base + steps, extra
        return base + Fraction(rest) / free, 0

    def most_even(self, total: Number) -> list[tuple[int, Number]]:
        """The sample of this sum with the smallest sum of squares, as (count, value) pairs.

        Every value is as near to one common level as its bounds allow.
        """
        level, extra = self._level(total)
        pairs: list[tuple[int, Number]] = []
        # Those one step above the level come last, so that the pairs stay in order.
        for r in reversed(self.rows):
            value = min(max(level, r.low), r.high)
            raised = min(extra, r.count) if r.low <= level < r.high else 0
            extra -= raised
            pairs += [(raised, value + 1), (r.count - raised, value)]
        return [(count, value) for count, value in reversed(pairs) if count]

    def most_extreme(self, total: Number) -> list[tuple[int, Number]]:
        """The sample of this sum with the largest sum of squares, as (count, value) pairs.

        The lowest ranks sit at their lower bounds, the highest at their upper bounds, and at most
        one value lies between.
        """
        rest = total - self.sum_low
        pairs: list[tuple[int, Number]] = []
        for r in reversed(self.rows):
            width = r.high - r.low
            moved = r.count if width == 0 else min(r.count, int(rest // width))
            rest -= moved * width
            between = 1 if moved < r.count and rest > 0 else 0
            pairs += [(moved, r.high), (between, r.low + rest if between else r.low)]
            if between:
                rest = 0
            pairs.append((r.count - moved - between, r.low))
        return [(count, value) for count, value in reversed(pairs) if count]

    def least_squares(self, total: Number) -> Number:
        """The smallest possible sum of squares of a sample of this sum."""
        return sum(c * v * v for c, v in self.most_even(total))

    def most_squares(self, total: Number) -> Number:
        """The largest possible sum of squares of a sample of this sum."""
        if not self.bounded:
            return math.inf
        return sum(c * v * v for c, v in self.most_extreme(total))

    def slope_below(self, total: Number) -> Number:
        """A multiplier c that makes :meth:`floor` tight near this sum."""
        level, _ = self._level(total)
        return 2 * level + 1 if self.whole else 2 * level

    def floor(self, slope: Number) -> Number:
        """K with sum of squares >= slope * sum + K for every sample within the bounds."""
        result: Number = 0
        half = Fraction(slope) / 2
        for r in self.rows:
            if self.whole:
                best = [min(max(v, r.low), r.high) for v in (math.floor(half), math.ceil(half))]
            else:
                best = [min(max(half, r.low), r.high)]
            result += r.count * min(v * v - slope * v for v in best)
        return result

    def slope_above(self, total: Number) -> Number:
        """A multiplier c that makes :meth:`ceiling` tight near this sum."""
        rest = total - self.sum_low
        for r in reversed(self.rows):
            room = r.count * (r.high - r.low)
            if rest <= room and room > 0:
                return r.low + r.high
            rest -= room
        return self.rows[0].low + self.rows[0].high

    def ceiling(self, slope: Number) -> Number:
        """M with sum of squares <= slope * sum + M for every sample within the bounds."""
        return sum(
            r.count * max(r.low * r.low - slope * r.low, r.high * r.high - slope * r.high)
            for r in self.rows
        )
