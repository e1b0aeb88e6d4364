"""The unrounded ratios and standard errors that print as a ratio and its limits.

With b the logarithm of the ratio and h the half-width of its interval on the log scale, a Wald
interval prints as it did when b, b - h and b + h lie in the logarithms of three rounding boxes.
Those are six half-planes: the pairs (b, h) form a polygon, and b/h, on which the p-value depends,
takes its extremes at the polygon's corners. A ratio that prints as 0.00 may be as small as one
likes, its logarithm has no end: then the polygon is open, and b/h nears what it is along the edges
that go on for ever.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from recohort.printed import Printed, RealSet, RoundingRule

__all__ = ["Reach", "ratio_reach"]

_SLACK = 1e-10


@dataclass(frozen=True, slots=True)
class Reach:
    """Extremes of log ratio b, half-width h and b/h over the polygon; each may be infinite."""

    b: tuple[float, float]
    h: tuple[float, float]
    b_over_h: tuple[float, float]

    def statistic(self, critical: float) -> tuple[float, float]:
        """Smallest and largest |b| / SE where h = ``critical`` × SE."""
        low, high = self.b_over_h
        if low <= 0 <= high:
            return 0.0, max(-low, high) * critical
        return min(abs(low), abs(high)) * critical, max(abs(low), abs(high)) * critical


def ratio_reach(
    estimate: Printed,
    lower: Printed,
    upper: Printed,
    rule: RoundingRule | None = None,
    *,
    log_scale: bool = True,
) -> Reach | None:
    """The polygon's extremes, or None where it is empty; ``rule`` None takes the accepted rules.

    ``log_scale`` False asks for limits symmetric about the ratio itself instead.
    """
    half_planes: list[tuple[float, float, float]] = [(0.0, -1.0, 0.0)]  # u b + v h <= w
    for printed, side in ((estimate, 0.0), (lower, -1.0), (upper, 1.0)):
        if rule is not None and log_scale and printed.under(rule).high <= 0:
            return None  # a zero under rounding up is a true zero, which no ratio is
        low, high = _ends(printed, rule, log_scale)
        if math.isfinite(high):
            half_planes.append((1.0, side, high))
        if math.isfinite(low):
            half_planes.append((-1.0, -side, -low))
    corners = _corners(half_planes)
    if not corners:
        return None
    rays = _rays(half_planes)
    b = [corner[0] for corner in corners] + [math.copysign(math.inf, x) for x, _ in rays if x]
    h = [corner[1] for corner in corners] + [math.inf for _, y in rays if y]
    quotients = [x / y if y > _SLACK else math.copysign(math.inf, x) for x, y in (*corners, *rays)]
    return Reach((min(b), max(b)), (min(h), max(h)), (min(quotients), max(quotients)))


def _ends(printed: Printed, rule: RoundingRule | None, log_scale: bool) -> tuple[float, float]:
    values: RealSet = printed.accepted if rule is None else printed.under(rule)
    if not log_scale:
        return float(values.low), float(values.high)
    if values.high <= 0:
        raise ValueError(f"ratio: got {printed.text!r}; takes a number above 0")
    return (
        math.log(values.low) if values.low > 0 else -math.inf,
        math.log(values.high) if math.isfinite(values.high) else math.inf,
    )


def _corners(planes: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
    corners = []
    for i, (u1, v1, w1) in enumerate(planes):
        for u2, v2, w2 in planes[i + 1 :]:
            determinant = u1 * v2 - u2 * v1
            if determinant == 0:
                continue
            b = (w1 * v2 - w2 * v1) / determinant
            h = (u1 * w2 - u2 * w1) / determinant
            if all(u * b + v * h <= w + _SLACK for u, v, w in planes):
                corners.append((b, h))
    return corners


def _rays(planes: list[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """Directions of edges along which an open polygon goes on for ever."""
    directions = {(sign * -v, sign * u) for u, v, _ in planes for sign in (1.0, -1.0)}
    return [(x, y) for x, y in sorted(directions) if all(u * x + v * y <= 0 for u, v, _ in planes)]
