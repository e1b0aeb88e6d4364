"""A printed number stands for the set of numbers that print as it, and for no other."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recohort.printed import ACCEPTED_RULES, Comparator, Printed, RoundingRule, round_text

texts = st.builds(
    lambda whole, decimals, sign: f"{sign}{whole / 10**decimals:.{decimals}f}",
    st.integers(0, 10**6),
    st.integers(0, 4),
    st.sampled_from(["", "-"]),
)


@pytest.mark.parametrize(
    ("text", "value", "decimals", "comparator"),
    [
        ("21.70", Fraction(217, 10), 2, Comparator.EQUAL),
        (".003", Fraction(3, 1000), 3, Comparator.EQUAL),
        ("<0.0001", Fraction(1, 10000), 4, Comparator.LESS),
        ("+88.2", Fraction(882, 10), 1, Comparator.EQUAL),
        ("−57.3", Fraction(-573, 10), 1, Comparator.EQUAL),
        ("1,606", Fraction(1606), 0, Comparator.EQUAL),
        ("1.2e-5", Fraction(12, 10**6), 6, Comparator.EQUAL),
        ("2e3", Fraction(2000), -3, Comparator.EQUAL),
        ("≥ 95%", Fraction(95), 0, Comparator.AT_LEAST),
    ],
)
def test_parse(text: str, value: Fraction, decimals: int, comparator: Comparator) -> None:
    printed = Printed.parse(text)
    assert (printed.text, printed.value) == (text, value)
    assert (printed.decimals, printed.comparator) == (decimals, comparator)


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "0,8", "--1", "1 2", "nan", "inf", "<", "1."])
def test_parse_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="printed: expected a number"):
        Printed.parse(text)


def test_the_set_of_080_is_closed_at_both_ties() -> None:
    accepted = Printed.parse("0.80").accepted
    assert (accepted.low, accepted.high) == (Fraction(795, 1000), Fraction(805, 1000))
    assert accepted.low_closed
    assert accepted.high_closed


def test_truncation_and_ceiling_are_one_sided() -> None:
    printed = Printed.parse("8.5")
    assert Fraction(900, 105) in printed.under(RoundingRule.TRUNCATION)
    assert Fraction(900, 105) not in printed.accepted
    assert Fraction(845, 100) in printed.under(RoundingRule.CEILING)


@given(texts, st.sampled_from(list(RoundingRule)), st.integers(-2000, 2000))
def test_membership_agrees_with_rounding_by_the_decimal_module(
    text: str, rule: RoundingRule, offset: int
) -> None:
    """Slow oracle: a number is in the set exactly when it rounds to the printed number."""
    printed = Printed.parse(text)
    value = printed.value + Fraction(offset, 1000) * printed.unit
    as_decimal = Decimal(value.numerator) / Decimal(value.denominator)
    rounded = Decimal(round_text(float(as_decimal), printed.decimals, rule))
    if Fraction(repr(float(as_decimal))) == value:  # the float route loses no digit here
        assert (Fraction(rounded) == printed.value) == (value in printed.under(rule))


@given(texts)
def test_the_accepted_set_is_the_union_of_the_accepted_rules(text: str) -> None:
    printed = Printed.parse(text)
    for rule in ACCEPTED_RULES:
        one = printed.under(rule)
        assert printed.accepted.hull(one) == printed.accepted
    assert printed.accepts(float(printed.value))
    assert printed.format(float(printed.value)) == text


def test_format_keeps_the_printed_style() -> None:
    assert Printed.parse(".046").format(0.0412) == ".041"
    assert Printed.parse("+88.2").format(87.31) == "+87.3"
    assert Printed.parse("<.05").format(0.01) == "<.05"
    assert Printed.parse("<.05").format(0.07) == ".070"
    assert Printed.parse("21.70").format(21.7049) == "21.70"
    assert Printed.parse("0.5").format(math.nan) == "not estimable"


def test_a_nan_is_in_no_set() -> None:
    assert not Printed.parse("0.5").accepts(math.nan)
    assert math.nan not in Printed.parse("0.5").accepted
    assert Printed.parse("0.5").accepted.distance(math.nan) == math.inf
