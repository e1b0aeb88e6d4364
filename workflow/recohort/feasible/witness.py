"""Build a sample that meets one case whose ranks have plain bounds, or check a sample found.

Between the most even and the most extreme sample of one sum lie samples of nearly every spread;
the mixture of the two that comes nearest is rounded to the grid and mended by moving single steps
from one value to another. Failing to find a sample proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from recohort.feasible.boxes import Number, Runs
from recohort.feasible.problem import Case, Problem
from recohort.feasible.quantiles import QuantileReading
from recohort.feasible.variable import Relation

__all__ = ["Histogram", "build", "meets", "squares_window"]

Histogram = tuple[tuple[Fraction, int], ...]
"""Values in the variable's own unit, ascending, with how often each occurs."""

_MOST_MOVES = 300
_FEW = 8
_DRAWS = 20_000
_MOST_AIMS = 4


def squares_window(case: Case, runs: Runs, total: Number) -> tuple[Number, Number] | None:
    """The sums of squares that spread and bounds leave for one sum; None where there is none.

    On whole numbers the sum of squares has the parity of the sum.
    """
    square = Fraction(total) ** 2
    low: Number = Fraction(case.d_low + square) / case.n
    high: Number = math.inf
    if not math.isinf(case.d_high):
        high = Fraction(case.d_high + square) / case.n
    low = max(low, runs.least_squares(total))
    high = min(high, runs.most_squares(total))
    if runs.whole:
        low = math.ceil(low)
        low += (low - int(total)) % 2
        if not math.isinf(high):
            high = math.floor(high)
            high -= (high - int(total)) % 2
    return (low, high) if low <= high else None


def build(case: Case, runs: Runs, total: Number) -> list[Number] | None:
    """A sample of this sum within the case's bounds and spread, in steps; None if not found."""
    window = squares_window(case, runs, total)
    if window is None or not runs.bounded:
        return None
    even = [v for count, v in runs.most_even(total) for _ in range(count)]
    extreme = [v for count, v in runs.most_extreme(total) for _ in range(count)]
    if not runs.whole:
        return _mixed(even, extreme, window)
    if math.isinf(case.d_high) and case.d_low <= 0:
        return even
    low, high = int(window[0]), int(window[1])
    largest = max(
        abs(int(even[0])), abs(int(even[-1])), abs(int(extreme[0])), abs(int(extreme[-1]))
    )
    if 4 * largest**2 * case.n >= 2**62:
        return None
    lows = np.repeat([int(r.low) for r in runs.rows], [r.count for r in runs.rows])
    highs = np.repeat([int(r.high) for r in runs.rows], [r.count for r in runs.rows])
    found = _between(np.array(even, np.int64), np.array(extreme, np.int64), int(total), low, high)
    mended = _mend(found, lows, highs, low, high)
    if mended is None and 3 <= case.n <= _FEW:
        mended = _paired(lows, highs, int(total), low, high)
    return None if mended is None else [int(v) for v in np.sort(mended)]


def _mixed(
    even: list[Number], extreme: list[Number], window: tuple[Number, Number]
) -> list[Number] | None:
    """The mixture with a sum of squares inside the window: it grows steadily with the share."""
    aim: Number = window[0]
    if not math.isinf(window[1]):
        aim = (Fraction(window[0]) + Fraction(window[1])) / 2
    low, high = Fraction(0), Fraction(1)
    for _ in range(60):
        share = (low + high) / 2
        mixed = [_mix(e, x, share) for e, x in zip(even, extreme, strict=True)]
        got = sum(v * v for v in mixed)
        if got < aim:
            low = share
        else:
            high = share
        if window[0] < got < window[1] and max(got - aim, aim - got) * 8 < window[1] - window[0]:
            break
    return [_mix(e, x, share) for e, x in zip(even, extreme, strict=True)]


def _mix(one: Number, other: Number, share: Fraction) -> Number:
    return one + (other - one) * share


def _between(
    even: NDArray[np.int64], extreme: NDArray[np.int64], total: int, low: int, high: int
) -> NDArray[np.int64]:
    """The rounded mixture whose sum of squares is nearest to the window's middle."""
    aim = (low + high) / 2
    start, stop, best, miss = 0.0, 1.0, even, math.inf
    for _ in range(30):
        share = (start + stop) / 2
        exact = even + (extreme - even) * share
        down = np.floor(exact).astype(np.int64)
        short = total - int(down.sum())
        part = exact - down
        if short > 0:
            down[np.argsort(-part, kind="stable")[:short]] += 1
        squares = int((down * down).sum())
        if abs(squares - aim) < miss:
            best, miss = down, abs(squares - aim)
        if low <= squares <= high:
            break
        start, stop = (share, stop) if squares < aim else (start, share)
    return best


