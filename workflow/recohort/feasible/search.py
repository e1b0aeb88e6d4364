"""Decide a feasibility question: a sample that answers it, a proof that none does, or neither.

Every case is tried for a sample first, cheaply. Where none is found, bounds on ranks, sums and
sums of squares are drawn out until they contradict, splitting a rank's bounds where a quantile
between two values or a count of equal values couples them. What is left goes to the solver over
the histogram. The proof is plain data that :mod:`recohort.audit.certificate_variable` checks anew.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import islice
from typing import Any

from recohort.feasible.boxes import Bounds, Number, Runs
from recohort.feasible.effort import Effort, Exhausted
from recohort.feasible.enumeration import affordable, any_sample
from recohort.feasible.histogram import solve_histogram
from recohort.feasible.problem import Case, Couple, Problem, Span
from recohort.feasible.quantiles import QuantileReading
from recohort.feasible.witness import Histogram, build, meets, squares_window

__all__ = ["Answer", "Decision", "Proof", "decide"]

Proof = dict[str, Any]
"""Plain data: see :mod:`recohort.audit.certificate_variable` for its grammar."""


_MOST_PIECES = 600
_REAL_COST = 8  # exact fractions grow
_MOST_SPOTS = 8
_MOST_SIZES = 5


class Answer(StrEnum):
    """Whether some sample lies in all the sets."""

    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the sample or the proofs that carry it, and where it came from.

    ``proofs`` has one entry for each n, with one proof a case in the order of
    :meth:`Problem.conventions`, or one for the loose case that they all imply.
    ``solver_says_infeasible`` marks an unknown that the solver closed but nothing simple re-proves.
    """

    answer: Answer
    witness: Histogram | None = None
    n: int | None = None
    lost: int | None = None
    reading: QuantileReading | None = None
    proofs: tuple[Proof, ...] = ()
    solver_says_infeasible: bool = False
    reason: str = ""


def decide(problem: Problem, effort: Effort | None = None) -> Decision:
    """Whether some sample has all its statistics in the problem's sets, under some convention."""
    effort = effort or Effort()
    effort.start()
    if problem.n_high - problem.n_low > 20_000:
        return Decision(Answer.UNKNOWN, reason="too many possible numbers of observations")
    try:
        return _decide(problem, effort)
    except Exhausted:
        if effort.over or not effort.use_solver or problem.grid.step is None:
            return Decision(Answer.UNKNOWN, reason="the allowed effort was spent")
    # Too many splits for a proof, but the solver may still find a sample.
    cases = [
        (n, lost, reading)
        for n in _sizes(problem)[:_MOST_SIZES]
        for lost, reading in problem.conventions(n)
    ]
    try:
        found = _ask_solver(problem, cases[: max(int(8 * effort.solver), 1)], effort)
    except Exhausted:
        found = None
    if found is not None and found.answer is Answer.FEASIBLE:
        return found
    return Decision(Answer.UNKNOWN, reason="the allowed effort was spent")


