"""Exact feasibility of one case as whole numbers of observations at each grid value (CP-SAT).

h_v observations have the value v. Then the sum of h is n, S = sum of v h_v, Q = sum of v^2 h_v,
the mean bounds S, the SD bounds n Q - S^2 (the only product), and bounds of ranks are bounds of
cumulative counts. One worker, a fixed seed and a deterministic limit: the same question gets the
same answer on every machine. Running out of effort is not an answer.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

from recohort.feasible.boxes import Number
from recohort.feasible.effort import Effort
from recohort.feasible.problem import Case

__all__ = ["Solved", "solve_histogram"]

_MOST_VALUES = 20_000
_LARGEST = 2**60


@dataclass(frozen=True, slots=True)
class Solved:
    """A sample in steps, or that there is none, or neither; and the deterministic seconds spent."""

    values: list[Number] | None
    infeasible: bool
    spent: float


def solve_histogram(case: Case, *, effort: Effort, deterministic_seconds: float) -> Solved:
    """Search one tightened case on a whole-number grid for a sample.

    Answers neither way for an endless scale, more than 20,000 grid values, or sums beyond 2^60.
    """
    runs = case.bounds.runs()
    if not runs.bounded:
        return Solved(None, False, 0.0)
    low, high = int(runs.rows[0].low), int(runs.rows[-1].high)
    n = case.n
    centre = (low + high) // 2
    reach = high - low
    if reach >= _MOST_VALUES or (n * reach) ** 2 >= _LARGEST:
        return Solved(None, False, 0.0)
    # The import takes half a second, and most questions are settled without it.
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    values = range(low - centre, high - centre + 1)
    held = [model.new_int_var(0, n, "") for _ in values]
    model.add(sum(held) == n)
    total = model.new_int_var(-n * reach, n * reach, "sum")
    model.add(total == cp_model.LinearExpr.weighted_sum(held, list(values)))
    if not math.isinf(case.s_low):
        model.add(total >= int(case.s_low) - n * centre)
    if not math.isinf(case.s_high):
        model.add(total <= int(case.s_high) - n * centre)
    if case.d_low > 0 or not math.isinf(case.d_high):
        squares = model.new_int_var(0, n * reach * reach, "squares")
        model.add(squares == cp_model.LinearExpr.weighted_sum(held, [v * v for v in values]))
        product = model.new_int_var(0, (n * reach) ** 2, "square of the sum")
        model.add_multiplication_equality(product, [total, total])
        model.add(n * squares - product >= int(case.d_low))
        if not math.isinf(case.d_high):
            model.add(n * squares - product <= int(case.d_high))
    breaks = {int(v) for r in runs.rows for v in (r.low - 1, r.high) if low <= v <= high}
    for span in case.spans:
        breaks |= {int(v) for v in (span.value - 1, span.value) if low <= v <= high}
    cumulative: dict[int, Any] = {low - 1: 0, high: n}
    before = low - 1
    for end in sorted(breaks - {high}):
        least, most = case.bounds.surely_at_most(end), case.bounds.maybe_at_most(end)
        upto = model.new_int_var(least, most, "")
        part = sum(held[before + 1 - low : end + 1 - low])
        model.add(upto == cumulative[before] + part)
        cumulative[end] = upto
        before = end
    for span in case.spans:
        if low <= span.value <= high:
            model.add_linear_constraint(
                held[int(span.value) - low], max(span.at_least, 0), min(span.at_most, n)
            )
        elif span.at_least > 0:
            return Solved(None, True, 0.0)
    for couple in case.open_couples():
        left = _rank_value(model, case, couple.rank, held, low)
        right = _rank_value(model, case, couple.rank + 1, held, low)
        model.add(left <= right)
        if not math.isinf(couple.low):
            model.add(couple.a * left + couple.b * right >= int(couple.low))
        if not math.isinf(couple.high):
            model.add(couple.a * left + couple.b * right <= int(couple.high))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = deterministic_seconds
    if effort.deadline is not None:
        solver.parameters.max_time_in_seconds = max(effort.deadline - time.monotonic(), 0.01)
    status = _run(solver, model, effort)
    spent = float(solver.response_proto.deterministic_time)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        found = [
            v + centre for v, h in zip(values, held, strict=True) for _ in range(solver.value(h))
        ]
        return Solved(list(found), False, spent)
    return Solved(None, status == cp_model.INFEASIBLE, spent)


def _rank_value(model, case: Case, rank: int, held: list, low: int):  # type: ignore[no-untyped-def, type-arg]
    """A variable for x_(rank): fewer than ``rank`` values lie below, at least ``rank`` up to it."""
    first, last = int(case.bounds.low(rank)), int(case.bounds.high(rank))
    chosen = [model.new_bool_var("") for _ in range(first, last + 1)]
    model.add_exactly_one(chosen)
    value = model.new_int_var(first, last, "")
    model.add(value == sum(v * b for v, b in zip(range(first, last + 1), chosen, strict=True)))
    upto = model.new_int_var(0, case.n, "")
    model.add(upto == sum(held[: first - low]))
    for v, b in zip(range(first, last + 1), chosen, strict=True):
        model.add(upto <= rank - 1).only_enforce_if(b)
        following = model.new_int_var(0, case.n, "")
        model.add(following == upto + held[v - low])
        model.add(following >= rank).only_enforce_if(b)
        upto = following
    return value


def _run(solver, model, effort: Effort):  # type: ignore[no-untyped-def]
    """Solve, and let the caller's stop request end it."""
    if effort.stop is None:
        return solver.solve(model)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            if effort.stop is not None and effort.stop():
                solver.stop_search()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return solver.solve(model)
    finally:
        done.set()
        watcher.join()