def _mend(
    values: NDArray[np.int64],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
    low: int,
    high: int,
) -> NDArray[np.int64] | None:
    """Move single steps between values until the sum of squares lies inside the window."""
    values = values.copy()
    squares = int((values * values).sum())
    for _ in range(_MOST_MOVES):
        if low <= squares <= high:
            return values
        need = low - squares if squares < low else high - squares
        given = np.flatnonzero(values > lows)
        taken = np.flatnonzero(values < highs)
        if not given.size or not taken.size:
            return None
        donors, givers = np.unique(values[given], return_counts=True)
        takers, getters = np.unique(values[taken], return_counts=True)
        # One step from a to b changes the sum of squares by 2 * (b - a + 1).
        change = 2 * (takers[None, :] - donors[:, None] + 1)
        same = donors[:, None] == takers[None, :]
        pairs = np.minimum(givers[:, None], getters[None, :])
        pairs = np.where(same, pairs // 2, pairs)
        score = np.where(pairs > 0, np.abs(need - change), np.iinfo(np.int64).max)
        row, column = np.unravel_index(int(score.argmin()), score.shape)
        if score[row, column] >= abs(need):
            return None
        step = int(change[row, column])
        times = max(min(int(pairs[row, column]), need // step), 1)
        down = given[values[given] == donors[row]][:times]
        up = taken[values[taken] == takers[column]][-times:]
        values[down] -= 1
        values[up] += 1
        squares = int((values * values).sum())
    return None


def _paired(
    lows: NDArray[np.int64], highs: NDArray[np.int64], total: int, low: int, high: int
) -> NDArray[np.int64] | None:
    """Draw all values but two; the sum and the sum of squares then determine those two.

    In a few values single steps change the squares too coarsely for a narrow window.
    """
    widths = highs - lows
    first, second = sorted(np.argsort(widths, kind="stable")[-2:])
    others = [i for i in range(lows.size) if i not in (first, second)]
    if lows.size == 3 and widths[others[0]] < _DRAWS:
        drawn = np.arange(lows[others[0]], highs[others[0]] + 1)[:, None]
    else:
        generator = np.random.default_rng(0)
        drawn = generator.integers(lows[others], highs[others] + 1, (_DRAWS, len(others)))
    rest = total - drawn.sum(axis=1)
    squared = (drawn * drawn).sum(axis=1)
    for aim in range(low, min(high, low + 2 * _MOST_AIMS) + 1, 2):
        spread = 2 * (aim - squared) - rest * rest
        root = np.sqrt(np.maximum(spread, 0)).round().astype(np.int64)
        small, large = (rest - root) // 2, (rest + root) // 2
        right = (root * root == spread) & ((rest - root) % 2 == 0)
        right &= (small >= lows[first]) & (small <= highs[first])
        right &= (large >= lows[second]) & (large <= highs[second])
        hits = np.flatnonzero(right)
        if hits.size:
            values = np.empty(lows.size, np.int64)
            values[others] = drawn[hits[0]]
            values[first], values[second] = small[hits[0]], large[hits[0]]
            return values
    return None


def meets(
    problem: Problem, lost: int | None, reading: QuantileReading | None, found: Histogram
) -> bool:
    """Whether a sample has every statistic inside its set, by direct computation."""
    n = sum(count for _, count in found)
    if not problem.n_low <= n <= problem.n_high or n < 1:
        return False
    if not _recordable(problem, found):
        return False
    total = sum(v * c for v, c in found)
    got: dict[str, Fraction] = {
        "mean": Fraction(total) / n,
        "minimum": found[0][0],
        "maximum": found[-1][0],
    }
    for name, place in reading.places if reading else ():
        left, right = _ranked(found, (place.lower, min(place.lower + 1, n)))
        got[name] = (1 - place.weight) * left + place.weight * right
    if any(got[name] not in known for name, known in problem.sets.items() if name in got):
        return False
    if "sd" in problem.sets:
        if lost is None or n <= lost:
            return False
        variance = (sum(v * v * c for v, c in found) - Fraction(total) ** 2 / n) / (n - lost)
        known = problem.sets["sd"]
        below = known.low > 0 and (
            variance < known.low**2 or (variance == known.low**2 and not known.low_closed)
        )
        above = known.high < 0 or (
            variance > known.high**2 or (variance == known.high**2 and not known.high_closed)
        )
        if below or above:
            return False
    for fact in problem.counts:
        holds = sum(c for v, c in found if Relation(fact.relation).holds(v, fact.threshold))
        if not fact.at_least <= holds <= fact.at_most:
            return False
    return True


def _recordable(problem: Problem, found: Histogram) -> bool:
    grid = problem.grid
    if grid.low is not None and found[0][0] < grid.low:
        return False
    if grid.high is not None and found[-1][0] > grid.high:
        return False
    return grid.step is None or all(
        ((v - grid.offset) / grid.step).denominator == 1 for v, _ in found
    )


def _ranked(found: Histogram, ranks: Iterable[int]) -> list[Fraction]:
    result = []
    for rank in ranks:
        seen = 0
        for value, count in found:
            seen += count
            if seen >= rank:
                result.append(value)
                break
    return result
