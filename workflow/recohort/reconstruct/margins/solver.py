"""The exact answer where the walk found none: a column by CP-SAT, or the fewest facts to drop.

Model: h[s, v] values of stratum s lie at step v. Sums, sums of squares and counts are linear in h;
D = n Q - S² takes one product; the ordered values of a couple are read from cumulative counts.

One worker, a fixed seed, and a limit that counts the solver's work, not the time that it takes: the
same question gets the same answer on every machine, however busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from recohort.reconstruct.margins.facts import FactRanges
from recohort.reconstruct.margins.target import MarginTarget

__all__ = ["Solution", "solve"]

_MOST_POINTS = 4000


@dataclass(frozen=True, slots=True)
class Solution:
    """A column in steps (strata one after the other) and the (fact, statistic) pairs it drops.

    ``values`` is None where the solver reached its limit without a column.
    """

    values: tuple[int, ...] | None
    dropped: tuple[tuple[int, str], ...] = ()


def solve(facts: list[FactRanges], target: MarginTarget, work: float) -> Solution:
    """A column that meets all facts or, where none does, all but the fewest.

    ``work`` is the limit of each of two runs, in the solver's own deterministic seconds: an
    operation counts the same on every machine. On this kind of question one takes 1 to 6 seconds.
    """
    points = _points(facts, target)
    if sum(len(p) for p in points) > 2 * _MOST_POINTS:
        return Solution(None)
    first = _run(facts, points, target, work, soft=False)
    if first is not None:
        return first
    return _run(facts, points, target, work, soft=True) or Solution(None)


def _points(facts: list[FactRanges], target: MarginTarget) -> list[list[int]]:
    """Candidate steps: all of them, or on a fine grid bin middles and the facts' own ends."""
    result = []
    for bins in target.bins:
        low, high = int(bins.first[0]), int(bins.last[-1])
        if high - low + 1 <= _MOST_POINTS:
            result.append(list(range(low, high + 1)))
            continue
        chosen = {int(v) for v in (bins.first + bins.last) // 2}
        ends = {low, high}
        for fact in facts:
            for pin in fact.pins:
                ends |= {pin.low, pin.high}
            for i in fact.intervals:
                ends |= {i.above, i.upto, i.above + 1, i.upto + 1}
            for c in fact.couples:
                ends |= {c.low // (c.a + c.b), c.high // (c.a + c.b)}
        for end in ends:
            chosen |= set(range(end - 10, end + 11))
        result.append(sorted(v for v in chosen if low <= v <= high))
    return result


def _run(
    facts: list[FactRanges],
    points: list[list[int]],
    target: MarginTarget,
    work: float,
    *,
    soft: bool,
) -> Solution | None:
    model = cp_model.CpModel()
    held: list[dict[int, Any]] = []
    strata = zip(points, target.sizes, target.bins, target.masses, strict=True)
    for own, size, bins, mass in strata:
        row = {v: model.new_int_var(0, size, "") for v in own}
        model.add(sum(row.values()) == size)
        where = np.searchsorted(bins.last, own)
        share = mass[where] / bins.width[where]
        for v, p in zip(own, share, strict=True):
            model.add_hint(row[v], round(float(p) * size))
        held.append(row)
    keep: dict[tuple[int, str], Any] = {}

    def when(f: int, name: str, *constraints: Any) -> None:
        if not soft:
            return
        literal = keep.setdefault((f, name), model.new_bool_var(""))
        for constraint in constraints:
            constraint.only_enforce_if(literal)

    for f, fact in enumerate(facts):
        _state(model, fact, held, lambda name, *c, f=f: when(f, name, *c))
    if soft:
        model.maximize(sum(keep.values()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = work
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None if status == cp_model.INFEASIBLE else Solution(None)
    values = [v for row in held for v, h in row.items() for _ in range(solver.value(h))]
    dropped = tuple(key for key, literal in keep.items() if not solver.value(literal))
    return Solution(tuple(values), dropped)


def _state(model: Any, fact: FactRanges, held: list[dict[int, Any]], when: Any) -> None:
    steps = sorted({v for s in fact.strata for v in held[s]})
    at = {v: [held[s][v] for s in fact.strata if v in held[s]] for v in steps}
    most = max(abs(steps[0]), abs(steps[-1]), 1)
    n = fact.n

    def between(above: int, upto: int) -> Any:
        return sum(h for v in steps if above < v <= upto for h in at[v])

    if fact.total or fact.spread:
        total = model.new_int_var(-n * most, n * most, "")
        model.add(total == sum(v * h for v in steps for h in at[v]))
        if fact.total:
            when("mean", model.add(total >= fact.total[0]), model.add(total <= fact.total[1]))
        if fact.spread:
            squares = model.new_int_var(0, n * most**2, "")
            model.add(squares == sum(v * v * h for v in steps for h in at[v]))
            product = model.new_int_var(0, n**2 * most**2, "")
            model.add_multiplication_equality(product, [total, total])
            spread = n * squares - product
            low, high = fact.spread
            when("sd", model.add(spread >= low), model.add(spread <= high))
    for pin in fact.pins:
        when(
            pin.name,
            model.add(between(steps[0] - 1, pin.high) >= pin.rank + 1),
            model.add(between(steps[0] - 1, pin.low - 1) <= pin.rank),
        )
    for i in fact.intervals:
        inside = between(i.above, i.upto)
        when(i.name, model.add(inside >= i.least), model.add(inside <= i.most))
    if not fact.couples:
        return
    running = []
    so_far: Any = 0
    for v in steps:
        level = model.new_int_var(0, n, "")
        model.add(level == so_far + sum(at[v]))
        running.append(level)
        so_far = level
    places: dict[int, Any] = {}

    def ordered(rank: int) -> Any:
        if rank not in places:
            value: Any = steps[-1]
            for v, after, level in zip(steps, steps[1:], running, strict=False):
                reached = model.new_bool_var("")
                model.add(level >= rank + 1).only_enforce_if(reached)
                model.add(level <= rank).only_enforce_if(reached.negated())
                value = value - (after - v) * reached
            places[rank] = value
        return places[rank]

    for c in fact.couples:
        got = c.a * ordered(c.rank) + c.b * ordered(c.rank + 1)
        when(c.name, model.add(got >= c.low), model.add(got <= c.high))
