"""Feasibility of one variable against the enumeration of every sample."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from recohort.audit.certificate import Certificate, CertificateKind, check
from recohort.estimators.summary import QuantileDefinition, quantile
from recohort.feasible.problem import Problem
from recohort.feasible.search import Answer, decide
from recohort.feasible.variable import CountFact, Grid, Relation, VariableFacts
from recohort.printed import Printed, round_text

STATISTICS = ("mean", "sd", "median", "q1", "q3", "minimum", "maximum")


def statistics(
    sample: tuple[int, ...], lost: int, definition: QuantileDefinition
) -> dict[str, float]:
    """The slow way, by other code than the search."""
    values = np.array(sample, float)
    return {
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=lost)) if len(sample) > lost else math.nan,
        "median": float(np.median(values)),
        "q1": float(quantile(values, 0.25, definition)),
        "q3": float(quantile(values, 0.75, definition)),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }


def readings_of(sample: tuple[int, ...]) -> Iterator[tuple[int, dict[str, float]]]:
    for lost in (0, 1):
        for definition in QuantileDefinition:
            if definition is QuantileDefinition.MOORE_MCCABE and len(sample) < 2:
                continue
            stats = statistics(sample, lost, definition)
            yield lost, stats
            typed = float(quantile(np.array(sample, float), 0.5, definition))
            yield lost, {**stats, "median": typed}
            ordered = sorted(sample)
            for middle in (ordered[(len(sample) - 1) // 2], ordered[len(sample) // 2]):
                yield lost, {**stats, "median": float(middle)}


def exists(facts: VariableFacts, low: int, high: int) -> bool:
    """Whether any sample of whole numbers has the printed statistics, by trying all."""
    for n in range(max(facts.n_low, 1), facts.n_high + 1):
        for sample in itertools.combinations_with_replacement(range(low, high + 1), n):
            counted = all(
                c.at_least <= sum(c.relation.holds(v, c.threshold) for v in sample) <= c.at_most
                for c in facts.counts
            )
            if not counted:
                continue
            for _, stats in readings_of(sample):
                if all(
                    stats[k] == p.value if k in ("minimum", "maximum") else p.accepts(stats[k])
                    for k, p in facts.printed.items()
                ):
                    return True
    return False


def random_facts(rng: random.Random, high: int) -> VariableFacts:
    """Facts of a real sample, with some digits changed."""
    n = rng.randint(1, 5)
    sample = tuple(sorted(rng.randint(0, high) for _ in range(n)))
    _, stats = rng.choice([r for r in readings_of(sample) if not math.isnan(r[1]["sd"])])
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


N_ORACLE = 250
