"""What was printed of a predictor alone, so that its values may change and still print it.

Order statistics that a printed quantile, minimum or maximum rests on stay where they are, and other
values stay on their sides of them and of every counted threshold. Mean and SD become targets of
the search beside the coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.summary import SdDenominator, quantile_position
from recohort.feasible.variable import Relation
from recohort.printed import Printed
from recohort.reconstruct.measurement import RowFacts

__all__ = ["Margin", "margin_of", "room"]

_TINY = 1e-9

_QUANTILES = {"median": 0.5, "q1": 0.25, "q3": 0.75, "minimum": 0.0, "maximum": 1.0}


@dataclass(frozen=True, slots=True)
class Margin:
    """Facts about one predictor among some rows: see `room` and `Margin.values`.

    ``boxes`` (4, k) are those of the mean and the SD, as far as they were printed (``has_mean``,
    ``has_sd``). ``edges`` are values that stay; ``cuts`` (2, cuts) the last value below and the
    first value above each threshold; ``gap`` how near to an edge other values may come.
    """

    inside: BoolArray
    ddof: int
    has_mean: bool
    has_sd: bool
    boxes: FloatArray
    edges: FloatArray
    cuts: FloatArray
    gap: float

    def values(self, values: FloatArray) -> FloatArray:
        """Mean and SD (C, k), as far as they were printed, of states of one predictor (C, n)."""
        part = values[:, self.inside]
        found = []
        if self.has_mean:
            found.append(part.mean(axis=1))
        if self.has_sd:
            found.append(part.std(axis=1, ddof=self.ddof))
        return np.stack(found, axis=1) if found else np.empty((values.shape[0], 0))

    def effects(
        self,
        values: FloatArray,
        moves: tuple[IntArray, IntArray, FloatArray, FloatArray],
        *,
        smooth: bool,  # noqa: ARG002 - a mean has no steps: exact in any case
    ) -> FloatArray:
        """Mean and SD (M, k) after each move (a, b, at_a, at_b) of a predictor (n,)."""
        a, b, at_a, at_b = moves
        part = values[self.inside]
        n, centre = part.size, float(part.mean())
        squares = float(np.square(part - centre).sum())
        total, square = np.zeros(a.size), np.zeros(a.size)
        for rows, new in ((a, at_a), (b, at_b)):
            mine = (rows >= 0) & self.inside[rows]
            before, after = values[rows] - centre, new - centre
            total += np.where(mine, after - before, 0.0)
            square += np.where(mine, after**2 - before**2, 0.0)
        found = []
        if self.has_mean:
            found.append(centre + total / n)
        if self.has_sd:
            left = np.maximum(squares + square - total**2 / n, 0.0)
            found.append(np.sqrt(left / (n - self.ddof)))
        return np.stack(found, axis=1) if found else np.empty((a.size, 0))


def margin_of(facts: RowFacts, values: FloatArray, step: float) -> Margin | None:
    """The margin of a column whose values print the facts; ``None`` where it cannot be kept."""
    inside = facts.rows & ~np.isnan(values)
    ordered = np.sort(values[inside])
    if ordered.size < 3:
        return None
    printed = facts.facts.printed
    edges: set[float] = set()
    for name, probability in _QUANTILES.items():
        if name not in printed:
            continue
        if probability in (0.0, 1.0):
            edges.add(float(ordered[0 if probability == 0.0 else -1]))
            continue
        try:
            place = quantile_position(ordered.size, probability, facts.quantiles)
        except ValueError:
            return None
        edges |= {float(ordered[place.lower]), float(ordered[place.upper])}
    cuts = []
    for count in facts.facts.counts:
        cut = _cut(count.relation, count.threshold, step)
        if cut is None:
            return None
        cuts.append(cut)
    boxes = [_box(printed[name]) for name in ("mean", "sd") if name in printed]
    return Margin(
        inside=inside,
        ddof=1 if facts.sd is SdDenominator.N_MINUS_1 else 0,
        has_mean="mean" in printed,
        has_sd="sd" in printed,
        boxes=np.array(boxes).reshape(-1, 4).T,
        edges=np.array(sorted(edges)),
        cuts=np.array(cuts).reshape(-1, 2).T,
        gap=step if step > 0.0 else _TINY,
    )


def _box(printed: Printed) -> tuple[float, float, float, float]:
    low, high = float(printed.accepted.low), float(printed.accepted.high)
    half = float(printed.unit) / 2.0
    return low, high, half, 4.0 * half


def _cut(relation: Relation, threshold: Fraction, step: float) -> tuple[float, float] | None:
    at = float(threshold)
    if step <= 0.0:
        if relation in (Relation.AT_LEAST, Relation.BELOW):
            return math.nextafter(at, -math.inf), at
        return None if relation is Relation.EQUAL else (at, math.nextafter(at, math.inf))
    if relation in (Relation.AT_LEAST, Relation.BELOW):
        first = math.ceil(at / step - 1e-9)
    elif relation in (Relation.ABOVE, Relation.AT_MOST):
        first = math.floor(at / step + 1e-9) + 1
    else:
        return None
    return round((first - 1) * step, 9), round(first * step, 9)


def room(
    margins: Iterable[Margin], rows: IntArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How low and how high the values of some rows may go, one at a time or together."""
    low, high = np.full(values.size, -np.inf), np.full(values.size, np.inf)
    for margin in margins:
        mine = margin.inside[rows]
        if margin.edges.size:
            ends = np.concatenate([[-np.inf], margin.edges, [np.inf]])
            below = ends[np.searchsorted(ends, values, side="right") - 1]
            above = ends[np.searchsorted(ends, values, side="left")]
            # A value that came to lie on one would stay there for good.
            stays = below == above
            below, above = (
                np.where(stays, below, np.round(below + margin.gap, 9)),
                np.where(stays, above, np.round(above - margin.gap, 9)),
            )
            low = np.where(mine, np.maximum(low, below), low)
            high = np.where(mine, np.minimum(high, above), high)
        for below, above in margin.cuts.T:
            up = values >= 0.5 * (below + above)
            low = np.where(mine & up, np.maximum(low, above), low)
            high = np.where(mine & ~up, np.minimum(high, below), high)
    return low, high
