"""The set that a printed number stands for, read a second time and as simply as possible.

Written again on purpose, without ``recohort.printed``: a certificate is worth what its checker
does not share with the check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial, wraps
from typing import Any

Box = tuple[Fraction | float, Fraction | float]
"""The smallest and the largest number, both included; infinite where unbounded."""

Read = Callable[[str], Box]
"""A way of reading printed text: :func:`under` one rounding rule."""


def box(text: str) -> Box:
    """The numbers that print as ``text`` when rounded to the nearest, ties either way."""
    comparator, value, unit = _parts(text)
    if comparator in ("<", "≤", "<="):
        return -math.inf, value
    if comparator in (">", "≥", ">="):
        return value, math.inf
    return value - unit / 2, value + unit / 2


def under(text: str, rule: str) -> Box:
    """As :func:`box`, for rounding to the ``nearest``, cutting off (``down``) or ``up``."""
    comparator, value, unit = _parts(text)
    if rule == "nearest" or comparator not in ("", "="):
        return box(text)
    size = abs(value)
    low, high = (size, size + unit) if rule == "down" else (size - unit, size)
    if size == 0:
        return -max(high, Fraction(0)), max(high, Fraction(0))
    return (low, high) if value > 0 else (-high, -low)


def every_rule(
    holds: Callable[[Mapping[str, Any], Read], bool],
) -> Callable[[Mapping[str, Any]], bool]:
    """A checker that must find its contradiction under each rounding rule, one for all numbers."""

    @wraps(holds)
    def checker(data: Mapping[str, Any]) -> bool:
        return all(holds(data, partial(under, rule=rule)) for rule in ("nearest", "down", "up"))

    return checker


def term(value: Mapping[str, Any], read: Read) -> Box:
    """``{"printed": "0.80"}`` as its box, ``{"exact": "1/3"}`` as one number."""
    if "printed" in value:
        return read(value["printed"])
    exact = Fraction(value["exact"])
    return exact, exact


def reading(value: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """A term's value as printed, and one unit of its last digit (0 for an exact number)."""
    if "exact" in value:
        return Fraction(value["exact"]), Fraction(0)
    comparator, number, unit = _parts(value["printed"])
    if comparator not in ("", "="):
        raise ValueError(f"printed: got {value['printed']!r}; takes a number, not a bound")
    return number, unit


def misses(text: str, value: Fraction) -> bool:
    """Whether ``value`` prints as ``text`` under no rounding rule, all of which move it less than
    one unit; a bound such as "<1" must hold."""
    comparator, number, unit = _parts(text)
    match comparator:
        case "<":
            return value >= number
        case "≤" | "<=":
            return value > number
        case ">":
            return value <= number
        case "≥" | ">=":
            return value < number
    return abs(value - number) >= unit


def _parts(text: str) -> tuple[str, Fraction, Fraction]:
    """Comparator, value and unit of the last digit."""
    body = text.strip().rstrip("%").replace("−", "-").replace("–", "-").replace("·", ".")
    rest = body.lstrip("<>≤≥=")
    number = Decimal(rest.strip().replace(",", ""))
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"text: got {text!r}; takes the text of a number")
    return body[: len(body) - len(rest)].strip(), Fraction(number), Fraction(10) ** exponent