def _sizes(problem: Problem) -> list[int]:
    """The possible n, ends and middle first."""
    low, high = problem.n_low, problem.n_high
    first = [high, low, (low + high) // 2]
    return list(dict.fromkeys([*first, *range(low, high + 1)]))


def _decide(problem: Problem, effort: Effort) -> Decision:
    hopeful = problem if problem.grid.step is not None else replace(problem, gap=_gap(problem))
    # Most questions have an easy sample under the first conventions of the first sizes.
    for n in _sizes(problem)[:3]:
        for lost, reading in islice(problem.conventions(n), 2):
            found = _try(hopeful, n, lost, reading)
            if found is not None:
                return Decision(Answer.FEASIBLE, found, n, lost, reading)
    # Most others have an easy proof that covers all conventions of one size at once.
    loose: dict[int, Proof] = {}
    for n in range(problem.n_low, problem.n_high + 1):
        case = problem.loose_case(n)
        result = {"empty": True} if case is None else _refute_root(case, effort)
        if result is not None:
            loose[n] = result
    left = [n for n in _sizes(problem) if n not in loose]
    for n in left:
        for lost, reading in problem.conventions(n):
            effort.spend()
            found = _try(hopeful, n, lost, reading)
            if found is not None:
                return Decision(Answer.FEASIBLE, found, n, lost, reading)
    proofs: list[Proof] = []
    open_cases: list[tuple[int, int | None, QuantileReading | None]] = []
    for n in range(problem.n_low, problem.n_high + 1):
        if n in loose:
            proofs.append({"n": n, "loose": True, "cases": [_filed(None, None, loose[n])]})
            continue
        parts: list[Proof] = []
        for lost, reading in problem.conventions(n):
            case = problem.case(n, lost, reading)
            refuted = (
                {"empty": True} if case is None else _refute(hopeful, case, lost, reading, effort)
            )
            if isinstance(refuted, tuple):
                return Decision(Answer.FEASIBLE, refuted, n, lost, reading)
            if refuted is None:
                open_cases.append((n, lost, reading))
            else:
                parts.append(_filed(lost, reading, refuted))
        proofs.append({"n": n, "loose": False, "cases": parts})
    if not open_cases:
        return Decision(Answer.INFEASIBLE, proofs=tuple(proofs))
    return _ask_solver(problem, open_cases, effort)


def _try(
    problem: Problem, n: int, lost: int | None, reading: QuantileReading | None
) -> Histogram | None:
    case = problem.case(n, lost, reading)
    return None if case is None else _probe(problem, case, lost, reading, few=True)


def _gap(problem: Problem) -> Fraction:
    """A small distance on the scale of the real-valued facts."""
    sizes: list[Number] = [s.high - s.low for s in problem.sets.values() if s.high != s.low]
    finite = [Fraction(v) for v in sizes if not math.isinf(v)]
    return min(finite, default=Fraction(1)) / 10**4


def _filed(lost: int | None, reading: QuantileReading | None, tree: Proof) -> Proof:
    places = reading.places if reading else ()
    named = {name: [place.lower, str(place.weight)] for name, place in places}
    return {"lost": lost, "places": named, "tree": tree}


# --- a sample -----------------------------------------------------------------------------------


def _probe(
    problem: Problem,
    case: Case,
    lost: int | None,
    reading: QuantileReading | None,
    *,
    few: bool,
) -> Histogram | None:
    """Try to build a sample for one case, fixing coupled ranks in a handful of ways."""
    whole = case.within(case.bounds.copy())
    if not whole.tighten():
        return None
    runs = whole.bounds.runs()
    low, high = _sum_range(whole, runs)
    ends = not (math.isinf(low) or math.isinf(high))
    if low > high or (ends and _excluded(whole, runs, low, high) is not None):
        return None
    for bounds in _settled(case, 4 if few else 40):
        trial = _boxed(case.within(bounds))
        if trial is None:
            continue
        runs = trial.bounds.runs()
        for total in _likely_sums(trial, runs):
            values = build(trial, runs, total)
            if values is None:
                continue
            found = _histogram(problem, values)
            if meets(problem, lost, reading, found):
                return found
    return None


def _built(
    problem: Problem,
    case: Case,
    lost: int | None,
    reading: QuantileReading | None,
    spots: list[Number],
) -> Histogram | None:
    """A sample of one of the given sums, or None."""
    runs = case.bounds.runs()
    for total in spots:
        values = build(case, runs, total)
        if values is not None:
            found = _histogram(problem, values)
            if meets(problem, lost, reading, found):
                return found
    return None


def _histogram(problem: Problem, values: list[Number]) -> Histogram:
    offset, step = problem.grid.offset, problem.step
    return tuple((offset + step * Fraction(v), c) for v, c in sorted(Counter(values).items()))


def _boxed(case: Case) -> Case | None:
    """The case with finite bounds for every rank, narrowing an endless scale generously."""
    if not case.tighten():
        return None
    runs = case.bounds.runs()
    if runs.bounded:
        return case
    known = [v for r in runs.rows for v in (r.low, r.high) if not math.isinf(v)]
    known += [Fraction(s) / case.n for s in (case.s_low, case.s_high) if not math.isinf(s)]
    known = known or [0]
    reach = 10 + (max(known) - min(known)) * (case.n + 1) + math.isqrt(2 * math.ceil(case.d_low))
    boxed = case.within(case.bounds.copy())
    boxed.bounds.at_least(1, min(known) - reach)
    boxed.bounds.at_most(case.n, max(known) + reach)
    return boxed if boxed.tighten() else None


def _settled(case: Case, ways: int) -> Iterator[Bounds]:
    """Bounds in which every couple and span is met whatever the other ranks are."""
    start = case.within(case.bounds.copy())
    if not start.tighten():
        return
    stack = [start]
    given = 0
    while stack and given < ways:
        now = stack.pop()
        spans, couples = now.open_spans(), now.open_couples()
        if not spans and not couples:
            given += 1
            yield now.bounds
            continue
        choices = _span_ways(now, spans[0]) if spans else _couple_ways(now, couples[0])
        for bounds in reversed(choices):
            child = now.within(bounds)
            if child.tighten():
                stack.append(child)


def _span_ways(case: Case, span: Span) -> list[Bounds]:
    """Fix how many values lie below the value counted and how many are equal to it."""
    bounds = case.bounds
    low, high = bounds.surely_below(span.value), bounds.maybe_below(span.value)
    spots = sorted({low, high, *(low + (high - low) * k // 8 for k in range(1, 8))})
    if not math.isinf(case.s_low + case.s_high):
        # Values near the mean are the likelier neighbours of a share of the sample.
        spots.sort(key=lambda k: abs(k - (low + high) / 2))
    result = []
    for below in spots:
        for equal in dict.fromkeys((span.at_least, min(span.at_most, case.n - below))):
            if equal < span.at_least or below + equal > case.n:
                continue
            now = bounds.copy()
            now.at_most(below, span.value - case.gap)
            if equal:
                now.at_least(below + 1, span.value)
                now.at_most(below + equal, span.value)
            now.at_least(below + equal + 1, span.value + case.gap)
            result.append(now)
    return result


def _couple_ways(case: Case, c: Couple) -> list[Bounds]:
    """Fix both ranks of a couple: as near to one another as can be, then further apart."""
    bounds = case.bounds
    l1, h1 = bounds.low(c.rank), bounds.high(c.rank)
    l2, h2 = bounds.low(c.rank + 1), bounds.high(c.rank + 1)
    middle: Number
    if math.isinf(c.low) or math.isinf(c.high):
        middle = Fraction(c.high if math.isinf(c.low) else c.low)
    else:
        middle = Fraction(c.low + c.high) / 2
    level = middle / (c.a + c.b)
    pairs: list[tuple[Number, Number]] = []
    far = max(level - l1, h2 - level)
    far = Fraction(0) if math.isinf(far) else far
    for apart in (0, 1, 2, 3, 4, far / 4, far / 2, far):
        x = level - apart
        x = min(max(math.floor(x) if bounds.whole else x, l1), h1)
        aims = [c.low, middle, c.high]
        for aim in aims:
            if math.isinf(aim):
                continue
            y = (aim - c.a * x) / Fraction(c.b)
            for whole_y in (math.floor(y), math.ceil(y)) if bounds.whole else (y,):
                pair = (x, whole_y)
                inside = c.low <= c.a * x + c.b * whole_y <= c.high
                if inside and x <= whole_y and l2 <= whole_y <= h2 and pair not in pairs:
                    pairs.append(pair)
    result = []
    for x, y in pairs:
        now = bounds.copy()
        now.at_least(c.rank, x)
        now.at_most(c.rank, x)
        now.at_least(c.rank + 1, y)
        now.at_most(c.rank + 1, y)
        result.append(now)
    return result


def _sum_range(case: Case, runs: Runs) -> tuple[Number, Number]:
    return max(case.s_low, runs.sum_low), min(case.s_high, runs.sum_high)


def _likely_sums(case: Case, runs: Runs) -> list[Number]:
    """A few sums that leave room for the spread, the roomiest first."""
    low, high = _sum_range(case, runs)
    if low > high:
        return []
    if runs.whole:
        a, b = int(low), int(high)
        count = min(b - a + 1, 24)
        sums: list[Number] = [a + (b - a) * k // max(count - 1, 1) for k in range(count)]
    else:
        sums = [
            low + (high - low) * Fraction(k, 16) for k in (8, 4, 12, 2, 14, 6, 10, 1, 15, 0, 16)
        ]
    rated = []
    for total in dict.fromkeys(sums):
        window = squares_window(case, runs, total)
        if window is not None:
            rated.append((window[1] - window[0], total))
    rated.sort(key=lambda pair: -pair[0])
    return [total for _, total in rated[:4]]


# --- a proof ------------------------------------------------------------------------------------


def _refute(
    problem: Problem,
    case: Case,
    lost: int | None,
    reading: QuantileReading | None,
    effort: Effort,
) -> Proof | Histogram | None:
    """A proof that a case has no sample, a sample after all, or neither."""
    case = case.within(case.bounds.copy())
    spots: list[Number] = []
    root = _refute_root(case, effort, spots)
    if root is not None:
        return root
    split = _split(case)
    if split is None:
        found = _built(problem, case, lost, reading, spots)
        found = found or _probe(problem, case, lost, reading, few=False)
        if found is not None:
            return found
        return {"enumerate": True} if _enumeration_is_empty(case, effort) else None
    rank, value = split
    children: list[Proof] = []
    for upper in (False, True):
        bounds = case.bounds.copy()
        if upper:
            bounds.at_least(rank, value + 1 if bounds.whole else value)
        else:
            bounds.at_most(rank, value)
        child = _refute(problem, case.within(bounds), lost, reading, effort)
        if not isinstance(child, dict):
            return child
        children.append(child)
    return {"rank": rank, "value": str(value), "low": children[0], "high": children[1]}


def _refute_root(case: Case, effort: Effort, spots: list[Number] | None = None) -> Proof | None:
    """A proof without splitting, after drawing the consequences for the case's bounds.

    Sums that leave room for the spread are added to ``spots``.
    """
    effort.spend(1 if case.bounds.whole else _REAL_COST)
    if not case.tighten():
        return {"empty": True}
    runs = case.bounds.runs()
    low, high = _sum_range(case, runs)
    if low > high:
        return {"empty": True}
    pieces = _exclude_sums(case, runs, low, high, effort, spots)
    return None if pieces is None else {"sums": pieces}


def _split(case: Case) -> tuple[int, Number] | None:
    """The rank and value at which to split a case, or None where no rank is coupled."""
    bounds = case.bounds
    for span in case.open_spans():
        low, high = bounds.surely_below(span.value), bounds.maybe_below(span.value)
        if low < high:
            return (low + high) // 2 + 1, span.value - case.gap
        low, high = bounds.surely_at_most(span.value), bounds.maybe_at_most(span.value)
        if low < high:
            return (low + high) // 2 + 1, span.value
    for couple in case.open_couples():
        for rank in (couple.rank, couple.rank + 1):
            low_value, high_value = bounds.low(rank), bounds.high(rank)
            if math.isinf(low_value) or math.isinf(high_value):
                continue
            if bounds.whole and low_value < high_value:
                return rank, (low_value + high_value) // 2
            if not bounds.whole and high_value - low_value > Fraction(1, 1000):
                return rank, Fraction(low_value + high_value) / 2
    return None


def _exclude_sums(
    case: Case,
    runs: Runs,
    low: Number,
    high: Number,
    effort: Effort,
    spots: list[Number] | None,
) -> list[list[str]] | None:
    """Cover the sums by pieces, each too wide or too narrow for the spread; None if one is not."""
    if math.isinf(low) or math.isinf(high) or (case.d_low <= 0 and math.isinf(case.d_high)):
        return None
    pieces: list[list[str]] = []
    fitting = 0
    todo = [(low, high, 0)]
    for _ in range(_MOST_PIECES):
        if not todo:
            return None if fitting else pieces
        a, b, depth = todo.pop()
        effort.spend(1 if runs.whole else _REAL_COST)
        kind = _excluded(case, runs, a, b)
        if kind is not None:
            pieces.append([str(a), str(b), *kind])
            continue
        middle = (a + b) // 2 if runs.whole else Fraction(a + b) / 2
        fits = squares_window(case, runs, middle) is not None
        if fits or depth > 40:
            fitting += 1
            if fits and spots is not None:
                spots.append(middle)
            if spots is None or fitting >= _MOST_SPOTS or depth > 40:
                return None
        if a < b:
            todo.append((middle + 1 if runs.whole else middle, b, depth + 1))
            todo.append((a, middle - (1 if fits and runs.whole else 0), depth + 1))
            todo = [item for item in todo if item[0] <= item[1]]
    return None


def _excluded(case: Case, runs: Runs, a: Number, b: Number) -> list[str] | None:
    """Why no sum from a to b goes with the spread: the kind of reason and its multiplier."""
    n = case.n
    if a == b and runs.whole:
        return ["none"] if squares_window(case, runs, a) is None else None
    middle = (a + b) // 2 if runs.whole else Fraction(a + b) / 2
    if not math.isinf(case.d_high):
        slope = runs.slope_below(middle)
        base = runs.floor(slope)
        if min(n * (slope * s + base) - s * s for s in (a, b)) > case.d_high:
            return ["low", str(slope)]
    if runs.bounded and case.d_low > 0:
        slope = runs.slope_above(middle)
        base = runs.ceiling(slope)
        top = min(max(Fraction(n * slope) / 2, a), b)
        if n * (slope * top + base) - top * top < case.d_low:
            return ["high", str(slope)]
    return None


def _enumeration_is_empty(case: Case, effort: Effort) -> bool:
    """Whether trying every sample, a value at a time, is affordable and finds none."""
    if not affordable(case):
        return False
    effort.spend(200)
    return not any_sample(case)


def _ask_solver(
    problem: Problem,
    cases: list[tuple[int, int | None, QuantileReading | None]],
    effort: Effort,
) -> Decision:
    """Put the open cases to the solver; what it finds infeasible stays without a simple proof."""
    if not effort.use_solver or problem.grid.step is None:
        return Decision(Answer.UNKNOWN, reason="neither a sample nor a proof was found")
    left = effort.solver
    all_closed = True
    for n, lost, reading in cases:
        if effort.over or left <= 0:
            raise Exhausted
        case = problem.case(n, lost, reading)
        if case is None or not case.tighten():
            continue
        # No single case may take all that is left.
        share = max(left / 4, effort.solver / 20)
        solved = solve_histogram(case, effort=effort, deterministic_seconds=share)
        left -= solved.spent
        if solved.values is not None:
            found = _histogram(problem, solved.values)
            if meets(problem, lost, reading, found):
                return Decision(Answer.FEASIBLE, found, n, lost, reading)
        all_closed = all_closed and solved.infeasible
    reason = (
        "the solver finds no sample, but no proof that a simple check repeats"
        if all_closed
        else "neither a sample nor a proof was found within the allowed effort"
    )
    return Decision(Answer.UNKNOWN, solver_says_infeasible=all_closed, reason=reason)
