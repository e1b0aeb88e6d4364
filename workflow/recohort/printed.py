"""A printed number and the set of real numbers that it stands for.

A paper prints ``21.70``; the unrounded statistic behind it lies anywhere in a small interval that
depends on the number of printed digits and on the rule by which it was rounded. Everything else in
recohort compares such *sets*, never the printed points. All arithmetic here is exact (fractions).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

__all__ = ["ACCEPTED_RULES", "Comparator", "Printed", "RealSet", "RoundingRule"]


class RoundingRule(StrEnum):
    """How an unrounded number became the printed one. All are symmetric about zero."""

    HALF_UP = "half_up"
    """To the nearest; ties away from zero (SPSS, SAS, Excel, hand)."""
    HALF_EVEN = "half_even"
    """To the nearest; ties to the even digit (IEEE 754, R, Python)."""
    TRUNCATION = "truncation"
    """Towards zero: the further digits were cut off."""
    CEILING = "ceiling"
    """Away from zero."""


ACCEPTED_RULES: Final = (RoundingRule.HALF_UP, RoundingRule.HALF_EVEN)
"""Rules under which a value may be called impossible. The others are recognised and named."""

_DECIMAL_ROUNDING: Final = {
    RoundingRule.HALF_UP: ROUND_HALF_UP,
    RoundingRule.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingRule.TRUNCATION: ROUND_DOWN,
    RoundingRule.CEILING: ROUND_UP,
}


class Comparator(StrEnum):
    """The sign in front of a printed number; ``EQUAL`` where there is none."""

    EQUAL = "="
    LESS = "<"
    AT_MOST = "≤"
    GREATER = ">"
    AT_LEAST = "≥"


_COMPARATORS: Final = {
    "": Comparator.EQUAL,
    "=": Comparator.EQUAL,
    "<": Comparator.LESS,
    "≤": Comparator.AT_MOST,
    "<=": Comparator.AT_MOST,
    ">": Comparator.GREATER,
    "≥": Comparator.AT_LEAST,
    ">=": Comparator.AT_LEAST,
}

_NUMBER: Final = re.compile(
    r"""\s*(?P<comparator><=|>=|[<>≤≥=]?)\s*
        (?P<sign>[-+−–]?)                     # hyphen, plus, Unicode minus, en dash
        (?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)?(?:[.·]\d+)?)
        (?:[eE](?P<exponent>[-+]?\d{1,2}))?
        \s*(?P<percent>%?)\s*""",
    re.VERBOSE,
)

Bound = Fraction | float
"""An exact end of a set, or plus or minus infinity (the only floats)."""


@dataclass(frozen=True, slots=True)
class RealSet:
    """An interval of real numbers with exact ends; ``closed`` says which ends belong to it."""

    low: Bound
    high: Bound
    low_closed: bool = True
    high_closed: bool = True

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, (int, float, Fraction, Decimal)):
            return False
        if isinstance(value, float) and math.isnan(value):
            return False
        above = value > self.low or (self.low_closed and value == self.low)
        below = value < self.high or (self.high_closed and value == self.high)
        return bool(above and below)

    def hull(self, other: RealSet) -> RealSet:
        """The smallest interval that holds both sets."""
        low, low_open = min((self.low, not self.low_closed), (other.low, not other.low_closed))
        high, high_closed = max((self.high, self.high_closed), (other.high, other.high_closed))
        return RealSet(low, high, not low_open, high_closed)

    def distance(self, value: float) -> float:
        """How far a number lies outside the set; 0 inside, infinite for NaN."""
        if math.isnan(value):
            return math.inf
        return max(float(self.low) - value, value - float(self.high), 0.0)

    def __str__(self) -> str:
        left = "[" if self.low_closed else "("
        right = "]" if self.high_closed else ")"
        return f"{left}{_plain(self.low)}, {_plain(self.high)}{right}"


def _plain(bound: Bound) -> str:
    if isinstance(bound, float):
        return "-∞" if bound < 0 else "∞"
    return f"{float(bound):.12g}"


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed number: its text, untouched, and what the text says.

    ``value`` is exact. ``decimals`` counts the printed digits after the point (a power of ten in
    the text lowers or raises it, so ``1.2e-5`` has six).
    """

    text: str
    comparator: Comparator
    value: Fraction
    decimals: int

    @classmethod
    def parse(cls, text: str) -> Printed:
        """Read a printed number.

        Takes an optional comparator (``<``, ``≤``, ``>``, ``≥``, ``=``), an optional sign (also the
        Unicode minus), digits with an optional decimal point or raised dot, thousands separated by
        commas, a power of ten as ``e-5``, and an optional percent sign (which is dropped).

        Raises:
            ValueError: the text is no such number.
        """
        if not isinstance(text, str):
            raise ValueError(
                f"printed: expected the text of a number, such as '0.80', got {text!r}"
            )
        match = _NUMBER.fullmatch(text)
        digits = match["digits"].replace(",", "").replace("·", ".") if match else ""
        if match is None or not digits:
            raise ValueError(f"printed: expected a number, such as '0.80' or '<.001', got {text!r}")
        exponent = int(match["exponent"] or 0)
        value = Fraction(Decimal(digits)) * Fraction(10) ** exponent
        if match["sign"] in ("-", "−", "–"):
            value = -value
        decimals = len(digits.partition(".")[2]) - exponent
        return cls(text, _COMPARATORS[match["comparator"]], value, decimals)

    @property
    def unit(self) -> Fraction:
        """One unit of the last printed digit."""
        return Fraction(1, 10) ** self.decimals

    @property
    def is_exact(self) -> bool:
        """Whether the text states a number rather than a bound."""
        return self.comparator is Comparator.EQUAL

    def under(self, rule: RoundingRule) -> RealSet:
        """The unrounded numbers that print as this text under one rounding rule."""
        match self.comparator:
            case Comparator.LESS:
                return RealSet(-math.inf, self.value, False, False)
            case Comparator.AT_MOST:
                return RealSet(-math.inf, self.value, False, True)
            case Comparator.GREATER:
                return RealSet(self.value, math.inf, False, False)
            case Comparator.AT_LEAST:
                return RealSet(self.value, math.inf, True, False)
        size, half, unit = abs(self.value), self.unit / 2, self.unit
        match rule:
            case RoundingRule.HALF_UP:
                magnitudes = RealSet(size - half, size + half, True, False)
            case RoundingRule.HALF_EVEN:
                even = int(size / unit) % 2 == 0
                magnitudes = RealSet(size - half, size + half, even, even)
            case RoundingRule.TRUNCATION:
                magnitudes = RealSet(size, size + unit, True, False)
            case RoundingRule.CEILING:
                magnitudes = RealSet(size - unit, size, False, True)
        if size == 0:  # both signs print as zero
            return RealSet(
                -magnitudes.high, magnitudes.high, magnitudes.high_closed, magnitudes.high_closed
            )
        if self.value > 0:
            return magnitudes
        return RealSet(
            -magnitudes.high, -magnitudes.low, magnitudes.high_closed, magnitudes.low_closed
        )

    @property
    def accepted(self) -> RealSet:
        """The numbers that print as this text under any accepted rounding rule.

        Both ends are closed: binary floating point prints some ties the other way (2.675 as 2.67).
        """
        first, second = (self.under(rule) for rule in ACCEPTED_RULES)
        found = first.hull(second)
        return RealSet(found.low, found.high) if self.is_exact else found

    @property
    def widest(self) -> RealSet:
        """The numbers that print as this text under any rounding rule at all."""
        result = self.accepted
        for rule in RoundingRule:
            result = result.hull(self.under(rule))
        return result

    def accepts(self, value: float, *, slack: float = 1e-9) -> bool:
        """Whether a computed number prints as this text under an accepted rule.

        ``slack`` is relative to the printed unit: it forgives the last bits that a statistic loses
        in floating point, so that an exact tie computed as 0.12499999999999999 still counts.
        """
        if math.isnan(value):
            return False
        target = self.accepted
        if value in target:
            return True
        if not self.is_exact:
            return False
        return target.distance(value) <= slack * float(self.unit)

    def format(self, value: float, rule: RoundingRule = RoundingRule.HALF_UP) -> str:
        """A computed number in this text's style: same decimals, sign and leading zero.

        A bound (``<0.001``) is repeated when the number satisfies it; otherwise the number is
        given to one digit more than the bound.
        """
        if math.isnan(value):
            return "not estimable"
        if math.isinf(value):
            return "-∞" if value < 0 else "∞"
        if not self.is_exact and value in self.under(rule):
            return self.text
        decimals = max(self.decimals, 0) + (0 if self.is_exact else 1)
        if self.accepts(value):  # a tie may print either way: show the way it was printed
            return self.text
        text = round_text(value, decimals, rule)
        bare = self.text.lstrip("<>≤≥= ")
        if bare.lstrip("+-−–").startswith(".") and text.lstrip("-").startswith("0."):
            text = text.replace("0.", ".", 1)
        if bare.startswith("+") and value > 0:
            text = "+" + text
        return text


def round_text(value: float, decimals: int, rule: RoundingRule = RoundingRule.HALF_UP) -> str:
    """A number rounded to ``decimals`` digits after the point, as text (never ``-0``)."""
    with localcontext() as context:
        context.prec = 60
        # The shortest text that reads back as the float is what a person would round.
        rounded = Decimal(repr(float(value))).quantize(
            Decimal(1).scaleb(-decimals), rounding=_DECIMAL_ROUNDING[rule]
        )
    if rounded == 0:
        rounded = abs(rounded)
    return f"{rounded:f}"
