"""Columns drawn to print statistics: published examples, real samples, exhaustive small cases."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.card.layout import Family
from recohort.estimators.summary import QuantileDefinition, SdDenominator, Summary, summarise
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed, round_text
from recohort.reconstruct.margins.margin import (
    JointRequest,
    MarginDraw,
    MarginRequest,
    MarginSampler,
    Shape,
    StrataSampler,
    Stratum,
    StratumFact,
    draw_joint_strata,
    draw_margin,
    draw_margins,
)

P = Printed.parse
WHOLE = Grid(Fraction(1))


def unprinted(request: MarginRequest, values: np.ndarray) -> list[str]:
    """Statistics that a column does not print, by the public estimators alone."""
    facts = request.facts
    got: Summary = summarise(
        values, quantile_definition=request.quantiles, sd_denominator=request.sd
    )
    named = {
        "mean": got.mean,
        "sd": got.sd,
        "median": got.median,
        "q1": got.lower_quartile,
        "q3": got.upper_quartile,
        "minimum": got.minimum,
        "maximum": got.maximum,
    }
    wrong = [k for k, p in facts.printed.items() if not p.accepts(float(named[k] or 0.0))]
    for i, fact in enumerate(facts.counts):
        held = sum(fact.relation.holds(Fraction(v), fact.threshold) for v in values.tolist())
        if not fact.at_least <= held <= fact.at_most:
            wrong.append(f"counts[{i}]")
    return wrong


def facts_of(n: int, grid: Grid = WHOLE, **printed: str) -> VariableFacts:
    return VariableFacts(grid, n, n, **{k: P(v) for k, v in printed.items()})


LIKERT = Grid(Fraction(1), Fraction(1), Fraction(7))


def is_possible(n: int, mean: str, sd: str, low: int, high: int) -> bool:
    """Whether any sample has the mean and SD: all (sum, sum of squares), value by value."""
    reached = {(0, 0, 0)}
    for value in range(low, high + 1):
        onto = set(reached)
        for k, s, q in reached:
            onto |= {(k + m, s + m * value, q + m * value**2) for m in range(1, n - k + 1)}
        reached = onto
    return any(
        P(mean).accepts(s / n) and P(sd).accepts(((q - s * s / n) / (n - 1)) ** 0.5)
        for k, s, q in reached
        if k == n
    )


@pytest.mark.parametrize(
    ("n", "mean", "sd", "low", "high"),
    [
        (20, "2.2", "1.3", 1, 5),  # rsprite2, README
        (70, "3.5", "1.7", 1, 5),  # unsum's CLOSURE, README
        (28, "5.19", "1.34", 1, 7),  # Brown and Heathers 2017: no sum over 28 prints 5.19
        (30, "4.90", "2.30", 1, 7),  # the parity of the sum of squares forbids it
        (20, "3.05", "2.14", 1, 7),
        (25, "3.52", "1.71", 1, 7),
    ],
)
def test_scales_of_sprite_closure_and_grim_agree_with_enumeration(
    n: int, mean: str, sd: str, low: int, high: int
) -> None:
    grid = Grid(Fraction(1), Fraction(low), Fraction(high))
    request = MarginRequest(facts_of(n, grid, mean=mean, sd=sd))
    drawn = draw_margin(request, np.random.default_rng(3))
    assert drawn.values.min() >= low
    assert drawn.values.max() <= high
    assert unprinted(request, drawn.values) == list(drawn.unmet)
    if n <= 30:
        assert drawn.matched == is_possible(n, mean, sd, low, high)
    else:
        assert drawn.matched


def test_skewed_months_are_skewed_and_not_a_spike() -> None:
    facts = facts_of(
        64,
        Grid(Fraction(1), Fraction(0)),
        mean="14.7",
        sd="19.6",
        median="6",
        minimum="0",
        maximum="97",
    )
    request = MarginRequest(facts)
    for values in draw_margins(request, np.random.default_rng(0), 40):
        assert unprinted(request, values) == []
        centred = values - values.mean()
        assert (centred**3).mean() / values.std() ** 3 > 1.0
        assert np.unique(values, return_counts=True)[1].max() <= 16


def test_zero_inflated_scores_keep_the_other_values_spread_out() -> None:
    counts = (CountFact(Relation.EQUAL, Fraction(0), 34, 34),)
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(10)), 64, 64, P("2.1"), P("2.7"), counts=counts
    )
    request = MarginRequest(facts)
    for values in draw_margins(request, np.random.default_rng(0), 40):
        assert unprinted(request, values) == []
        assert (values == 0).sum() == 34
        assert np.unique(values[values > 0], return_counts=True)[1].max() <= 14


@pytest.mark.parametrize("definition", list(QuantileDefinition))
@pytest.mark.parametrize("step", [Fraction(1), Fraction(1, 10), None])
def test_real_samples_are_printed_again(
    definition: QuantileDefinition, step: Fraction | None
) -> None:
    rng = np.random.default_rng(list(QuantileDefinition).index(definition))
    for n in (7, 24, 61):
        sample = np.round(rng.gamma(2.0, 12.0, n), 0 if step == 1 else 1)
        got = summarise(sample, quantile_definition=definition, sd_denominator=SdDenominator.N)
        texts = {
            "mean": round_text(got.mean, 1),
            "sd": round_text(float(got.sd or 0), 2),
            "median": round_text(got.median, 1),
            "q1": round_text(got.lower_quartile, 1),
            "q3": round_text(got.upper_quartile, 1),
            "minimum": round_text(got.minimum, 1),
            "maximum": round_text(got.maximum, 1),
        }
        request = MarginRequest(
            facts_of(n, Grid(step, Fraction(0)), **texts),
            sd=SdDenominator.N,
            quantiles=definition,
        )
        drawn = draw_margin(request, rng)
        assert drawn.matched, (n, texts, drawn.unmet)
        assert unprinted(request, drawn.values) == []


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(0, 40), min_size=3, max_size=60),
    decimals=st.tuples(*[st.integers(0, 3)] * 3),
    definition=st.sampled_from(list(QuantileDefinition)),
    denominator=st.sampled_from(list(SdDenominator)),
    seed=st.integers(0, 2**32),
)
def test_every_sample_that_exists_is_matched(
    values: list[int],
    decimals: tuple[int, int, int],
    definition: QuantileDefinition,
    denominator: SdDenominator,
    seed: int,
) -> None:
    got = summarise(values, quantile_definition=definition, sd_denominator=denominator)
    texts = {
        "mean": round_text(got.mean, decimals[0]),
        "sd": round_text(float(got.sd or 0), decimals[1]),
        "median": round_text(got.median, decimals[2]),
        "q1": round_text(got.lower_quartile, decimals[2]),
        "q3": round_text(got.upper_quartile, decimals[2]),
    }
    request = MarginRequest(
        facts_of(len(values), Grid(Fraction(1), Fraction(0), Fraction(40)), **texts),
        sd=denominator,
        quantiles=definition,
    )
    drawn = draw_margin(request, np.random.default_rng(seed))
    assert drawn.matched, (texts, drawn.unmet)
    assert unprinted(request, drawn.values) == []


def test_every_small_column_is_reached_and_none_outside() -> None:
    facts = facts_of(8, Grid(Fraction(1), Fraction(0), Fraction(4)), mean="1.9", sd="1.36")
    request = MarginRequest(facts, Shape(Family.UNIFORM, 2.0, 1.4))
    states = {
        column
        for column in itertools.combinations_with_replacement(range(5), 8)
        if not unprinted(request, np.array(column, float))
    }
    sampler = MarginSampler(request)
    rng = np.random.default_rng(5)
    seen = {tuple(sampler.draw(rng).values.astype(int).tolist()) for _ in range(400)}
    assert seen == states
    assert len(states) > 1


def test_same_seed_same_column_and_other_seed_another() -> None:
    request = MarginRequest(facts_of(40, mean="50.1", sd="9.9", median="49"))
    one, two, other = (draw_margin(request, np.random.default_rng(s)).values for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_impossible_statistic_is_named_and_the_others_are_printed() -> None:
    # n = 50: 4.32 means a sum of 216, and no whole sum of squares then gives 2.345.
    request = MarginRequest(
        facts_of(50, Grid(Fraction(1), Fraction(0), Fraction(10)), mean="4.32", sd="2.345", q3="6")
    )
    drawn: MarginDraw = draw_margin(request, np.random.default_rng(0))
    assert not drawn.matched
    assert len(drawn.unmet) == 1
    assert unprinted(request, drawn.values) == list(drawn.unmet)
    with pytest.raises(ValueError, match="no column was found"):
        draw_margins(request, np.random.default_rng(0), 2)


def test_strata_print_their_own_statistics_and_those_of_their_union() -> None:
    grid = Grid(Fraction(1), Fraction(0))
    inner = facts_of(18, grid, mean="702.3", sd="88.1", median="690")
    whole = facts_of(61, grid, mean="488.2", sd="190.4", minimum="71")
    request = JointRequest(
        grid,
        (Stratum(18, low=Fraction(586)), Stratum(43, high=Fraction(585))),
        (StratumFact(inner, (0,)), StratumFact(whole, (0, 1))),
    )
    sampler = StrataSampler(request)
    rng = np.random.default_rng(2)
    for _ in range(20):
        drawn = sampler.draw(rng)
        assert drawn.matched, drawn.unmet
        assert unprinted(MarginRequest(inner), drawn.values[0]) == []
        assert unprinted(MarginRequest(whole), np.concatenate(drawn.values)) == []
        assert drawn.values[0].min() > 585 >= drawn.values[1].max()


def test_strata_with_quartiles_of_the_union() -> None:
    grid = Grid(Fraction(1, 10), Fraction(0))
    whole = facts_of(60, grid, median="6.35", q1="4.1", q3="9.2")
    part = facts_of(20, grid, mean="9.84", sd="3.02")
    request = JointRequest(
        grid, (Stratum(20), Stratum(40)), (StratumFact(part, (0,)), StratumFact(whole, (0, 1)))
    )
    drawn = draw_joint_strata(request, np.random.default_rng(4))
    assert drawn.matched
    assert unprinted(MarginRequest(part), drawn.values[0]) == []
    assert unprinted(MarginRequest(whole), np.concatenate(drawn.values)) == []


def test_a_shape_alone_gives_independent_values() -> None:
    facts = VariableFacts(Grid(None, Fraction(0)), 400, 400)
    request = MarginRequest(facts, Shape(Family.LOGNORMAL, 20.0, 10.0))
    values = draw_margin(request, np.random.default_rng(1)).values
    assert abs(values.mean() - 20.0) < 2.0
    assert 7.0 < values.std() < 13.0


def test_bad_requests_say_what_they_take() -> None:
    with pytest.raises(ValueError, match="takes one n"):
        draw_margin(MarginRequest(VariableFacts(WHOLE, 5, 6)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="shape: nothing printed"):
        draw_margin(MarginRequest(VariableFacts(WHOLE, 5, 5)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="facts: got strata"):
        StrataSampler(
            JointRequest(WHOLE, (Stratum(5),), (StratumFact(facts_of(5, mean="2"), (1,)),))
        )
    with pytest.raises(ValueError, match="hold 5 values"):
        StrataSampler(
            JointRequest(WHOLE, (Stratum(5),), (StratumFact(facts_of(6, mean="2"), (0,)),))
        )


def test_a_printed_bound_on_an_extreme_bounds_it_and_no_more() -> None:
    """A minimum of `<5` is any value below 5, a maximum of `>40` any above 40."""
    facts = facts_of(30, mean="20.0", sd="8.0", minimum="<5", maximum=">40")
    for values in draw_margins(MarginRequest(facts), np.random.default_rng(1), 5):
        assert unprinted(MarginRequest(facts), values) == []
        assert values[0] < 5 < 40 < values[-1]
    above = facts_of(30, mean="20.0", sd="8.0", minimum=">1", maximum="<60")
    assert draw_margin(MarginRequest(above), np.random.default_rng(1)).matched
