"""Feasibility of one variable against the enumeration of every sample."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.estimators.summary import (
    QuantileDefinition,
    QuantilePosition,
    quantile_position,
)
from recohort.feasible.problem import Problem
from recohort.feasible.search import Answer, decide
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed, round_text

STATISTICS = ("mean", "sd", "median", "q1", "q3", "minimum", "maximum")


@lru_cache
def readings_of(sample: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """All statistics of an ordered sample in every convention, by other code than the search."""
    n, found = len(sample), set()
    mean = sum(sample) / n
    deviations = sum((v - mean) ** 2 for v in sample)
    sds = [math.sqrt(deviations / (n - lost)) if n > lost else math.nan for lost in (0, 1)]
    middles = {(sample[(n - 1) // 2] + sample[n // 2]) / 2}
    middles |= {float(sample[(n - 1) // 2]), float(sample[n // 2])}
    for definition in QuantileDefinition:
        if definition is QuantileDefinition.MOORE_MCCABE and n < 2:
            continue
        q1, typed, q3 = (_quantile(sample, p, definition) for p in (0.25, 0.5, 0.75))
        for sd, median in itertools.product(sds, {*middles, typed}):
            found.add((mean, sd, median, q1, q3, float(sample[0]), float(sample[-1])))
    return tuple(sorted(found))


@lru_cache
def _place(n: int, p: float, definition: QuantileDefinition) -> QuantilePosition:
    return quantile_position(n, p, definition)


def _quantile(sample: tuple[int, ...], p: float, definition: QuantileDefinition) -> float:
    place = _place(len(sample), p, definition)
    return (1 - place.weight) * sample[place.lower] + place.weight * sample[place.upper]


def exists(facts: VariableFacts, low: int, high: int) -> bool:
    """Whether any sample of whole numbers has the printed statistics, by trying all."""
    chosen = [(STATISTICS.index(name), p) for name, p in facts.printed.items()]
    known: dict[tuple[int, float], bool] = {}

    def fits(index: int, printed: Printed, value: float) -> bool:
        if (index, value) not in known:
            exact = STATISTICS[index] in ("minimum", "maximum")
            known[index, value] = value == printed.value if exact else printed.accepts(value)
        return known[index, value]

    for n in range(max(facts.n_low, 1), facts.n_high + 1):
        for sample in itertools.combinations_with_replacement(range(low, high + 1), n):
            counted = all(
                c.at_least <= sum(c.relation.holds(v, c.threshold) for v in sample) <= c.at_most
                for c in facts.counts
            )
            if counted and any(
                all(fits(i, p, stats[i]) for i, p in chosen) for stats in readings_of(sample)
            ):
                return True
    return False


def random_facts(rng: random.Random, high: int) -> VariableFacts:
    """Facts of a real sample, with some digits changed."""
    n = rng.randint(1, 5)
    sample = tuple(sorted(rng.randint(0, high) for _ in range(n)))
    real = [r for r in readings_of(sample) if not math.isnan(r[1])]
    stats = dict(zip(STATISTICS, rng.choice(real), strict=True))
    chosen = rng.sample(STATISTICS, rng.randint(1, 5))
    if "q1" not in chosen and "q3" not in chosen:
        stats["median"] = float(np.median(sample))
    printed = {}
    for name in chosen:
        text = round_text(stats[name], 0 if name in ("minimum", "maximum") else rng.randint(0, 2))
        value = Printed.parse(text)
        if rng.random() < 0.35:
            moved = max(value.value + rng.choice((-2, -1, 1, 2)) * value.unit, Fraction(0))
            text = f"{float(moved):.{value.decimals}f}"
        printed[name] = Printed.parse(text)
    counts = []
    if rng.random() < 0.6:
        relation, threshold = rng.choice(list(Relation)), Fraction(rng.randint(0, high))
        held = sum(relation.holds(v, threshold) for v in sample)
        held = max(0, held + rng.choice((0, 0, 0, 1, -1)))
        counts.append(CountFact(relation, threshold, held, held + rng.choice((0, 0, 1))))
    size = n + rng.choice((0, 0, 0, 0, 1))
    grid = Grid(Fraction(1), Fraction(0), Fraction(high))
    return VariableFacts(grid, min(n, size), size, counts=tuple(counts), **printed)


def certificate_of(facts: VariableFacts, proofs: object, typed: bool) -> Certificate:
    data = {
        "facts": {
            "n": [facts.n_low, facts.n_high],
            "step": None if facts.grid.step is None else str(facts.grid.step),
            "offset": str(facts.grid.offset),
            "low": None if facts.grid.low is None else str(facts.grid.low),
            "high": None if facts.grid.high is None else str(facts.grid.high),
            "printed": {k: p.text for k, p in facts.printed.items()},
            "counts": [
                [str(c.relation), str(c.threshold), c.at_least, c.at_most] for c in facts.counts
            ],
            "typed_median": typed,
        },
        "proofs": {"accepted": list(proofs)},  # type: ignore[call-overload]
    }
    return Certificate(CertificateKind.ONE_VARIABLE, data)


def test_agrees_with_all_samples_of_small_scales() -> None:
    rng = random.Random(20240817)
    answers = {True: 0, False: 0}
    for _ in range(N_ORACLE):
        facts = random_facts(rng, rng.choice((2, 3, 4)))
        problem = replace(Problem.from_facts(facts), typed_median=True)
        decision = decide(problem)
        expected = exists(facts, 0, int(facts.grid.high or 0))
        assert decision.answer is (Answer.FEASIBLE if expected else Answer.INFEASIBLE), facts
        answers[expected] += 1
        if not expected:
            assert check(certificate_of(facts, decision.proofs, True)), facts
    assert min(answers.values()) > N_ORACLE // 5


N_ORACLE = 600
