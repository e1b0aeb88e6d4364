"""Checkers of certificates about order, sums, counts and percentages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recohort.audit.certificate_box import box, term


def order(data: Mapping[str, Any]) -> bool:
    """``smaller`` should not exceed ``larger`` (two terms), and does by any reading."""
    return term(data["smaller"])[0] > term(data["larger"])[1]


def total(data: Mapping[str, Any]) -> bool:
    """``parts`` (terms) should add to ``whole`` (a term): exactly, ``at_least`` or ``at_most``.

    ``relation`` says how: "equal", "at_least" (the parts' sum must reach the whole, as for criteria
    that may overlap) or "at_most" (it must not exceed it, as for parts that exclude each other).
    """
    low = sum((term(part)[0] for part in data["parts"]), Fraction(0))
    high = sum((term(part)[1] for part in data["parts"]), Fraction(0))
    whole_low, whole_high = term(data["whole"])
    too_much, too_little = low > whole_high, high < whole_low
    return {
        "equal": too_much or too_little,
        "at_least": too_little,
        "at_most": too_much,
    }[data["relation"]]


def count_percent(data: Mapping[str, Any]) -> bool:
    """``k`` of ``n`` times ``scale`` (100 for percentages) lies outside the box of ``printed``."""
    k, n = int(data["k"]), int(data["n"])
    low, high = box(data["printed"])
    return n > 0 and not low <= Fraction(k * int(data["scale"]), n) <= high


def no_count(data: Mapping[str, Any]) -> bool:
    """No k in 0..n, for no n in ``n_low``..``n_high``, gives ``scale``·k/n inside ``printed``."""
    low, high = box(data["printed"])
    n_low, n_high, scale = int(data["n_low"]), int(data["n_high"]), int(data["scale"])
    if not 1 <= n_low <= n_high:
        return False
    for n in range(n_low, n_high + 1):
        first = max(0, math.ceil(low * n / scale)) if low > -math.inf else 0
        if first <= n and Fraction(first * scale, n) <= high:
            return False
    return True


def rounding(data: Mapping[str, Any]) -> bool:
    """``items`` (k, n, scale, printed): every rounding rule misprints at least one of them."""

    def prints(item: Mapping[str, Any], rule: str) -> bool:
        # box() refuses malformed text; a bound such as "<1" is no rounding of anything.
        low, high = box(item["printed"])
        unit = high - low
        exact = Fraction(int(item["k"]) * int(item["scale"]), int(item["n"])) / Fraction(unit)
        printed = Fraction(low + high) / 2 / Fraction(unit)
        match rule:
            case "half_up":
                return math.floor(exact + Fraction(1, 2)) == printed
            case "half_even":
                return round(exact) == printed
            case "truncation":
                return math.floor(exact) == printed
        return math.ceil(exact) == printed

    return len(data["items"]) > 0 and all(
        any(not prints(item, rule) for item in data["items"])
        for rule in ("half_up", "half_even", "truncation", "ceiling")
    )
