"""Guards: however many values pass a threshold, what they guard goes on printing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recohort.cohort import Grid
from recohort.estimators.summary import QuantileDefinition, SdDenominator
from recohort.feasible.variable import CountFact, Relation, VariableFacts
from recohort.printed import Printed
from recohort.reconstruct.last_moves.guards import guards_of
from recohort.reconstruct.measurement import RowFacts

GRID = Grid(step=Fraction(1), low=Fraction(1), high=Fraction(5))


def facts_of(values: np.ndarray, counts: tuple[CountFact, ...] = ()) -> RowFacts:
    """What a paper would print of scores: median and quartiles as NumPy gives them."""
    q1, median, q3 = (f"{q:.1f}" for q in np.quantile(values, [0.25, 0.5, 0.75]))
    printed = VariableFacts(
        GRID, values.size, values.size, q1=Printed.parse(q1), median=Printed.parse(median),
        q3=Printed.parse(q3), counts=counts,
    )  # fmt: skip
    rows = np.ones(values.size, dtype=np.bool_)
    return RowFacts(rows, printed, SdDenominator.N_MINUS_1, QuantileDefinition.TYPE_7, ())


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=30),
    st.lists(st.integers(1, 5), min_size=30, max_size=30),
)
def test_values_within_their_guards_print_the_same_quantiles_by_numpy(
    scores: list[int], others: list[int]
) -> None:
    values = np.array(scores, float)
    guards = guards_of(facts_of(values), values, 1.0)
    assert guards is not None
    other = np.array(others[: values.size], float)
    if all(guard.holds(other) for guard in guards):
        places = [0.25, 0.5, 0.75]
        assert np.array_equal(np.quantile(other, places), np.quantile(values, places))


def test_scores_of_few_levels_may_pass_their_quantiles() -> None:
    values = np.array([1, 1, 2, 2, 2, 3, 3, 4, 5], float)
    guards = guards_of(facts_of(values), values, 1.0)
    assert guards is not None
    assert max(g.most - g.least for g in guards) >= 3


@pytest.mark.parametrize("relation", [r for r in Relation if r is not Relation.EQUAL])
def test_a_printed_count_fixes_the_number_below(relation: Relation) -> None:
    values = np.array([1, 1, 2, 2, 3, 3, 3, 4, 5], float)
    at = Fraction(3)
    k = int(sum(relation.holds(v, at) for v in values))
    counts = (CountFact(relation, at, k, k),)
    guards = guards_of(facts_of(values, counts), values, 1.0)
    assert guards is not None
    below = 9 - k if relation in (Relation.AT_LEAST, Relation.ABOVE) else k
    assert (guards[-1].least, guards[-1].most) == (below, below)


def test_what_is_not_printed_yet_has_no_guards() -> None:
    values = np.array([1, 1, 2, 2, 3, 3, 3, 4, 5], float)
    counts = (CountFact(Relation.AT_LEAST, Fraction(5), 4, 4),)
    assert guards_of(facts_of(values, counts), values, 1.0) is None
