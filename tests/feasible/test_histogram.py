"""The solver over the histogram agrees with trying every sample, and stops when told."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest

from recohort.feasible.effort import Effort
from recohort.feasible.enumeration import affordable, any_sample
from recohort.feasible.histogram import solve_histogram
from recohort.feasible.problem import Case, Problem
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed


def _meets(case: Case, sample: tuple[int, ...]) -> bool:
    total, squares = sum(sample), sum(v * v for v in sample)
    bounded = all(
        case.bounds.low(i + 1) <= v <= case.bounds.high(i + 1) for i, v in enumerate(sample)
    )
    coupled = all(
        c.low <= c.a * sample[c.rank - 1] + c.b * sample[c.rank] <= c.high for c in case.couples
    )
    counted = all(s.at_least <= sample.count(int(s.value)) <= s.at_most for s in case.spans)
    spread = case.d_low <= case.n * squares - total**2 <= case.d_high
    return bounded and coupled and counted and spread and case.s_low <= total <= case.s_high


def _random_case(rng: random.Random) -> Case | None:
    n = rng.randint(3, 6)
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(6)),
        n,
        n,
        mean=Printed.parse(f"{rng.uniform(1, 5):.1f}"),
        sd=Printed.parse(f"{rng.uniform(0.5, 2.8):.1f}"),
        q3=Printed.parse(f"{rng.randint(8, 20) / 4:.2f}"),
        counts=(CountFact(Relation.EQUAL, Fraction(rng.randint(0, 6)), 1, 2),),
    )
    problem = Problem.from_facts(facts)
    lost, reading = rng.choice(list(problem.conventions(n)))
    case = problem.case(n, lost, reading)
    return case if case is not None and case.tighten() else None


def test_solver_and_enumeration_against_all_samples() -> None:
    rng = random.Random(4)
    answers = set()
    for _ in range(60):
        case = _random_case(rng)
        if case is None:
            continue
        exists = any(
            _meets(case, s) for s in itertools.combinations_with_replacement(range(7), case.n)
        )
        solved = solve_histogram(case, effort=Effort(), deterministic_seconds=5.0)
        assert (solved.values is not None) == exists
        assert solved.infeasible != exists
        if solved.values is not None:
            assert _meets(case, tuple(sorted(int(v) for v in solved.values)))
        if affordable(case) and not any_sample(case):
            assert not exists
        answers.add(exists)
    assert answers == {True, False}


def _thousand_points() -> Case:
    facts = VariableFacts(
        Grid(Fraction(1), Fraction(0), Fraction(1000)),
        91,
        91,
        mean=Printed.parse("412.37"),
        sd=Printed.parse("251.83"),
        median=Printed.parse("377"),
        q1=Printed.parse("203.50"),
        q3=Printed.parse("611.50"),
    )
    problem = Problem.from_facts(facts)
    lost, reading = next(iter(problem.conventions(91)))
    case = problem.case(91, lost, reading)
    assert case is not None
    assert case.tighten()
    return case


def test_a_limit_of_effort_is_no_answer() -> None:
    solved = solve_histogram(_thousand_points(), effort=Effort(), deterministic_seconds=1e-6)
    assert solved.values is None
    assert not solved.infeasible


def test_a_stop_request_is_no_answer() -> None:
    effort = Effort(stop=lambda: True)
    solved = solve_histogram(_thousand_points(), effort=effort, deterministic_seconds=60.0)
    assert not solved.infeasible


@pytest.mark.parametrize("high", [None, Fraction(10**6)])
def test_scales_beyond_the_solver_are_left_open(high: Fraction | None) -> None:
    facts = VariableFacts(Grid(Fraction(1), Fraction(0), high), 5, 5, mean=Printed.parse("3.0"))
    case = Problem.from_facts(facts).case(5, None, None)
    assert case is not None
    solved = solve_histogram(case, effort=Effort(), deterministic_seconds=1.0)
    assert (solved.values, solved.infeasible) == (None, False)
