"""A plausible shape for a column: the distribution nearest to a family that has the printed facts.

Each stratum starts from a base density (normal, log-normal from the lower bound, its mirror from
the upper bound, or uniform) on the recordable steps of its range. Among all distributions with the
facts' mean, mean square and shares in intervals, the target is the one of smallest
Kullback-Leibler divergence from the base (I-projection; Csiszár, Ann Probab 1975;3:146). It is the
base times exp(sum of multipliers times features), and the multipliers minimise a convex function.
A small ridge keeps it finite where the facts cannot all be had exactly: the target is only a
direction, exactness is the search's work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from recohort.card.layout import Family
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.margins.facts import FAR, FactRanges

__all__ = ["Bins", "Moments", "base_log_density", "fit", "make_bins"]

_MOST_BINS = 600
_RIDGE = 0.01
# A bound within this many SDs of the mean skews what would else be normal.
_NEAR = 1.35


@dataclass(frozen=True, slots=True)
class Moments:
    """A mean and an SD, and the family asked for, if one was."""

    mean: float
    sd: float
    family: Family | None = None


@dataclass(frozen=True, slots=True)
class Bins:
    """Neighbouring steps taken together: first and last step of each, in ascending order."""

    first: IntArray
    last: IntArray

    @property
    def width(self) -> IntArray:
        """Steps in each bin."""
        return self.last - self.first + 1

    @property
    def middle(self) -> FloatArray:
        """Centre of each bin, in steps."""
        return (self.first + self.last) / 2.0


def make_bins(low: int, high: int, cuts: list[int]) -> Bins:
    """Bins of about equal width over low..high; no bin reaches over a cut (a last step)."""
    width = max(1, math.ceil((high - low + 1) / _MOST_BINS))
    ends = np.arange(low + width - 1, high + 1, width, dtype=np.int64)
    inside = [c for c in cuts if low <= c < high]
    last = np.unique(np.concatenate([ends, np.array([*inside, high], np.int64)]))
    first = np.concatenate([[low], last[:-1] + 1]).astype(np.int64)
    return Bins(first, last)


def base_log_density(bins: Bins, moments: Moments, low: int | None, high: int | None) -> FloatArray:
    """Log of the base density at the bins' centres; ``low``, ``high`` bound the measurement.

    A normal family with a bound near its mean becomes log-normal away from that bound: no normal
    measurement of mean 15 and SD 20 exists above 0.
    """
    x, mean, sd = bins.middle, moments.mean, max(moments.sd, 1e-9)
    below = (mean - low) / sd if low is not None else math.inf
    above = (high - mean) / sd if high is not None else math.inf
    if moments.family is Family.UNIFORM or (below <= 0 or above <= 0):
        return np.zeros(x.size)
    if moments.family is Family.LOGNORMAL and low is not None:
        return _lognormal(x - low, mean - low, sd)
    if below < _NEAR and below * 1.3 < above:
        return _lognormal(x - float(low or 0), mean - float(low or 0), sd)
    if above < _NEAR and above * 1.3 < below:
        return _lognormal(float(high or 0) - x, float(high or 0) - mean, sd)
    return np.asarray(-0.5 * ((x - mean) / sd) ** 2)


def _lognormal(distance: FloatArray, mean: float, sd: float) -> FloatArray:
    """Log-normal with this mean and SD, started a little outside so that the bound has mass."""
    shift = 0.5 + 0.05 * sd
    log_mean = mean + shift
    variance = math.log1p((sd / log_mean) ** 2)
    logs = np.log(np.maximum(distance + shift, 1e-9))
    centre = math.log(log_mean) - variance / 2
    return np.asarray(-logs - 0.5 * (logs - centre) ** 2 / variance)


def fit(
    bins: list[Bins],
    bases: list[FloatArray],
    sizes: list[int],
    facts: list[FactRanges],
    wanted: list[tuple[float | None, float | None]],
    shares: list[tuple[float, ...]],
) -> list[FloatArray]:
    """Probability of every bin of every stratum.

    ``wanted`` holds each fact's mean and SD in steps (or None), ``shares`` the share of values
    below each of its couples, in order.
    """
    starts = [b + np.log(k.width) for b, k in zip(bases, bins, strict=True)]
    features = _Features(bins, float(sum(sizes)) or 1.0)
    for fact, (mean, sd), below in zip(facts, wanted, shares, strict=True):
        features.add_fact(fact, mean, sd, below)
    if not features.low:
        return [_normalised(start) for start in starts]
    matrices = [np.array(rows) for rows in features.rows]
    multiplier = _multipliers(features, matrices, starts, sizes)
    return [
        _normalised(start + multiplier @ matrix)
        for start, matrix in zip(starts, matrices, strict=True)
    ]


class _Features:
    """What is wanted of the target: each feature's mean over all strata lies in low..high.

    ``rows`` holds each stratum's features, one row of values by bin a feature.
    """

    def __init__(self, bins: list[Bins], number: float) -> None:
        self.bins, self.number = bins, number
        self.rows: list[list[FloatArray]] = [[] for _ in bins]
        self.low: list[float] = []
        self.high: list[float] = []

    def _add(
        self, fact: FactRanges, rows: dict[int, FloatArray], least: float, most: float
    ) -> None:
        for s, b in enumerate(self.bins):
            self.rows[s].append(rows.get(s, np.zeros(b.first.size)))
        self.low.append(least * fact.n / self.number)
        self.high.append(most * fact.n / self.number)

    def _add_rank(self, fact: FactRanges, first: int, last: int, share: float) -> None:
        """The ordered value at this share lies in first..last."""
        self._add(fact, self._inside(fact, -FAR, last), share, 1.0)
        self._add(fact, self._inside(fact, -FAR, first - 1), 0.0, share)

    def _inside(self, fact: FactRanges, above: int, upto: int) -> dict[int, FloatArray]:
        bins = {s: self.bins[s] for s in fact.strata}
        return {
            s: ((b.first > above) & (b.last <= upto)).astype(np.float64) for s, b in bins.items()
        }

    def add_fact(
        self, fact: FactRanges, mean: float | None, sd: float | None, shares: tuple[float, ...]
    ) -> None:
        """A fact's mean and SD, counts and quantiles."""
        if mean is not None:
            self._add_moments(fact, mean, sd)
        for interval in fact.intervals:
            if interval.least <= interval.most:
                rows = self._inside(fact, interval.above, interval.upto)
                self._add(fact, rows, interval.least / fact.n, interval.most / fact.n)
        for pin in fact.pins:
            if pin.low <= pin.high and pin.name not in ("minimum", "maximum"):
                self._add_rank(fact, pin.low, pin.high, (pin.rank + 0.5) / fact.n)
        for couple, share in zip(fact.couples, shares, strict=True):
            first, last = couple.level
            self._add_rank(fact, min(first, last + 1), max(first - 1, last), share)

    def _add_moments(self, fact: FactRanges, mean: float, sd: float | None) -> None:
        unit = sd or 1.0
        z = {s: (self.bins[s].middle - mean) / unit for s in fact.strata}
        self._add(fact, z, 0.0, 0.0)
        if sd is not None:
            # A bin's own width adds to its second moment.
            square = {
                s: z[s] ** 2 + (self.bins[s].width ** 2 - 1) / 12 / unit**2 for s in fact.strata
            }
            self._add(fact, square, 1.0, 1.0)


