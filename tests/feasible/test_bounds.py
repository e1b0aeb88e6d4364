"""Closed-form bounds against enumeration and by hand."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from recohort.feasible.bounds import interval, sd_bounds
from recohort.feasible.problem import Problem
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed

TEN = Grid(Fraction(1), Fraction(0), Fraction(10))


def test_least_sd_with_zeros_and_a_maximum_by_hand() -> None:
    facts = VariableFacts(
        TEN,
        64,
        64,
        mean=Printed.parse("2.4"),
        maximum=Printed.parse("9"),
        counts=(CountFact(Relation.EQUAL, Fraction(0), 34, 34),),
    )
    found = sd_bounds(Problem.from_facts(facts), smallest=True)
    # 34 zeros, one 9, and 29 values that sum to 142: 26 fives and 3 fours.
    assert found[0].squares == 81 + 26 * 25 + 3 * 16
    assert found[0].sd == pytest.approx(math.sqrt(779 / 64 - (151 / 64) ** 2))
    assert f"{found[0].sd:.2f}" == "2.57"
    assert dict(found[0].sample) == {0: 34, 4: 3, 5: 26, 9: 1}


def test_sd_bounds_are_reached_and_never_passed() -> None:
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(5)), 5, 5, mean=Printed.parse("2.4"),
        minimum=Printed.parse("1"),
    )  # fmt: skip
    problem = Problem.from_facts(facts)
    sds = [
        float(np.std(s, ddof=1))
        for s in itertools.combinations_with_replacement(range(6), 5)
        if sum(s) == 12 and s[0] == 1
    ]
    assert sd_bounds(problem, smallest=True)[1].sd == pytest.approx(min(sds))
    assert sd_bounds(problem, smallest=False)[1].sd == pytest.approx(max(sds))


@pytest.mark.parametrize("name", ["mean", "median", "q1", "q3", "minimum", "maximum"])
def test_intervals_hold_every_sample(name: str) -> None:
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(6)),
        7,
        7,
        counts=(CountFact(Relation.AT_MOST, Fraction(1), 4, 4),),
    )
    found = interval(Problem.from_facts(facts), name)
    assert found is not None
    values = []
    for s in itertools.combinations_with_replacement(range(7), 7):
        if sum(v <= 1 for v in s) == 4:
            got = {"mean": np.mean(s), "median": np.median(s), "minimum": s[0], "maximum": s[-1]}
            got |= {"q1": np.quantile(s, 0.25), "q3": np.quantile(s, 0.75)}
            values.append(float(got[name]))
    assert float(found.low) <= min(values)
    assert float(found.high) >= max(values)
    if name in ("mean", "minimum", "maximum"):
        assert (float(found.low), float(found.high)) == pytest.approx((min(values), max(values)))


def test_an_endless_scale_has_no_largest_sd() -> None:
    facts = VariableFacts(Grid(Fraction(1)), 8, 8, mean=Printed.parse("3.0"))
    assert sd_bounds(Problem.from_facts(facts), smallest=False) == {}


def test_another_statistic_is_refused() -> None:
    with pytest.raises(ValueError, match="name: got 'mode'"):
        interval(Problem.from_facts(VariableFacts(TEN, 5, 5)), "mode")
