"""The interval of conditioned cohorts, widened for Monte Carlo error: false alarms and power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import beta, norm, t

from recohort.compare.interval import Place, Scale, noticed, standing, widened
from recohort.printed import Printed, round_text


def printed(value: float, decimals: int = 3) -> Printed:
    return Printed.parse(round_text(value, decimals))


def outside_share(draw, kind: Scale, cohorts: int, shift: float, runs: int = 400) -> dict[str, int]:
    """How often each place comes out where the printed value is one more draw, shifted."""
    rng = np.random.default_rng(cohorts)
    found = dict.fromkeys(Place, 0)
    for _ in range(runs):
        values = draw(rng, cohorts + 1)
        found[standing(values[1:], printed(values[0] + shift), kind).place] += 1
    return found


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return 10 + rng.standard_normal(n)


def shares(rng: np.random.Generator, n: int) -> np.ndarray:
    return 100 * rng.binomial(80, 0.8, n) / 80


@pytest.mark.parametrize("cohorts", [10, 20, 60, 100, 146, 200])
@pytest.mark.parametrize(("draw", "kind"), [(normal, Scale.PLAIN), (shares, Scale.PERCENT)])
def test_a_correct_number_is_outside_less_often_than_the_nominal_5_percent(
    draw, kind: Scale, cohorts: int
) -> None:
    found = outside_share(draw, kind, cohorts, 0.0)
    # 5% of 400 is 20; three standard errors above is 33.
    assert found[Place.OUTSIDE] <= 33
    assert found[Place.INSIDE] >= 400 * 0.8


@pytest.mark.parametrize(("cohorts", "least"), [(60, 0.8), (100, 0.85), (200, 0.9)])
def test_an_error_of_five_standard_deviations_is_noticed(cohorts: int, least: float) -> None:
    found = outside_share(normal, Scale.PLAIN, cohorts, 5.0)
    assert found[Place.OUTSIDE] >= least * 400
    assert found[Place.INSIDE] <= 0.01 * 400


@pytest.mark.parametrize("n", [146, 200, 500, 1000])
def test_from_146_cohorts_the_limits_are_those_of_clopper_and_pearson(n: int) -> None:
    values = np.arange(float(n))
    least, most = widened(values, Scale.PLAIN)
    k = int(least)
    assert most == n - 1 - k
    assert beta.ppf(0.975, k + 1, n - k) < 0.025
    assert beta.ppf(0.975, k + 2, n - k - 1) >= 0.025


def test_below_146_even_no_cohort_at_all_is_not_enough() -> None:
    assert beta.ppf(0.975, 1, 145) >= 0.025
    assert beta.ppf(0.975, 1, 146) < 0.025


def test_fewer_cohorts_take_a_normal_prediction_interval() -> None:
    values = norm.ppf((np.arange(50) + 0.5) / 50)
    least, most = widened(values, Scale.PLAIN)
    reach = t.ppf(0.9995, 49) * values.std(ddof=1) * math.sqrt(1 + 1 / 50)
    assert (least, most) == pytest.approx((-reach, reach))
    low, high = widened(np.exp(values), Scale.LOG)
    assert (math.log(low), math.log(high)) == pytest.approx((-reach, reach))


def test_between_the_interval_and_its_margin_is_unclear() -> None:
    values = norm.ppf((np.arange(100) + 0.5) / 100)
    assert standing(values, printed(1.5)).place is Place.INSIDE
    assert standing(values, printed(2.8)).place is Place.UNCLEAR
    assert standing(values, printed(9.0)).place is Place.OUTSIDE


def test_nine_cohorts_call_nothing_outside() -> None:
    values = np.arange(9.0)
    assert standing(values, printed(1e6)).place is Place.UNCLEAR
    assert standing(values, printed(4)).place is Place.INSIDE


def test_a_constant_is_judged_by_equality() -> None:
    same = np.full(20, 32.5)
    assert standing(same, Printed.parse("32.5")).place is Place.INSIDE
    assert standing(same, Printed.parse("33")).place is Place.INSIDE
    assert standing(same, Printed.parse("32.6")).place is Place.OUTSIDE
    assert standing(same[:5], Printed.parse("32.6")).place is Place.UNCLEAR


def test_two_different_numbers_say_nothing_of_a_third() -> None:
    values = np.array([10.0] * 99 + [11.0])
    assert standing(values, Printed.parse("9")).place is Place.UNCLEAR


def test_a_printed_bound_is_a_set() -> None:
    values = np.linspace(0.0001, 0.0004, 200)
    assert standing(values, Printed.parse("<.001"), Scale.LOGIT).place is Place.INSIDE
    assert standing(values, Printed.parse(">.05"), Scale.LOGIT).place is Place.OUTSIDE


def test_missing_and_infinite_estimates_are_counted_not_hidden() -> None:
    found = standing(np.array([1.0, np.nan, 2.0, np.inf]), Printed.parse("0.1"))
    assert (found.cohorts, found.missing, found.place) == (3, 1, Place.UNCLEAR)
    assert standing(np.array([np.nan]), Printed.parse("9")).cohorts == 0


@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(0.01, 0.99)),
    st.floats(0.0, 1.0),
    st.sampled_from(Scale),
)
def test_inside_unclear_and_outside_lie_in_this_order(
    values: np.ndarray, x: float, scale: Scale
) -> None:
    found = standing(values, printed(x, 2), scale)
    assert found.below + found.inner + found.above == found.cohorts == values.size
    assert found.least <= found.median <= found.most
    accepted = printed(x, 2).accepted
    if found.place is Place.OUTSIDE:
        assert accepted.high < found.least or accepted.low > found.most
        assert found.inner == 0 or found.cohorts >= 146
    if found.inner == found.cohorts:
        assert found.place is Place.INSIDE


@given(arrays(np.float64, st.integers(12, 300), elements=st.floats(0.2, 0.8)))
def test_the_smallest_error_noticed_is_the_nearest_number_outside(values: np.ndarray) -> None:
    found = standing(values, Printed.parse("0.50"), Scale.LOGIT)
    for end, inward in zip(
        noticed(Printed.parse("0.50"), found.least, found.most, Scale.LOGIT), (1, -1), strict=True
    ):
        if end is None:
            continue
        assert standing(values, printed(end, 2), Scale.LOGIT).place is Place.OUTSIDE
        nearer = printed(end + inward * 0.01, 2)
        assert standing(values, nearer, Scale.LOGIT).place is not Place.OUTSIDE