def _multipliers(
    features: _Features, matrices: list[FloatArray], starts: list[FloatArray], sizes: list[int]
) -> FloatArray:
    """The features' multipliers: the convex dual's minimum, an upper and a lower one for each."""
    # Small columns need not have the facts in expectation: a looser target, a quicker fit.
    ridge = _RIDGE / math.sqrt(features.number)
    share_of = [n / features.number for n in sizes]
    lows, highs = np.array(features.low), np.array(features.high)

    def dual(pair: FloatArray) -> tuple[float, FloatArray]:
        up, down = pair[: lows.size], pair[lows.size :]
        multiplier = up - down
        value = -float(up @ lows) + float(down @ highs)
        gradient = np.zeros(lows.size)
        for start, matrix, share in zip(starts, matrices, share_of, strict=True):
            if share == 0:
                continue
            logs = start + multiplier @ matrix
            top = logs.max()
            mass = np.exp(logs - top)
            total = mass.sum()
            value += share * float(top + np.log(total))
            gradient += share * (matrix @ mass) / total
        value += 0.5 * ridge * float(pair @ pair)
        return value, np.concatenate([gradient - lows, highs - gradient]) + ridge * pair

    found = minimize(
        dual,
        np.zeros(2 * lows.size),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 40.0)] * (2 * lows.size),
        options={"maxiter": 250, "ftol": 1e-10, "gtol": 1e-6},
    )
    return np.asarray(found.x[: lows.size] - found.x[lows.size :])


def _normalised(logs: FloatArray) -> FloatArray:
    mass = np.exp(logs - logs.max())
    return np.asarray(mass / mass.sum())
