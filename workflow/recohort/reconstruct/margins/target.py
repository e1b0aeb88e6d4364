"""What a column in strata aims at before its facts are met: a distribution for every stratum.

Facts, bounds and plausible shapes say of each stratum a mean and an SD, and which steps its values
can take. Over these steps :mod:`.shape` finds the distribution that values are drawn from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from recohort.card.layout import Family
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.summary import SdDenominator
from recohort.feasible.variable import Grid, VariableFacts
from recohort.reconstruct.margins.facts import (
    FactRanges,
    Scale,
    Shape,
    Stratum,
    StratumFact,
    working_scale,
)
from recohort.reconstruct.margins.shape import Bins, Moments, base_log_density, fit, make_bins

__all__ = ["MarginTarget", "Support", "fit_target", "stratum_moments", "support_of"]

_FURTHEST = 2**30
"""In steps: sums of squares of what lies nearer fit 64 bits."""


# A mean and an SD of every stratum


def stratum_moments(
    grid: Grid,
    strata: tuple[Stratum, ...],
    facts: tuple[StratumFact, ...],
    shape: Shape | None,
) -> list[Moments]:
    """A mean, SD and family for every stratum: its own facts first, then its shape, then the
    smallest union that it belongs to.

    Raises ValueError where nothing at all says where a stratum's values lie.
    """
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
            if own is None or fact.facts.printed:
                found = _estimate(replace(fact.facts, grid=grid), own)
            if found:
                break
        if found is None and own is not None:
            found = (own.mean, own.sd)
        if found is None:
            empty = VariableFacts(grid, stratum.n, stratum.n)
            within = replace(grid, low=stratum.low, high=stratum.high)
            found = _estimate(replace(empty, grid=within), None) or _estimate(empty, None)
        if found is None:
            raise ValueError(
                "shape: nothing printed, no bounds and no shape say where the values lie; "
                "takes a shape with a mean and an SD"
            )
        step = float(grid.step) if grid.step is not None else 0.0
        result.append(Moments(found[0], max(found[1], 0.05 * step, 1e-12), family))
    return result


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


# The steps that every stratum's values can take


@dataclass(frozen=True, slots=True)
class Support:
    """The scale to count in, and the first and last step of every stratum."""

    scale: Scale
    limits: tuple[tuple[int, int], ...]


def support_of(
    grid: Grid,
    strata: tuple[Stratum, ...],
    facts: tuple[StratumFact, ...],
    moments: list[Moments],
) -> Support:
    """The steps of every stratum, on a coarser scale where a real-valued one is too fine.

    Raises ValueError where a recording grid is too fine, or a stratum's range holds none of it.
    """
    number = max(sum(s.n for s in strata), 1)
    centre = sum(m.mean * s.n for m, s in zip(moments, strata, strict=True)) / number
    scale = working_scale(grid, facts, centre, max(m.sd for m in moments))
    while True:
        limits = tuple(
            _limits(grid, scale, stratum, m, [f for f in facts if i in f.strata])
            for i, (stratum, m) in enumerate(zip(strata, moments, strict=True))
        )
        furthest = max(max(abs(first), abs(last)) for first, last in limits)
        if furthest * number < _FURTHEST:
            return Support(scale, limits)
        if grid.step is not None:
            raise ValueError(
                f"grid: got a step of {float(grid.step):g} for {number} values that reach "
                f"{furthest} steps from their mean; takes a coarser step"
            )
        step = scale.step * 10
        scale = Scale(step, grid.offset, round((Fraction(centre) - grid.offset) / step))


def _limits(
    grid: Grid, scale: Scale, stratum: Stratum, moments: Moments, facts: list[StratumFact]
) -> tuple[int, int]:
    """First and last step that a stratum's values can take, by its bounds and printed extremes."""
    lows: list[Fraction] = [v for v in (grid.low, stratum.low) if v is not None]
    highs: list[Fraction] = [v for v in (grid.high, stratum.high) if v is not None]
    for fact in facts:
        for name, ends in (("minimum", lows), ("maximum", highs)):
            printed = fact.facts.printed.get(name)
            if printed is None:
                continue
            place = scale.steps(printed.value)
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
    first, last = math.ceil(scale.steps(low)), math.floor(scale.steps(high))
    if not highs:
        last = max(last, first)
    if not lows:
        first = min(first, last)
    if first > last and stratum.n > 0:
        raise ValueError(f"strata: no recordable value lies in {float(low):g} to {float(high):g}")
    return first, max(last, first)


# The distribution


