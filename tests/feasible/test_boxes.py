"""Smallest and largest sums of squares within bounds of ranks, against enumeration."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.feasible.boxes import Bounds

bounds_of_ranks = st.lists(
    st.tuples(st.sampled_from(["low", "high"]), st.integers(1, 4), st.integers(-3, 4)),
    max_size=4,
)


def _bounds(rows: list[tuple[str, int, int]], whole: bool) -> Bounds:
    bounds = Bounds(4, whole)
    bounds.at_least(1, -3)
    bounds.at_most(4, 4)
    for kind, rank, value in rows:
        (bounds.at_least if kind == "low" else bounds.at_most)(rank, value)
    return bounds


@settings(max_examples=150, deadline=None)
@given(bounds_of_ranks)
def test_extreme_samples_are_extreme(rows: list[tuple[str, int, int]]) -> None:
    bounds = _bounds(rows, whole=True)
    samples = [
        s
        for s in itertools.combinations_with_replacement(range(-3, 5), 4)
        if all(bounds.low(i + 1) <= v <= bounds.high(i + 1) for i, v in enumerate(s))
    ]
    assert bool(samples) != bounds.contradictory
    if not samples:
        return
    runs = bounds.runs()
    assert (runs.sum_low, runs.sum_high) == (min(map(sum, samples)), max(map(sum, samples)))
    for total in range(int(runs.sum_low), int(runs.sum_high) + 1):
        squares = [sum(v * v for v in s) for s in samples if sum(s) == total]
        assert runs.least_squares(total) == min(squares)
        assert runs.most_squares(total) == max(squares)
        below, above = runs.slope_below(total), runs.slope_above(total)
        assert below * total + runs.floor(below) == min(squares)
        assert above * total + runs.ceiling(above) >= max(squares)


@settings(max_examples=60, deadline=None)
@given(bounds_of_ranks, st.fractions(0, 1, max_denominator=7))
def test_real_bounds_hold_the_whole_number_ones(
    rows: list[tuple[str, int, int]], share: Fraction
) -> None:
    whole, real = _bounds(rows, whole=True), _bounds(rows, whole=False)
    if whole.contradictory:
        return
    runs = real.runs()
    total = runs.sum_low + (runs.sum_high - runs.sum_low) * share
    assert sum(c * v for c, v in runs.most_even(total)) == total
    assert sum(c * v for c, v in runs.most_extreme(total)) == total
    assert runs.least_squares(total) <= runs.most_squares(total)
    if total == int(total):
        assert runs.least_squares(total) <= whole.runs().least_squares(total)
        assert runs.most_squares(total) == whole.runs().most_squares(total)
