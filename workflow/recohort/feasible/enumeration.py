"""Try every sample of a small case at once: which (count, sum, sum of squares) can be reached.

Values are added in ascending order; one integer's bits hold all sums of squares that a number of
values with one sum can have (a dynamic programme, as in subset sums).
"""

from __future__ import annotations

import math

from recohort.feasible.boxes import Number
from recohort.feasible.problem import Case

__all__ = ["affordable", "any_sample"]

_MOST_WORK = 150_000_000
_MOST_STATES = 800_000


def _frame(case: Case) -> tuple[int, int, int, int] | None:
    """The centre, the smallest and largest centred value, and the largest useful square sum."""
    runs = case.bounds.runs()
    if not runs.bounded or math.isinf(case.d_high) or not case.bounds.whole:
        return None
    low, high = int(runs.rows[0].low), int(runs.rows[-1].high)
    s_low, s_high = max(case.s_low, runs.sum_low), min(case.s_high, runs.sum_high)
    if s_low > s_high:
        return None
    centre = int((s_low + s_high) / (2 * case.n))
    largest: Number = max(case.n * centre - s_low, s_high - case.n * centre)
    top = (int(case.d_high) + int(largest) ** 2) // case.n
    return centre, low - centre, high - centre, top


def affordable(case: Case) -> bool:
    """Whether :func:`any_sample` takes about a second at most."""
    frame = _frame(case)
    if frame is None:
        return False
    _, low, high, top = frame
    sums = 2 * math.isqrt(case.n * top) + 1
    steps = (high - low + 1) * case.n * min(sums, case.n * (high - low) + 1)
    return steps <= _MOST_STATES and steps * (1 + top // 512) <= _MOST_WORK


def any_sample(case: Case) -> bool:
    """Whether a sample lies within the case's rank bounds, sum and spread (couples are ignored)."""
    frame = _frame(case)
    if frame is None:
        return False
    centre, low, high, top = frame
    n, bounds = case.n, case.bounds
    mask = (1 << (top + 1)) - 1
    reached: list[dict[int, int]] = [{0: 1}, *({} for _ in range(n))]
    for value in range(low, high + 1):
        for count in range(n):
            onto = reached[count + 1]
            for total, squares in reached[count].items():
                moved = (squares << value * value) & mask
                if moved:
                    onto[total + value] = onto.get(total + value, 0) | moved
        least, most = bounds.surely_at_most(value + centre), bounds.maybe_at_most(value + centre)
        for count in range(n + 1):
            if not least <= count <= most:
                reached[count] = {}
    for total, squares in reached[n].items():
        if not case.s_low <= total + n * centre <= case.s_high:
            continue
        first = max(int(-((-case.d_low - total**2) // n)), 0)
        last = min(int((case.d_high + total**2) // n), top)
        if last >= first and (squares >> first) & ((1 << (last - first + 1)) - 1):
            return True
    return False