@dataclass(frozen=True, slots=True)
class MarginTarget:
    """The distribution of every stratum of ``sizes`` values, also as flat tables.

    ``log_p`` holds the log probability of each step, stratum after stratum: stratum s begins at
    ``log_p_start[s]`` with the step ``first_step[s]``. Its bins are numbers ``bin_start[s]`` up to
    ``bin_start[s + 1]`` of ``bin_first``, ``bin_last`` and ``cdf``. ``reach`` is the largest SD.
    """

    sizes: tuple[int, ...]
    bins: tuple[Bins, ...]
    masses: tuple[FloatArray, ...]
    log_p: FloatArray
    log_p_start: IntArray
    first_step: IntArray
    cdf: FloatArray
    bin_first: IntArray
    bin_last: IntArray
    bin_start: IntArray
    reach: float

    @classmethod
    def of(cls, sizes: tuple[int, ...], bins: list[Bins], masses: list[FloatArray]) -> MarginTarget:
        """The target of bins and their probabilities."""
        pairs = list(zip(bins, masses, strict=True))
        logs = [np.repeat(np.log(np.maximum(p, 1e-300) / b.width), b.width) for b, p in pairs]
        sums = [np.cumsum(p) for p in masses]
        for total in sums:
            total[-1] = 1.0
        return cls(
            sizes=sizes,
            bins=tuple(bins),
            masses=tuple(masses),
            log_p=np.concatenate(logs),
            log_p_start=np.cumsum([0, *(t.size for t in logs)])[:-1].astype(np.int64),
            first_step=np.array([b.first[0] for b in bins], np.int64),
            cdf=np.concatenate(sums),
            bin_first=np.concatenate([b.first for b in bins]),
            bin_last=np.concatenate([b.last for b in bins]),
            bin_start=np.cumsum([0, *(b.first.size for b in bins)]).astype(np.int64),
            reach=max(math.sqrt(float(p @ (b.middle - p @ b.middle) ** 2)) for b, p in pairs),
        )

    def limits(self, stratum: int) -> tuple[int, int]:
        """First and last step of a stratum."""
        bins = self.bins[stratum]
        return int(bins.first[0]), int(bins.last[-1])

    def draw(self, rng: np.random.Generator) -> IntArray:
        """Independent values in steps, stratum after stratum."""
        parts = []
        for s, size in enumerate(self.sizes):
            a, b = self.bin_start[s], self.bin_start[s + 1]
            place = a + np.searchsorted(self.cdf[a:b], rng.random(size), side="right")
            place = np.minimum(place, b - 1)
            first, last = self.bin_first[place], self.bin_last[place]
            parts.append(first + (rng.random(size) * (last - first + 1)).astype(np.int64))
        return np.concatenate(parts).astype(np.int64)

    def is_rare(self, strata: tuple[int, ...], low: int, high: int) -> bool:
        """Whether less than one value of these strata is expected from low to high."""
        expected = 0.0
        for s in strata:
            first, last = self.limits(s)
            a, b = max(low, first), min(high, last)
            if a > b:
                continue
            base = self.log_p_start[s] - self.first_step[s]
            expected += self.sizes[s] * float(np.exp(self.log_p[base + a : base + b + 1]).sum())
        return expected < 1.0


def fit_target(
    grid: Grid,
    support: Support,
    moments: list[Moments],
    facts: tuple[StratumFact, ...],
    ranges: list[FactRanges],
    sizes: tuple[int, ...],
) -> MarginTarget:
    """The distribution of every stratum nearest to its moments that has the facts.

    ``moments`` are in the measurement's unit, ``ranges`` the facts in steps.
    """
    scale = support.scale
    unit = float(scale.step)
    cuts = _cuts(ranges)
    bins, bases = [], []
    for index, (first, last) in enumerate(support.limits):
        own = make_bins(first, last, cuts)
        low, high = _outer_bounds(grid, scale, [f for f in facts if index in f.strata])
        m = moments[index]
        mean = float(scale.steps(Fraction(m.mean)))
        bases.append(base_log_density(own, Moments(mean, m.sd / unit, m.family), low, high))
        bins.append(own)
    wanted = [_wanted(fact, r, scale) for fact, r in zip(facts, ranges, strict=True)]
    shares = [tuple((c.rank + 1) / r.n for c in r.couples) for r in ranges]
    masses = fit(bins, bases, list(sizes), ranges, wanted, shares)
    return MarginTarget.of(sizes, bins, masses)


def _cuts(ranges: list[FactRanges]) -> list[int]:
    """Last steps of what facts tell apart: no bin may reach over one."""
    cuts: set[int] = set()
    for fact in ranges:
        for interval in fact.intervals:
            cuts |= {interval.above, interval.upto}
        for pin in fact.pins:
            cuts |= {pin.low - 1, pin.high}
        for couple in fact.couples:
            first, last = couple.level
            cuts |= {first - 1, last}
    return sorted(cuts)


def _outer_bounds(
    grid: Grid, scale: Scale, facts: list[StratumFact]
) -> tuple[int | None, int | None]:
    """Bounds of the measurement itself in steps: the grid's, else a printed extreme."""
    low = None if grid.low is None else math.ceil(scale.steps(grid.low))
    high = None if grid.high is None else math.floor(scale.steps(grid.high))
    for fact in facts:
        least, most = fact.facts.minimum, fact.facts.maximum
        if low is None and least is not None and least.is_exact:
            low = math.floor(scale.steps(least.value))
        if high is None and most is not None and most.is_exact:
            high = math.ceil(scale.steps(most.value))
    return low, high


def _wanted(
    fact: StratumFact, ranges: FactRanges, scale: Scale
) -> tuple[float | None, float | None]:
    """A fact's printed mean and SD (with n) in steps, None where there is none to aim at."""
    mean, sd = fact.facts.mean, fact.facts.sd
    middle = spread = None
    if mean is not None and mean.is_exact and ranges.total is not None:
        middle = float(scale.steps(mean.value))
    if sd is not None and sd.is_exact and sd.value > 0:
        lost = ranges.n - 1 if fact.sd is SdDenominator.N_MINUS_1 else ranges.n
        spread = float(sd.value) / float(scale.step) * math.sqrt(max(lost, 1) / ranges.n)
    return middle, spread
