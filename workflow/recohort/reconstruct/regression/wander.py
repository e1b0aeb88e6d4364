"""Random moves that leave everything printed, so that cohorts do not all end at the search's door.

The search stops at the first state that prints its targets, near the printed coefficients. From
there, moves are drawn and kept by Metropolis' rule when all targets still print: new values of free
columns in proportion to the column's plausible shape, and rows outside a fit in proportion to
their outcomes' probability under it. Many moves on separate rows are made at once where their
effects, foretold to first order, leave the targets together; a refit confirms each step.
"""

from __future__ import annotations

import numpy as np

from recohort.card.layout import Family
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.regression.block import ModelBlock, State
from recohort.reconstruct.regression.foretell import Foresight
from recohort.reconstruct.regression.moves import Moves, apply_moves, draw_moves
from recohort.reconstruct.regression.targets import Measure
from recohort.reconstruct.stop import Stop

__all__ = ["wander"]

_MOVES = 400
_TOGETHER = (1, 2, 4, 8, 16, 32)


def wander(
    block: ModelBlock, rng: np.random.Generator, rounds: int, stop: Stop | None = None
) -> int:
    """Move a block's state at random among those that print all targets; returns the refits.

    The state is left as it is where it does not print them.
    """
    state = block.state(block.values)
    if float(block.losses(state.estimates[None], Measure())[0]) > 0.0:
        return 0
    refits = 0
    for _ in range(rounds):
        if stop is not None and stop():
            break
        moves = draw_moves(block, rng, _MOVES)
        if not moves.key.size:
            break
        foresight = Foresight(block, state)
        effect = foresight.estimates(moves) - state.estimates
        likely = _log_odds(block, state, foresight, moves) > np.log(rng.random(moves.key.size))
        prints = block.losses(state.estimates + effect, Measure()) == 0.0
        chosen = _apart(moves, np.flatnonzero(likely & prints))
        sizes = [size for size in _TOGETHER if size <= chosen.size]
        sums = np.cumsum(effect[chosen], axis=0)[np.array(sizes, dtype=int) - 1]
        sets = [
            chosen[:size]
            for size, lost in zip(
                sizes, block.losses(state.estimates + sums, Measure()), strict=True
            )
            if lost == 0.0
        ]
        if not sets:
            continue
        values = np.repeat(block.values[None], len(sets), axis=0)
        for index, some in enumerate(sets):
            apply_moves(values[index], moves.take(some))
        refits += len(sets)
        lost = block.losses(block.estimates(values, state), Measure())
        for index in reversed(np.flatnonzero(lost == 0.0)):
            # Profiles are exact only in a state of its own.
            found = block.state(values[index], state)
            if float(block.losses(found.estimates[None], Measure())[0]) == 0.0:
                block.values, state = values[index], found
                break
    return refits


def _apart(moves: Moves, candidates: IntArray) -> IntArray:
    """The first of the candidates that share no row."""
    used: set[int] = set()
    found = []
    for m in candidates:
        rows = {int(moves.a[m]), int(moves.b[m])} - {-1}
        if not rows & used:
            used |= rows
            found.append(int(m))
            if len(found) == _TOGETHER[-1]:
                break
    return np.array(found, dtype=np.int64)


def _log_odds(block: ModelBlock, state: State, foresight: Foresight, moves: Moves) -> FloatArray:
    """Log ratio of the target density after and before each move."""
    found = np.zeros(moves.key.size)
    for index, shape in enumerate(block.shapes):
        if shape is None:
            continue
        family, mean, sd = shape
        for rows, new in ((moves.a, moves.at_a), (moves.b, moves.at_b)):
            at = np.flatnonzero((moves.key == index) & (rows >= 0))
            old = block.values[index, rows[at]]
            found[at] += _log_density(new[at], family, mean, sd)
            found[at] -= _log_density(old, family, mean, sd)
    widest = max(range(len(block.regressions)), key=lambda i: len(block.regressions[i].model.terms))
    regression, coef = block.regressions[widest], state.fits[widest].coef[0]
    before = block.design(regression, block.values[None])[0] @ coef
    sign = np.where(regression.outcome == 1.0, 1.0, -1.0)
    changed = foresight.changed_rows(widest, moves)
    for rows, after in zip((moves.a, moves.b), changed, strict=True):
        touched = (rows >= 0) & ~regression.inside[rows] & np.isfinite(before[rows])
        less = np.logaddexp(0.0, -sign[rows] * before[rows])
        more = np.logaddexp(0.0, -sign[rows] * (after @ coef))
        found += np.where(touched, less - more, 0.0)
    return found


def _log_density(values: FloatArray, family: Family, mean: float, sd: float) -> FloatArray:
    """The logarithm of a shape's density, up to a constant."""
    if family is Family.UNIFORM:
        return np.zeros(values.size)
    if family is Family.LOGNORMAL and mean > 0.0:
        variance = np.log1p((sd / mean) ** 2)
        middle = np.log(mean) - variance / 2.0
        logs = np.log(np.maximum(values, 1e-300))
        return np.asarray(-logs - (logs - middle) ** 2 / (2.0 * variance))
    return np.asarray(-((values - mean) ** 2) / (2.0 * sd**2))
