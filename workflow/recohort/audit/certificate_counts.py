"""Checkers of certificates about order, sums, counts and percentages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recohort.audit.certificate_box import Read, box, every_rule, misses, reading, term


def order(data: Mapping[str, Any]) -> bool:
    """``smaller`` should not exceed ``larger`` (two terms), and does under any rounding rule.

    Numbers printed to the same digits keep their order under every rule. Otherwise rounding to the
    nearest, cutting off and rounding up must each leave them in the wrong order.
    """
    (small, small_unit), (large, large_unit) = reading(data["smaller"]), reading(data["larger"])
    if small_unit == large_unit:
        return small > large
    return (
        small >= large + large_unit
        and small - small_unit >= large
        and small - small_unit / 2 > large + large_unit / 2
    )


@every_rule
def total(data: Mapping[str, Any], read: Read) -> bool:
    """``parts`` (terms) should add to ``whole`` (a term): exactly, ``at_least`` or ``at_most``.

    ``relation`` says how: "equal", "at_least" (the parts' sum must reach the whole, as for criteria
    that may overlap) or "at_most" (it must not exceed it, as for parts that exclude each other).
    """
    low = sum((term(part, read)[0] for part in data["parts"]), Fraction(0))
    high = sum((term(part, read)[1] for part in data["parts"]), Fraction(0))
    whole_low, whole_high = term(data["whole"], read)
    too_much, too_little = low > whole_high, high < whole_low
    return {
        "equal": too_much or too_little,
        "at_least": too_little,
        "at_most": too_much,
    }[data["relation"]]


def count_percent(data: Mapping[str, Any]) -> bool:
    """``k`` of ``n`` times ``scale`` (100 for percentages) prints as ``printed`` by no rule."""
    n = int(data["n"])
    return n > 0 and misses(data["printed"], Fraction(int(data["k"]) * int(data["scale"]), n))


def no_count(data: Mapping[str, Any]) -> bool:
    """No k in 0..n, for no n in ``n_low``..``n_high``, prints ``scale``·k/n as ``printed``."""
    n_low, n_high, scale = int(data["n_low"]), int(data["n_high"]), int(data["scale"])
    return 1 <= n_low <= n_high and all(
        misses(data["printed"], Fraction(k * scale, n))
        for n in range(n_low, n_high + 1)
        for k in range(n + 1)
    )


def not_whole(data: Mapping[str, Any]) -> bool:
    """The ``printed`` count has a fraction."""
    return reading({"printed": data["printed"]})[0].denominator != 1


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
