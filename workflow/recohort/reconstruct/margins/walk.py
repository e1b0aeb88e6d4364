"""Draws of one column in strata: a start near the facts, the walk to them, and what stands in.

Starts are independent values from the target (:mod:`.target`), a few of them put where a
printed quantile or extreme wants one; :mod:`.kernel` walks on from there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from recohort.cohort import FloatArray, IntArray
from recohort.feasible.variable import Grid
from recohort.reconstruct.margins.facts import (
    FAR,
    Couple,
    FactRanges,
    Shape,
    Stratum,
    StratumFact,
    fact_ranges,
)
from recohort.reconstruct.margins.kernel import settle
from recohort.reconstruct.margins.solver import Solution, solve
from recohort.reconstruct.margins.target import fit_target, stratum_moments, support_of

__all__ = ["MarginEffort", "Walk"]

Unmet = tuple[tuple[int, str], ...]

_WIDE = 2**62
# Sorting at every move pays for small columns, whose ordered values leave little room; for larger
# ones it is the second resort.
_DIRECT = 24
_DIRECT_LATER = 400
# Up to this many values, couples are checked on the ordered values while mixing.
_FEW_VALUES = 80
# After so many starts without a column it is asked whether there is one.
_UNDOUBTED = 3


@dataclass(frozen=True, slots=True)
class MarginEffort:
    """How hard to try: starts before the solver is asked, moves a value to arrive and to mix."""

    restarts: int = 6
    moves_per_value: int = 150
    mixing_per_value: int = 15
    solver_work: float = 10.0
    """In the solver's deterministic seconds, which no clock measures."""


@dataclass(slots=True)
class _Start:
    """Values in steps, each with its bounds, and what the walk must keep of ordered values.

    ``limits`` bounds the counts of values in ``rows`` (fact, above, upto) on the way,
    ``free_limits`` afterwards; ``ranked`` (fact, rank, a, b, low, high) bounds ordered values.
    """

    y: IntArray
    low: IntArray
    high: IntArray
    rows: list[tuple[int, int, int]]
    limits: list[tuple[int, int]]
    free_limits: list[tuple[int, int]] = field(default_factory=list)
    ranked: list[tuple[int, ...]] = field(default_factory=list)


