"""Moves of predictor values: exchanges between two rows, and new values where a column is free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.regression.block import ModelBlock
from recohort.reconstruct.regression.kernel import exchange
from recohort.reconstruct.regression.targets import Regression

__all__ = ["Moves", "apply_moves", "associate", "draw_moves", "kick"]


@dataclass(frozen=True, slots=True)
class Moves:
    """M moves: row ``a`` takes ``at_a``, and row ``b`` (-1: none) takes ``at_b``, in column key."""

    key: IntArray
    a: IntArray
    b: IntArray
    at_a: FloatArray
    at_b: FloatArray

    def take(self, chosen: IntArray) -> Moves:
        """Some of the moves."""
        return Moves(
            self.key[chosen], self.a[chosen], self.b[chosen], self.at_a[chosen], self.at_b[chosen]
        )


def apply_moves(values: FloatArray, moves: Moves) -> None:
    """Make the moves, in order, in place."""
    for m in range(moves.key.size):
        values[moves.key[m], moves.a[m]] = moves.at_a[m]
        if moves.b[m] >= 0:
            values[moves.key[m], moves.b[m]] = moves.at_b[m]


def _acts(block: ModelBlock, key: IntArray, old: FloatArray, new: FloatArray) -> BoolArray:
    """Whether models see a change of values: dichotomised ones must cross a cut-point."""
    seen: BoolArray = old != new
    for index in range(len(block.keys)):
        cuts = block.cuts[index]
        if cuts is None:
            continue
        mine = key == index
        crossed = np.zeros(int(mine.sum()), dtype=np.bool_)
        for cut in cuts:
            crossed |= (old[mine] >= cut) != (new[mine] >= cut)
        seen[mine] = crossed
    return seen


def draw_moves(block: ModelBlock, rng: np.random.Generator, count: int) -> Moves:
    """Random exchanges within strata, and new values where a column is free: at most ``count``.

    A new value comes alone, or with one in another row of the stratum that keeps their sum.
    """
    many = 3 * count
    key = rng.integers(len(block.keys), size=many)
    a = block.useful[rng.integers(block.useful.size, size=many)]
    b = rng.integers(block.n, size=many)
    change = block.free[key] & (rng.random(many) < 0.5)
    b = np.where(rng.random(many) < 0.5, _neighbours(block, key, a, rng), b)
    old_a, old_b = block.values[key, a], block.values[key, b]
    scale = block.spread[key] * 10.0 ** rng.uniform(-2.5, 0.3, many)
    step = block.step[key]
    moved = old_a + scale * rng.standard_normal(many)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.rint((moved - old_a) / step)
        steps = np.where(steps == 0, np.sign(moved - old_a), steps)
        on_grid = np.round(np.rint((old_a + steps * step) / step) * step, 9)
        moved = np.where(step > 0, on_grid, moved)
        # A dichotomised column takes over another row's value: fine steps would change nothing.
        coarse = np.array([cuts is not None for cuts in block.cuts])
        moved = np.where(coarse[key], old_b, moved)
        lowest, highest = block.room(key, a, old_a)
        allowed = (moved >= lowest) & (moved <= highest)
        # Every other change is made up for by another row, so that the mean stays.
        back = np.round(old_b - (moved - old_a), 9)
        lowest, highest = block.room(key, b, old_b)
        level = change & ~coarse[key] & (rng.random(many) < 0.5) & (a != b)
        level &= (back >= lowest) & (back <= highest)
        fits_a = (old_b >= block.low[key, a]) & (old_b <= block.high[key, a])
        fits_b = (old_a >= block.low[key, b]) & (old_a <= block.high[key, b])
    stratum = block.strata[key, a]
    placed = stratum >= 0
    swap = ~change & placed & (stratum == block.strata[key, b]) & fits_a & fits_b
    change &= placed & allowed
    level &= change & (stratum == block.strata[key, b])
    keep = np.flatnonzero(swap | change)
    new_a = np.where(change, moved, old_b)
    keep = keep[_acts(block, key[keep], old_a[keep], new_a[keep])][:count]
    return Moves(
        key=key[keep],
        a=a[keep],
        b=np.where(change & ~level, -1, b)[keep],
        at_a=new_a[keep],
        at_b=np.where(level, back, old_a)[keep],
    )


def _neighbours(
    block: ModelBlock, key: IntArray, a: IntArray, rng: np.random.Generator
) -> IntArray:
    """Rows whose values are near those in rows ``a``: exchanges with them do little."""
    reach = np.exp(rng.uniform(0.0, np.log(max(block.n / 4.0, 2.0)), key.size))
    offset = np.where(rng.random(key.size) < 0.5, 1.0, -1.0) * np.ceil(reach)
    found = a.copy()
    for index in range(len(block.keys)):
        order = np.lexsort((rng.random(block.n), block.values[index]))
        rank = np.empty(block.n, dtype=np.int64)
        rank[order] = np.arange(block.n)
        mine = key == index
        place = np.clip(rank[a[mine]] + offset[mine].astype(int), 0, block.n - 1)
        found[mine] = order[place]
    return found


def kick(block: ModelBlock, rng: np.random.Generator) -> None:
    """Make some random moves, in place."""
    moves = draw_moves(block, rng, max(8, block.n // 12))
    for m in range(moves.key.size):
        key, a, b = int(moves.key[m]), int(moves.a[m]), int(moves.b[m])
        if b < 0:
            continue
        at_a, at_b = block.values[key, a], block.values[key, b]
        low, high = block.low[key], block.high[key]
        if low[a] <= at_b <= high[a] and low[b] <= at_a <= high[b]:
            block.values[key, a], block.values[key, b] = at_b, at_a


def associate(block: ModelBlock, rng: np.random.Generator) -> None:
    """Let all rows, also those outside the fit, follow the printed coefficients, in place.

    Rows with and without the outcome exchange single predictors by Metropolis' rule, so that which
    rows have the outcome is distributed as the models say, given how many have it. A validation
    cohort then follows the same truth as the development cohort. A predictor of several models
    follows the one with most terms.
    """
    done: set[int] = set()
    for regression in sorted(block.regressions, key=lambda r: -len(r.model.terms)):
        coef = _printed(regression)
        keys = block.keys_of(regression)
        fresh = [k for k, b in zip(keys, coef, strict=True) if b != 0.0 and k not in done]
        if not fresh:
            continue
        done |= set(fresh)
        design = block.design(regression, block.values[None])[0]
        parts = np.zeros((len(block.keys), block.n))
        for index, key in enumerate(keys):
            parts[key] += coef[index] * design[:, index + 1]
        for rows in (regression.inside, ~regression.inside):
            yes = np.flatnonzero(rows & (regression.outcome == 1))
            no = np.flatnonzero(rows & (regression.outcome == 0))
            if yes.size == 0 or no.size == 0:
                continue
            count = 20 * (yes.size + no.size) * len(fresh)
            exchange(
                block.values,
                parts,
                block.strata,
                block.low,
                block.high,
                np.array(fresh)[rng.integers(len(fresh), size=count)],
                rng.choice(yes, count),
                rng.choice(no, count),
                np.log(rng.random(count)),
            )


def _printed(regression: Regression) -> FloatArray:
    """The printed coefficient of each term, 0 where none was."""
    coef = np.zeros(len(regression.model.terms))
    for one in regression.terms:
        if one.is_ratio:
            coef[one.column - 1] = np.log(max(float(one.target.printed.value), 1e-6))
    return coef
