"""The set that a printed number stands for, read a second time and as simply as possible.

Written again on purpose, without ``recohort.printed``: a certificate is worth what its checker
does not share with the check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

Box = tuple[Fraction | float, Fraction | float]
"""The smallest and the largest number, both included; infinite where unbounded."""


def box(text: str) -> Box:
    """The numbers that print as ``text`` when rounded to the nearest, ties either way."""
    body = text.strip().rstrip("%").replace("−", "-").replace("–", "-").replace("·", ".")
    sign = body.lstrip("<>≤≥=")
    comparator = body[: len(body) - len(sign)]
    number = Decimal(sign.strip().replace(",", ""))
    value, exponent = Fraction(number), number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"text: got {text!r}; takes the text of a number")
    if comparator in ("<", "≤", "<="):
        return -math.inf, value
    if comparator in (">", "≥", ">="):
        return value, math.inf
    half = Fraction(10) ** exponent / 2
    return value - half, value + half


def term(value: Mapping[str, Any]) -> Box:
    """``{"printed": "0.80"}`` as its box, ``{"exact": "1/3"}`` as one number."""
    if "printed" in value:
        return box(value["printed"])
    exact = Fraction(value["exact"])
    return exact, exact
