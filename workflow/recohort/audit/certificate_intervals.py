"""Checkers of certificates about confidence intervals of proportions, ratios and AUCs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from statistics import NormalDist
from typing import Any

from recohort.audit.certificate_box import Read, every_rule


def _z(level: str) -> float:
    return NormalDist().inv_cdf(0.5 + float(level) / 2)


@every_rule
def binomial_tail(data: Mapping[str, Any], read: Read) -> bool:
    """The limits ``lower`` and ``upper`` of k/n leave far more probability beyond k than allowed.

    At the lower (upper) limit, nearly (1 - level)/2 should lie at k or above (below). The limits
    of Wald and Wilson, the most liberal in use, are taken as they are. One tail more than three
    times, or both together more than twice, the largest of these is beyond every method. The ends
    of the rounding boxes that make the interval widest are used.
    """
    k, n, scale, level = int(data["k"]), int(data["n"]), int(data["scale"]), float(data["level"])
    if not 0 < k < n:
        return False
    p, z = k / n, _z(data["level"])
    wald_half = z * math.sqrt(p * (1 - p) / n)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    wilson_half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)

    def tails(low: float, high: float) -> tuple[float, float]:
        return _binomial(n, low, range(k, n + 1)), _binomial(n, high, range(k + 1))

    printed = tails(float(read(data["lower"])[0]) / scale, float(read(data["upper"])[1]) / scale)
    liberal = [
        tails(p - wald_half, p + wald_half),
        tails(centre - wilson_half, centre + wilson_half),
        ((1 - level) / 2, (1 - level) / 2),
    ]
    one = any(printed[i] > 3 * max(pair[i] for pair in liberal) for i in (0, 1))
    return one or sum(printed) > 2 * max(map(sum, liberal))


def _binomial(n: int, q: float, counts: range) -> float:
    """The probability of ``counts`` successes in n, each of chance q; 0 where q is outside 0..1."""
    if not 0 < q < 1:
        return 0.0
    return sum(
        math.exp(
            math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
            + i * math.log(q) + (n - i) * math.log1p(-q)
        )
        for i in counts
    )  # fmt: skip


@every_rule
def no_table(data: Mapping[str, Any], read: Read) -> bool:
    """No table with rows ``n1``, ``n0`` and ``events`` in all prints the ``printed`` ratio.

    ``measure`` is "odds" or "risk". For odds ratios the sample ratio, the ratio after adding ½ to
    each cell, and the conditional maximum-likelihood ratio (as R's fisher.test gives) are tried.
    """
    low, high = read(data["printed"])
    n1, n0, events = int(data["n1"]), int(data["n0"]), int(data["events"])
    if data["measure"] not in ("odds", "risk"):
        return False
    for a in range(max(0, events - n0), min(n1, events) + 1):
        b, c, d = n1 - a, events - a, n0 - events + a
        if data["measure"] == "risk":
            pairs = [(a * n0, c * n1)]
        else:
            pairs = [(a * d, b * c), ((2 * a + 1) * (2 * d + 1), (2 * b + 1) * (2 * c + 1))]
        if any(below and low <= Fraction(above, below) <= high for above, below in pairs):
            return False
        if data["measure"] == "odds" and _conditional(n1, n0, events, a, low, high):
            return False
    return True


def _conditional(n1: int, n0: int, m: int, a: int, low: Any, high: Any) -> bool:
    """Whether the conditional odds ratio of ``a`` lies in the box: its mean of a grows with it."""

    def mean(ratio: float) -> float:
        if ratio <= 0:
            return float(max(0, m - n0))
        support = range(max(0, m - n0), min(n1, m) + 1)
        logs = [
            math.log(math.comb(n1, i)) + math.log(math.comb(n0, m - i)) + i * math.log(ratio)
            for i in support
        ]
        weights = [math.exp(value - max(logs)) for value in logs]
        return sum(i * w for i, w in zip(support, weights, strict=True)) / sum(weights)

    return mean(float(low)) - 1e-9 <= a <= mean(float(high)) + 1e-9


@every_rule
def auc_bound(data: Mapping[str, Any], read: Read) -> bool:
    """The interval of an AUC is wider than ``smaller`` participants of the rarer class allow.

    However the scores are distributed, var(A) is at most A(1 - A)/(m - 1), with m the number in
    the rarer class (van Dantzig's bound, with the n - 1 of variance estimates). The narrowest
    printed interval is held against the widest that the bound gives, Wald or on the logit scale.
    """
    m, z = int(data["smaller"]), _z(data["level"])
    auc, lower, upper = (read(data[name]) for name in ("auc", "lower", "upper"))
    width = float(upper[0] - lower[1])
    a = min(max(0.5, float(auc[0])), float(auc[1]))
    if m < 2 or not 0 < a < 1:
        return False
    half = z * math.sqrt(a * (1 - a) / (m - 1))
    centre, spread = math.log(a / (1 - a)), half / (a * (1 - a))
    logit = math.tanh((centre + spread) / 2) / 2 - math.tanh((centre - spread) / 2) / 2
    return width > max(min(a + half, 1.0) - max(a - half, 0.0), 2 * half, logit) + 1e-9


@every_rule
def wald_ratio(data: Mapping[str, Any], read: Read) -> bool:
    """No log ratio b and half-width h give ``estimate``, ``lower``, ``upper`` (and ``p``).

    exp(b), exp(b - h), exp(b + h) must print as they did; those are six half-planes in (b, h), and
    b/h takes its extremes at their corners. What may be as near to 0 or as large as one likes ends
    at exp(∓10⁶). One- and two-sided p are both allowed.
    """
    end = 1e6
    planes: list[tuple[float, float, float]] = [(0.0, -1.0, 0.0)]  # u b + v h <= w
    for name, side in (("estimate", 0.0), ("lower", -1.0), ("upper", 1.0)):
        low, high = read(data[name])
        planes.append((1.0, side, min(math.log(high), end)))
        planes.append((-1.0, -side, -math.log(low) if low > 0 else end))
    corners = []
    for (u1, v1, w1), (u2, v2, w2) in combinations(planes, 2):
        det = u1 * v2 - u2 * v1
        if det:
            b, h = (w1 * v2 - w2 * v1) / det, (u1 * w2 - u2 * w1) / det
            if all(u * b + v * h <= w + 1e-9 for u, v, w in planes):
                corners.append((b, h))
    if not corners or data.get("p") is None:
        return not corners
    if any(h <= 1e-9 for _, h in corners):
        return False
    z = [b / h * _z(data["level"]) for b, h in corners]
    weakest = 0.0 if min(z) <= 0 <= max(z) else min(map(abs, z))
    p_high, p_low = math.erfc(weakest / math.sqrt(2)), math.erfc(max(map(abs, z)) / math.sqrt(2))
    low, high = read(data["p"])
    return p_high + 1e-9 < low or high < p_low / 2 - 1e-12