class Walk:
    """The set-up for one column in strata, and its draws."""

    def __init__(
        self,
        grid: Grid,
        strata: tuple[Stratum, ...],
        facts: tuple[StratumFact, ...],
        shape: Shape | None,
        effort: MarginEffort,
    ) -> None:
        self.effort = effort
        for fact in facts:
            if not fact.strata or not set(fact.strata) <= set(range(len(strata))):
                raise ValueError(
                    f"facts: got strata {fact.strata}; takes some of 0 to {len(strata) - 1}"
                )
        moments = stratum_moments(grid, strata, facts, shape)
        support = support_of(grid, strata, facts, moments)
        self.scale = support.scale
        self.sizes = tuple(s.n for s in strata)
        self._strict = [fact_ranges(f, self.sizes, self.scale, ties=False) for f in facts]
        self._with_ties = [fact_ranges(f, self.sizes, self.scale) for f in facts]
        self._solution: Solution | None = None
        self.target = fit_target(grid, support, moments, facts, self._strict, self.sizes)
        self._stratum = np.repeat(np.arange(len(strata)), self.sizes).astype(np.int64)
        self._low = np.array([a for a, _ in support.limits], np.int64)[self._stratum]
        self._high = np.array([b for _, b in support.limits], np.int64)[self._stratum]
        self.ranges: list[FactRanges] = []
        self._use(self._strict)

    def _use(self, facts: list[FactRanges]) -> None:
        """Walk into these ranges from now on: fixed arrays for the inner loop."""
        if facts == self.ranges and facts:
            return
        self.ranges = facts
        self._member = np.zeros((max(len(facts), 1), len(self.sizes)), np.bool_)
        self._size = np.zeros(len(facts), np.int64)
        self._boxes = np.empty((len(facts), 4), np.int64)
        self._weights = np.empty((len(facts), 2))
        for f, r in enumerate(facts):
            self._member[f, list(r.strata)] = True
            self._size[f] = r.n
            total = r.total or (-_WIDE, _WIDE)
            spread = r.spread or (-_WIDE, _WIDE)
            self._boxes[f] = (*total, *spread)
            unit = max(self.target.reach, 0.3)
            self._weights[f] = (1.0 / unit, 1.0 / (2.0 * r.n * unit**2))
        rows: list[tuple[int, int, int]] = []
        limits: list[tuple[int, int]] = []
        pin_rows: list[tuple[int, int, int]] = []
        pin_limits: list[tuple[int, int]] = []
        for f, r in enumerate(facts):
            for i in r.intervals:
                rows.append((f, i.above, i.upto))
                limits.append((i.least, i.most))
            for p in r.pins:
                pin_rows += [(f, -FAR, p.high), (f, -FAR, p.low - 1)]
                pin_limits += [(p.rank + 1, r.n), (0, p.rank)]
        self._count_rows, self._count_limits = rows, limits
        self._pin_rows, self._pin_limits = pin_rows, pin_limits
        # Pins that hardly any value would meet by chance are given a value of their own.
        self._rare = [
            [
                (p.low, p.high)
                for p in r.pins
                if p.low <= p.high and self.target.is_rare(r.strata, p.low, p.high)
            ]
            for r in facts
        ]

    def _lock(
        self, start: _Start, ranges: FactRanges, box: tuple[int, int], rng: np.random.Generator
    ) -> None:
        """Give the nearest free value of the fact's strata to a box, and keep it there."""
        first, last = box
        low, high = start.low, start.high
        members = np.isin(self._stratum, ranges.strata)
        if (members & (low >= first) & (high <= last)).any():
            return
        # A value already held elsewhere stays there.
        held = (low > self._low) | (high < self._high)
        free = members & ~held & (low <= last) & (high >= first) & (high - low > last - first)
        if not free.any():
            return
        where = np.flatnonzero(free)
        aim = int(rng.integers(first, last + 1))
        i = where[np.argmin(np.abs(start.y[where] - aim))]
        low[i], high[i] = max(first, low[i]), min(last, high[i])
        start.y[i] = min(max(aim, low[i]), high[i])

    def _couple(
        self,
        couple: Couple,
        strata: tuple[int, ...],
        ordered: IntArray,
        pins: list[tuple[int, int, int]],
        rng: np.random.Generator,
    ) -> tuple[int, int] | None:
        """Two neighbouring ordered values in the couple's set, near those of this start.

        ``pins`` (rank, low, high) bound other ordered values of the same strata.
        """
        least = min(self.target.limits(s)[0] for s in strata)
        most = max(self.target.limits(s)[1] for s in strata)
        r = couple.rank
        bounds = []
        for rank in (r, r + 1):
            lo = max((a for k, a, _ in pins if k <= rank), default=-FAR)
            hi = min((b for k, _, b in pins if k >= rank), default=FAR)
            bounds.append((max(lo, least), min(hi, most)))
        u0, v0 = int(ordered[r]), int(ordered[r + 1])
        (a, b), scale = (couple.a, couple.b), couple.a + couple.b
        gap = v0 - u0
        aim = (couple.low + rng.random() * (couple.high - couple.low)) / scale
        u0 = round(aim - b * gap / scale)
        top = min(bounds[0][1], couple.high // scale)
        for span in (40, 5000):
            u = np.arange(max(bounds[0][0], min(u0, top) - span), min(top, u0 + span) + 1)
            low = np.maximum(-((a * u - couple.low) // b), np.maximum(u, bounds[1][0]))
            high = np.minimum((couple.high - a * u) // b, bounds[1][1])
            good = low <= high
            if good.any():
                u, low, high = u[good], low[good], high[good]
                v = np.minimum(np.maximum(u0 + gap, low), high)
                cost = np.abs(u - u0) + np.abs(v - u0 - gap) + rng.random(u.size)
                k = int(np.argmin(cost))
                return int(u[k]), int(v[k])
        return None

    def _ready(
        self, rng: np.random.Generator, given: IntArray | None, direct: bool
    ) -> tuple[_Start, bool]:
        """A start and what the walk must keep; false where a couple has no values.

        Where ``given``, a column of a solver, the ordered values of couples stay as they are there.
        """
        start = _Start(
            self.target.draw(rng) if given is None else given.copy(),
            self._low.copy(),
            self._high.copy(),
            list(self._count_rows),
            list(self._count_limits),
        )
        if not direct:
            start.rows += self._pin_rows
            start.limits += self._pin_limits
        start.free_limits += start.limits
        for f, ranges in enumerate(self.ranges):
            if direct:
                start.ranked += [(f, p.rank, 1, 0, p.low, p.high) for p in ranges.pins]
                start.ranked += [(f, c.rank, c.a, c.b, c.low, c.high) for c in ranges.couples]
                continue
            if given is None:
                for box in self._rare[f]:
                    self._lock(start, ranges, box, rng)
            if ranges.couples and not self._fix_couples(start, f, given is not None, rng):
                return start, False
        return start, True

    def _fix_couples(self, start: _Start, f: int, as_it_is: bool, rng: np.random.Generator) -> bool:
        """Choose values for a fact's couples and count on them; whether there were any."""
        ranges, number = self.ranges[f], int(start.y.size)
        ordered = np.sort(start.y[self._member[f][self._stratum]])
        pins = [(p.rank, p.low, p.high) for p in ranges.pins]
        for couple in ranges.couples:
            r = couple.rank
            pair: tuple[int, int] | None = (int(ordered[r]), int(ordered[r + 1]))
            if not as_it_is:
                pair = self._couple(couple, ranges.strata, ordered, pins, rng)
            if pair is None:
                return False
            u, v = pair
            pins += [(r, u, u), (r + 1, v, v)]
            start.rows += [(f, -FAR, u), (f, -FAR, u - 1), (f, -FAR, v), (f, -FAR, v - 1)]
            held = [(r + 1, number), (0, r), (r + 2, number), (0, r + 1)]
            start.limits += held
            for end in () if as_it_is else pair:
                if self.target.is_rare(ranges.strata, end, end):
                    self._lock(start, ranges, (end, end), rng)
            if number <= _FEW_VALUES:
                start.free_limits += [(0, number)] * 4
                start.ranked.append((f, r, couple.a, couple.b, couple.low, couple.high))
            else:
                start.free_limits += held
        return True

    def _attempt(
        self, rng: np.random.Generator, moves: int, given: IntArray | None, direct: bool
    ) -> tuple[IntArray, float, int]:
        """Walk from one start: the values, how far they are from the facts, the moves tried."""
        start, is_sound = self._ready(rng, given, direct)
        if not is_sound:
            return start.y, math.inf, 0
        target = self.target
        energy, steps = settle(
            start.y,
            start.low,
            start.high,
            self._stratum,
            self._member,
            self._size,
            self._boxes,
            self._weights,
            np.array(start.limits, np.int64).reshape(-1, 2),
            np.array(start.rows, np.int64).reshape(-1, 3),
            np.array(start.free_limits, np.int64).reshape(-1, 2),
            np.array(start.ranked, np.int64).reshape(-1, 6),
            direct,
            target.log_p,
            target.log_p_start,
            target.first_step,
            target.cdf,
            target.bin_first,
            target.bin_last,
            target.bin_start,
            target.reach,
            np.uint64(rng.integers(1, 2**63)),
            moves,
            max(2000, self.effort.mixing_per_value * int(start.y.size)),
        )
        return start.y, float(energy), int(steps)

    def draw(self, rng: np.random.Generator) -> tuple[tuple[FloatArray, ...], Unmet, int]:
        """Values by stratum, what they do not print, and the moves tried.

        One number is taken from ``rng``; all else follows from it, whatever was drawn before.
        """
        seed, most = int(rng.integers(0, 2**63)), self.effort.restarts
        found, _, spent = self._restarts(seed, 0, range(min(_UNDOUBTED, most)))
        if found is not None:
            return self._values(found), (), spent
        solution, more = self._solve()
        spent += more
        phases = [(0, self._strict, range(_UNDOUBTED, most)), (3, self._with_ties, range(most))]
        last = [r.without(_names(solution.dropped, f)) for f, r in enumerate(self._with_ties)]
        if solution.dropped:
            phases = []
        elif self._with_ties == self._strict:
            del phases[1]
        try:
            for phase, ranges, numbers in (*phases, (1, last, range(max(1, min(3, most))))):
                self._use(ranges)
                found, nearest, more = self._restarts(seed, phase, numbers)
                spent += more
                if found is not None:
                    return self._values(found), solution.dropped, spent
            if solution.values is not None:
                start = np.array(solution.values, np.int64)
                y, energy, steps = self._attempt(np.random.default_rng((seed, 2)), 1, start, False)
                spent += steps
                if energy == 0.0:
                    return self._values(y), solution.dropped, spent
            missed = tuple(dict.fromkeys((*solution.dropped, *self._missed(nearest))))
            return self._values(nearest), missed, spent
        finally:
            self._use(self._strict)

    def log_likely(self, points: FloatArray) -> FloatArray:
        """Logarithms of each stratum's target (strata, P) at points."""
        steps = np.rint((points - float(self.scale.offset)) / float(self.scale.step))
        found = np.full((len(self.sizes), points.size), -700.0)
        for s, own in enumerate(found):
            first, last = self.target.limits(s)
            place = steps - self.scale.centre - first
            inside = (place >= 0) & (place <= last - first)
            start = self.target.log_p_start[s]
            own[inside] = self.target.log_p[start + place[inside].astype(np.int64)]
        return found

    def _solve(self) -> tuple[Solution, int]:
        """A column that prints all facts or all but the fewest; the moves that were tried for it.

        Asked once a request, after a draw that has come to doubt it, and from a seed of its own:
        which draw that was makes no difference.
        """
        spent = 0
        if self._solution is None:
            found = None
            for phase, ranges in ((0, self._strict), (3, self._with_ties)):
                if found is None and (phase == 0 or self._with_ties != self._strict):
                    self._use(ranges)
                    found, _, more = self._restarts(0, phase, range(self.effort.restarts))
                    spent += more
            self._use(self._strict)
            self._solution = (
                solve(self._with_ties, self.target, self.effort.solver_work)
                if found is None
                else Solution(tuple(found.tolist()))
            )
        return self._solution, spent

    def _restarts(
        self, seed: int, phase: int, numbers: range
    ) -> tuple[IntArray | None, IntArray, int]:
        """A column that prints the facts, if a start led to one; the nearest; moves tried."""
        number = sum(self.sizes)
        moves = max(8000, self.effort.moves_per_value * number)
        spent, least, nearest = 0, math.inf, np.zeros(number, np.int64)
        for k in numbers:
            rng = np.random.default_rng((seed, phase, k))
            direct = number <= _DIRECT or (k % 3 == 2 and number <= _DIRECT_LATER)
            y, energy, steps = self._attempt(rng, moves * 2**k, None, direct)
            spent += steps
            if energy == 0.0:
                return y, y, spent
            if k == numbers[0] or energy < least:
                nearest, least = y, energy
        return None, nearest, spent

    def _missed(self, y: IntArray) -> Unmet:
        """The statistics that a column does not print."""
        missed: list[tuple[int, str]] = []
        for f, r in enumerate(self.ranges):
            own = np.sort(y[self._member[f][self._stratum]])
            total, squares = int(own.sum()), int((own * own).sum())
            spread = r.n * squares - total**2
            found: list[str] = []
            if r.total and not r.total[0] <= total <= r.total[1]:
                found.append("mean")
            if r.spread and not r.spread[0] <= spread <= r.spread[1]:
                found.append("sd")
            found += [p.name for p in r.pins if not p.low <= own[p.rank] <= p.high]
            for c in r.couples:
                if not c.low <= c.a * own[c.rank] + c.b * own[c.rank + 1] <= c.high:
                    found.append(c.name)
            for i in r.intervals:
                held = int(((own > i.above) & (own <= i.upto)).sum())
                if not i.least <= held <= i.most:
                    found.append(i.name)
            missed += [(f, name) for name in found]
        return tuple(dict.fromkeys(missed))

    def _values(self, y: IntArray) -> tuple[FloatArray, ...]:
        """Steps as values, each the float nearest to the exact number."""
        step, offset = self.scale.step, self.scale.offset
        bottom = math.lcm(step.denominator, offset.denominator)
        slope = step.numerator * (bottom // step.denominator)
        shift = offset.numerator * (bottom // offset.denominator)
        exact = (y + self.scale.centre) * slope + shift
        result = exact / bottom
        ends = np.cumsum(self.sizes)[:-1]
        return tuple(np.sort(part) for part in np.split(result, ends))


def _names(dropped: Unmet, fact: int) -> frozenset[str]:
    return frozenset(name for f, name in dropped if f == fact)
