"""From facts to draws: the target's set-up, the starts, and the walk's restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from recohort.card.layout import Family
from recohort.feasible.variable import Grid, VariableFacts
from recohort.reconstruct.margin_facts import (
    FAR,
    Couple,
    FactRanges,
    Scale,
    Shape,
    Stratum,
    StratumFact,
    fact_ranges,
    working_scale,
)
from recohort.reconstruct.margin_kernel import settle
from recohort.reconstruct.margin_solver import Solution, solve
from recohort.reconstruct.shape import Moments, base_log_density, fit, make_bins

__all__ = ["MarginEffort", "Walk"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Unmet = tuple[tuple[int, str], ...]

_WIDE = 2**62
# Sorting at every move pays for small columns, whose ordered values leave little room; for larger
# ones it is the second resort.
_DIRECT = 24
_DIRECT_LATER = 400
# Up to this many values, couples are checked on the ordered values while mixing.
_FEW_VALUES = 80


@dataclass(frozen=True, slots=True)
class MarginEffort:
    """How hard to try: starts before the solver is asked, moves a value to arrive and to mix."""

    restarts: int = 6
    moves_per_value: int = 150
    mixing_per_value: int = 15
    solver_seconds: float = 10.0


def _estimate(facts: VariableFacts, shape: Shape | None) -> tuple[float, float] | None:
    """A mean and SD that suit the facts, or None where they say nothing of one or the other."""
    value = {name: float(p.value) for name, p in facts.printed.items()}
    if shape is not None and shape.family is Family.LOGNORMAL and "mean" not in value:
        fitted = _lognormal_moments(value, shape)
        if fitted is not None:
            return fitted[0], value.get("sd", fitted[1])
    mean, sd = value.get("mean"), value.get("sd")
    if mean is None and shape is not None and "median" not in value:
        mean = shape.mean
    if sd is None and shape is not None and not {"q1", "q3"} <= value.keys():
        sd = shape.sd
    if mean is None:
        known = [value[k] for k in ("q1", "median", "q3") if k in value]
        if not known:
            known = [value[k] for k in ("minimum", "maximum") if k in value]
        mean = sum(known) / len(known) if known else None
    if sd is None and {"q1", "q3"} <= value.keys():
        sd = (value["q3"] - value["q1"]) / 1.349
    if sd is None and {"minimum", "maximum"} <= value.keys():
        sd = (value["maximum"] - value["minimum"]) / 4.0
    low, high = facts.grid.low, facts.grid.high
    if low is not None and high is not None:
        mean = float(low + high) / 2 if mean is None else mean
        sd = float(high - low) / 4 if sd is None else sd
    if mean is None:
        return None
    if sd is None:
        sd = abs(mean) / 4 or 1.0
    return mean, sd


def _lognormal_moments(value: dict[str, float], shape: Shape) -> tuple[float, float] | None:
    """Mean and SD of the log-normal with the printed median, and the printed quartiles' spread.

    Without quartiles the spread is the shape's. A normal's middle and spread would cut off the
    long tail.
    """
    median = value.get("median", 0.0)
    q1, q3 = value.get("q1", 0.0), value.get("q3", 0.0)
    if median <= 0.0 or shape.mean <= 0.0:
        return None
    variance = math.log1p((shape.sd / shape.mean) ** 2)
    if 0.0 < q1 < q3:
        variance = (math.log(q3 / q1) / 1.349) ** 2
    mean = median * math.exp(variance / 2.0)
    return mean, mean * math.sqrt(math.expm1(variance))


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
        self.strata = strata
        for fact in facts:
            if not fact.strata or not set(fact.strata) <= set(range(len(strata))):
                raise ValueError(
                    f"facts: got strata {fact.strata}; takes some of 0 to {len(strata) - 1}"
                )
        moments = self._moments(grid, strata, facts, shape)
        number = sum(s.n for s in strata)
        centre = sum(m.mean * s.n for m, s in zip(moments, strata, strict=True)) / max(number, 1)
        sd = max(m.sd for m in moments)
        self.scale = working_scale(grid, facts, centre, sd)
        while True:
            limits = [
                self._support(grid, s, m, facts, i)
                for i, (s, m) in enumerate(zip(strata, moments, strict=True))
            ]
            reach = max(max(abs(a), abs(b)) for a, b in limits) * max(number, 1)
            if reach < 2**30:
                break
            if grid.step is not None:
                raise ValueError(
                    f"grid: got a step of {float(grid.step):g} for {number} values that reach "
                    f"{reach // max(number, 1)} steps from their mean; takes a coarser step"
                )
            step = self.scale.step * 10
            self.scale = Scale(step, grid.offset, round((Fraction(centre) - grid.offset) / step))
        self.sizes = tuple(s.n for s in strata)
        self.ranges = [fact_ranges(f, self.sizes, self.scale, ties=False) for f in facts]
        self._with_ties = [fact_ranges(f, self.sizes, self.scale) for f in facts]
        self.unmet: Unmet = ()
        self._solution: Solution | None = None
        self._fit(grid, moments, facts, limits)
        self._stratum = np.repeat(np.arange(len(strata)), self.sizes).astype(np.int64)
        self._low = np.array([a for a, _ in limits], np.int64)[self._stratum]
        self._high = np.array([b for _, b in limits], np.int64)[self._stratum]
        self._limits = limits

    @staticmethod
    def _moments(
        grid: Grid,
        strata: tuple[Stratum, ...],
        facts: tuple[StratumFact, ...],
        shape: Shape | None,
    ) -> list[Moments]:
        """A mean, SD and family for every stratum: its own facts first, then its shape, then
        the smallest union that it belongs to."""
        result = []
        for index, stratum in enumerate(strata):
            own = stratum.shape or shape
            family = own.family if own else None
            about = sorted((f for f in facts if index in f.strata), key=lambda f: len(f.strata))
            found = None
            for fact in about:
                if len(fact.strata) > 1 and stratum.shape is not None:
                    found = (stratum.shape.mean, stratum.shape.sd)
                    break
                printed = fact.facts.printed
                if own is None or printed:
                    found = _estimate(replace(fact.facts, grid=grid), own)
                if found:
                    break
            if found is None and own is not None:
                found = (own.mean, own.sd)
            if found is None:
                empty = VariableFacts(grid, stratum.n, stratum.n)
                found = _estimate(
                    replace(empty, grid=replace(grid, low=stratum.low, high=stratum.high)), None
                ) or _estimate(empty, None)
            if found is None:
                raise ValueError(
                    "shape: nothing printed, no bounds and no shape say where the values lie; "
                    "takes a shape with a mean and an SD"
                )
            step = float(grid.step) if grid.step is not None else 0.0
            result.append(Moments(found[0], max(found[1], 0.05 * step, 1e-12), family))
        return result

    def _support(
        self,
        grid: Grid,
        stratum: Stratum,
        moments: Moments,
        facts: tuple[StratumFact, ...],
        index: int,
    ) -> tuple[int, int]:
        """First and last step that the stratum's values can take."""
        lows: list[Fraction] = [v for v in (grid.low, stratum.low) if v is not None]
        highs: list[Fraction] = [v for v in (grid.high, stratum.high) if v is not None]
        for fact in facts:
            if index not in fact.strata:
                continue
            for name, ends in (("minimum", lows), ("maximum", highs)):
                printed = fact.facts.printed.get(name)
                if printed is None:
                    continue
                place = self.scale.steps(printed.value)
                if grid.step is not None and printed.is_exact and place.denominator == 1:
                    ends.append(printed.value)
                    continue
                # Of a bound (<5) only the side that bounds all values.
                found = printed.accepted
                end = found.low if name == "minimum" else found.high
                if math.isfinite(end):
                    ends.append(Fraction(end))
        mean, sd = moments.mean, moments.sd
        tails = 10.0 if lows and (mean - float(max(lows))) < 2 * sd else 6.0
        if moments.family is Family.LOGNORMAL:
            tails = 12.0
        low = max(lows) if lows else Fraction(mean - 6 * sd)
        high = min(highs) if highs else Fraction(mean + tails * sd)
        if not highs and high <= low:
            high = low + Fraction(4 * sd)
        if not lows and low >= high:
            low = high - Fraction(4 * sd)
        first, last = math.ceil(self.scale.steps(low)), math.floor(self.scale.steps(high))
        if not highs:
            last = max(last, first)
        if not lows:
            first = min(first, last)
        if first > last and stratum.n > 0:
            raise ValueError(
                f"strata: no recordable value lies in {float(low):g} to {float(high):g}"
            )
        return first, max(last, first)

    def _fit(
        self,
        grid: Grid,
        moments: list[Moments],
        facts: tuple[StratumFact, ...],
        limits: list[tuple[int, int]],
    ) -> None:
        cuts: set[int] = set()
        for ranges in self.ranges:
            for interval in ranges.intervals:
                cuts |= {interval.above, interval.upto}
            for pin in ranges.pins:
                cuts |= {pin.low - 1, pin.high}
            for couple in ranges.couples:
                scale = couple.a + couple.b
                first, last = -(-couple.low // scale), couple.high // scale
                cuts |= {first - 1, last}
        unit = float(self.scale.step)
        bins, bases = [], []
        for index, (first, last) in enumerate(limits):
            m = moments[index]
            own = make_bins(first, last, sorted(cuts))
            low = None if grid.low is None else math.ceil(self.scale.steps(grid.low))
            high = None if grid.high is None else math.floor(self.scale.steps(grid.high))
            for fact in facts:
                if index not in fact.strata:
                    continue
                least, most = fact.facts.minimum, fact.facts.maximum
                if low is None and least is not None and least.is_exact:
                    low = math.floor(self.scale.steps(least.value))
                if high is None and most is not None and most.is_exact:
                    high = math.ceil(self.scale.steps(most.value))
            mean = float(self.scale.steps(Fraction(m.mean)))
            bases.append(base_log_density(own, Moments(mean, m.sd / unit, m.family), low, high))
            bins.append(own)
        wanted: list[tuple[float | None, float | None]] = []
        for fact, ranges in zip(facts, self.ranges, strict=True):
            mean_text, sd_text = fact.facts.mean, fact.facts.sd
            middle = None
            if mean_text is not None and mean_text.is_exact and ranges.total is not None:
                middle = float(self.scale.steps(mean_text.value))
            spread = None
            if sd_text is not None and sd_text.is_exact and sd_text.value > 0:
                lost = ranges.n - 1 if fact.sd.value == "n-1" else ranges.n
                spread = float(sd_text.value) / unit * math.sqrt(max(lost, 1) / ranges.n)
            wanted.append((middle, spread))
        weights = [tuple((c.rank + 1) / r.n for c in r.couples) for r in self.ranges]
        masses = fit(bins, bases, list(self.sizes), self.ranges, wanted, weights)
        self.target = list(zip(bins, masses, strict=True))
        tables = [
            np.repeat(np.log(np.maximum(p, 1e-300) / b.width), b.width) for b, p in self.target
        ]
        sums = [np.cumsum(p) for p in masses]
        for total in sums:
            total[-1] = 1.0
        self._logp = np.concatenate(tables)
        starts = np.cumsum([0, *(t.size for t in tables)])
        self._logp_start = starts[:-1].astype(np.int64)
        self._first_step = np.array([b.first[0] for b in bins], np.int64)
        self._cdf = np.concatenate(sums)
        self._bin_first = np.concatenate([b.first for b in bins])
        self._bin_last = np.concatenate([b.last for b in bins])
        self._bin_start = np.cumsum([0, *(b.first.size for b in bins)]).astype(np.int64)
        self._reach = max(
            math.sqrt(float(p @ (b.middle - p @ b.middle) ** 2)) for b, p in self.target
        )
        self._prepare()

    def _prepare(self) -> None:
        """Fixed arrays for the inner loop; again after statistics were dropped."""
        strata = len(self.strata)
        facts = self.ranges
        self._member = np.zeros((max(len(facts), 1), strata), np.bool_)
        self._size = np.zeros(len(facts), np.int64)
        self._boxes = np.empty((len(facts), 4), np.int64)
        self._weights = np.empty((len(facts), 2))
        for f, r in enumerate(facts):
            self._member[f, list(r.strata)] = True
            self._size[f] = r.n
            total = r.total or (-_WIDE, _WIDE)
            spread = r.spread or (-_WIDE, _WIDE)
            self._boxes[f] = (*total, *spread)
            unit = max(self._reach, 0.3)
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
            [(p.low, p.high) for p in r.pins if p.low <= p.high and self._is_rare(r, p.low, p.high)]
            for r in facts
        ]

    def _is_rare(self, ranges: FactRanges, low: int, high: int) -> bool:
        expected = 0.0
        for s in ranges.strata:
            first, last = self._limits_of(s)
            a, b = max(low, first), min(high, last)
            if a > b:
                continue
            base = self._logp_start[s] - self._first_step[s]
            expected += self.sizes[s] * float(np.exp(self._logp[base + a : base + b + 1]).sum())
        return expected < 1.0

    def _limits_of(self, s: int) -> tuple[int, int]:
        bins = self.target[s][0]
        return int(bins.first[0]), int(bins.last[-1])

    def _start(self, rng: np.random.Generator) -> IntArray:
        """Independent values from the target, stratum after stratum."""
        parts = []
        for s, size in enumerate(self.sizes):
            a, b = self._bin_start[s], self._bin_start[s + 1]
            place = a + np.searchsorted(self._cdf[a:b], rng.random(size), side="right")
            place = np.minimum(place, b - 1)
            first, last = self._bin_first[place], self._bin_last[place]
            parts.append(first + (rng.random(size) * (last - first + 1)).astype(np.int64))
        return np.concatenate(parts).astype(np.int64)

    def _lock(
        self,
        y: IntArray,
        low: IntArray,
        high: IntArray,
        ranges: FactRanges,
        box: tuple[int, int],
        rng: np.random.Generator,
    ) -> None:
        """Give the nearest free value of the fact's strata to a box, and keep it there."""
        first, last = box
        members = np.isin(self._stratum, ranges.strata)
        inside = members & (low >= first) & (high <= last)
        wider = (low < high) | (low < first) | (high > last)
        free = members & wider & (low <= last) & (high >= first) & (high - low > last - first)
        if inside.any():
            return
        if not free.any():
            return
        # A value already held elsewhere stays there.
        held = (low > self._low) | (high < self._high)
        free &= ~held
        if not free.any():
            return
        where = np.flatnonzero(free)
        aim = int(rng.integers(first, last + 1))
        i = where[np.argmin(np.abs(y[where] - aim))]
        low[i], high[i] = max(first, low[i]), min(last, high[i])
        y[i] = min(max(aim, low[i]), high[i])

    def _couple(
        self,
        couple: Couple,
        ordered: IntArray,
        pins: list[tuple[int, int, int]],
        rng: np.random.Generator,
    ) -> tuple[int, int] | None:
        """Two neighbouring ordered values in the couple's set, near those of this start."""
        r = couple.rank
        bounds = []
        for rank in (r, r + 1):
            lo = max((a for k, a, _ in pins if k <= rank), default=-FAR)
            hi = min((b for k, _, b in pins if k >= rank), default=FAR)
            bounds.append((max(lo, self._least), min(hi, self._most)))
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

    def _attempt(
        self,
        rng: np.random.Generator,
        moves: int,
        start: IntArray | None,
        direct: bool,
    ) -> tuple[IntArray, float, int]:
        y = self._start(rng) if start is None else start.copy()
        low, high = self._low.copy(), self._high.copy()
        rows, limits = list(self._count_rows), list(self._count_limits)
        if not direct:
            rows += self._pin_rows
            limits += self._pin_limits
        free_limits = list(limits)
        loose: list[tuple[int, ...]] = []
        number = int(y.size)
        for f, ranges in enumerate(self.ranges):
            if direct:
                loose += [(f, p.rank, 1, 0, p.low, p.high) for p in ranges.pins]
                loose += [(f, c.rank, c.a, c.b, c.low, c.high) for c in ranges.couples]
                continue
            if start is None:
                for box in self._rare[f]:
                    self._lock(y, low, high, ranges, box, rng)
            if not ranges.couples:
                continue
            members = self._member[f][self._stratum]
            ordered = np.sort(y[members])
            self._least = min(self._limits_of(s)[0] for s in ranges.strata)
            self._most = max(self._limits_of(s)[1] for s in ranges.strata)
            pins = [(p.rank, p.low, p.high) for p in ranges.pins]
            for couple in ranges.couples:
                r = couple.rank
                if start is None:
                    pair = self._couple(couple, ordered, pins, rng)
                    if pair is None:
                        return y, math.inf, 0
                else:
                    pair = int(ordered[r]), int(ordered[r + 1])
                u, v = pair
                pins += [(r, u, u), (r + 1, v, v)]
                rows += [(f, -FAR, u), (f, -FAR, u - 1), (f, -FAR, v), (f, -FAR, v - 1)]
                limits += [(r + 1, number), (0, r), (r + 2, number), (0, r + 1)]
                if start is None:
                    for end in (u, v):
                        if self._is_rare(ranges, end, end):
                            self._lock(y, low, high, ranges, (end, end), rng)
                if number <= _FEW_VALUES:
                    free_limits += [(0, number)] * 4
                    loose.append((f, r, couple.a, couple.b, couple.low, couple.high))
                else:
                    free_limits += limits[-4:]
        seed = np.uint64(rng.integers(1, 2**63))
        mixing = max(2000, self.effort.mixing_per_value * number)
        energy, steps = settle(
            y,
            low,
            high,
            self._stratum,
            self._member,
            self._size,
            self._boxes,
            self._weights,
            np.array(limits, np.int64).reshape(-1, 2),
            np.array(rows, np.int64).reshape(-1, 3),
            np.array(free_limits, np.int64).reshape(-1, 2),
            np.array(loose, np.int64).reshape(-1, 6),
            direct,
            self._logp,
            self._logp_start,
            self._first_step,
            self._cdf,
            self._bin_first,
            self._bin_last,
            self._bin_start,
            self._reach,
            seed,
            moves,
            mixing,
        )
        return y, float(energy), int(steps)

    def draw(self, rng: np.random.Generator) -> tuple[tuple[FloatArray, ...], Unmet, int]:
        """Values by stratum, what they do not print, and the moves tried.

        One number is taken from ``rng``; all else follows from it, whatever was drawn before.
        """
        seed = int(rng.integers(0, 2**63))
        spent = 0
        if not self.unmet:
            found, _, spent = self._restarts(seed, 0, self.effort.restarts)
            if found is not None:
                return self._values(found), (), spent
            if self._with_ties != self.ranges:
                strict = self.ranges
                self.ranges = self._with_ties
                self._prepare()
                found, _, more = self._restarts(seed, 3, self.effort.restarts)
                spent += more
                if found is not None:
                    # The next draw tries without ties again, as if this one had not been.
                    self.ranges = strict
                    self._prepare()
                    return self._values(found), (), spent
            if self._solution is None:
                self._solution = solve(
                    self.ranges, self.sizes, self.target, self.effort.solver_seconds
                )
                self._drop(self._solution.dropped)
        found, nearest, more = self._restarts(seed, 1, min(3, self.effort.restarts))
        spent += more
        solution = self._solution
        if found is None and solution is not None and solution.values is not None:
            start = np.array(solution.values, np.int64)
            y, energy, steps = self._attempt(np.random.default_rng((seed, 2)), 1, start, False)
            spent += steps
            found = y if energy == 0.0 else None
        if found is not None:
            return self._values(found), self.unmet, spent
        return self._values(nearest), self._missed(nearest), spent

    def _restarts(self, seed: int, phase: int, most: int) -> tuple[IntArray | None, IntArray, int]:
        """A column that prints the facts, if a start led to one; the nearest; moves tried."""
        number = sum(self.sizes)
        moves = max(8000, self.effort.moves_per_value * number)
        spent, least, nearest = 0, math.inf, None
        for k in range(max(most, 1)):
            rng = np.random.default_rng((seed, phase, k))
            direct = number <= _DIRECT or (k % 3 == 2 and number <= _DIRECT_LATER)
            y, energy, steps = self._attempt(rng, moves, None, direct)
            spent += steps
            if energy == 0.0:
                return y, y, spent
            if nearest is None or energy < least:
                nearest, least = y, energy
            moves *= 2
        return None, y if nearest is None else nearest, spent

    def _drop(self, dropped: Unmet) -> None:
        """Leave statistics free that cannot be printed together with the others."""
        if not dropped:
            return
        by_fact: dict[int, set[str]] = {}
        for f, name in dropped:
            by_fact.setdefault(f, set()).add(name)
        self.unmet = tuple(dropped)
        self.ranges = [r.without(frozenset(by_fact.get(f, ()))) for f, r in enumerate(self.ranges)]
        self._prepare()

    def _missed(self, y: IntArray) -> Unmet:
        """The statistics that a column does not print."""
        missed: list[tuple[int, str]] = list(self.unmet)
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
