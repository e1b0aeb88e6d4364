"""Checkers of certificates about tests of two groups and of pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recohort.audit.certificate_box import Box, Read, every_rule


def _p(t: float, df: float) -> float:
    """Two-sided p-value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))


def _gap(first: Box, second: Box) -> tuple[float, float]:
    """The smallest and largest distance between numbers of two boxes."""
    low, high = float(first[0] - second[1]), float(first[1] - second[0])
    return max(0.0, low, -high), max(abs(low), abs(high))


def _sd(text: str, n: int, read: Read) -> tuple[float, float]:
    """An SD with n - 1, where the printed one may have been divided by n."""
    low, high = read(text)
    return max(0.0, float(low)), float(high) * math.sqrt(n / (n - 1))


def _outside(printed: Box, low: float, high: float) -> bool:
    """Whether a printed p misses [low, high], and half of it (one-sided), by more than a hair."""
    printed_low, printed_high = printed
    return high * (1 + 1e-9) < printed_low or printed_high < low / 2 * (1 - 1e-9)


@every_rule
def two_sample_t(data: Mapping[str, Any], read: Read) -> bool:
    """``p`` lies outside what Student's and Welch's t give over the boxes of means and SDs.

    ``n1``, ``mean1``, ``sd1``, ``n2``, ``mean2``, ``sd2``; one- and two-sided; SD with n or n - 1.
    """
    n1, n2 = int(data["n1"]), int(data["n2"])
    near, far = _gap(read(data["mean1"]), read(data["mean2"]))
    (a1, b1), (a2, b2) = _sd(data["sd1"], n1, read), _sd(data["sd2"], n2, read)
    if n1 < 2 or n2 < 2 or a1 + a2 <= 0:
        return False

    def pooled(s1: float, s2: float) -> float:
        within = ((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2)
        return math.sqrt(within * (1 / n1 + 1 / n2))

    def separate(s1: float, s2: float) -> float:
        return math.sqrt(s1**2 / n1 + s2**2 / n2)

    most, least = n1 + n2 - 2, min(n1, n2) - 1
    lows = [_p(far / pooled(a1, a2), most), _p(far / separate(a1, a2), most)]
    highs = [_p(near / pooled(b1, b2), most), _p(near / separate(b1, b2), least)]
    return _outside(read(data["p"]), min(lows), max(highs))


@every_rule
def paired_t(data: Mapping[str, Any], read: Read) -> bool:
    """No correlation in [-1, 1] gives ``p`` for n pairs, n in ``n_low``..``n_high``.

    The SD of the differences lies between |sd1 - sd2| and sd1 + sd2.
    """
    n_low, n_high = int(data["n_low"]), int(data["n_high"])
    near, far = _gap(read(data["mean1"]), read(data["mean2"]))
    if not 2 <= n_low <= n_high:
        return False
    lows, highs = [], []
    for n in (n_low, n_high):
        first, second = _sd(data["sd1"], n, read), _sd(data["sd2"], n, read)
        smallest = max(0.0, first[0] - second[1], second[0] - first[1])
        largest = first[1] + second[1]
        if largest <= 0:
            return False
        lows.append(0.0 if smallest <= 0 else _p(far / smallest * math.sqrt(n), n - 1))
        highs.append(_p(near / largest * math.sqrt(n), n - 1))
    return _outside(read(data["p"]), min(lows), max(highs))


@every_rule
def rank_p(data: Mapping[str, Any], read: Read) -> bool:
    """``p`` is below the smallest that a rank test can give.

    "two_sample": one ordering of C(n1 + n2, n1) when exact; z is at most √(N - 1) however the
    values are tied. "paired": one assignment of signs of 2^n1 when exact; z at most √n1.
    """
    n1, n2 = int(data["n1"]), int(data["n2"]) if data["design"] == "two_sample" else 0
    exact, z = {
        "two_sample": (Fraction(1, math.comb(n1 + n2, n1)), math.sqrt(max(n1 + n2 - 1, 0))),
        "paired": (Fraction(1, 2**n1), math.sqrt(n1)),
    }[data["design"]]
    smallest = min(float(exact), math.erfc(z / math.sqrt(2)) / 2)
    low, high = read(data["p"])
    return high <= smallest * (1 - 1e-9) if low == -math.inf else high < smallest * (1 - 1e-9)
