"""Changes of many values at once that take all targets: sets of moves, and least changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.model_block import ModelBlock
from recohort.reconstruct.model_foretell import Foresight
from recohort.reconstruct.model_kernel import least_change, pursue
from recohort.reconstruct.model_moves import Moves, apply_moves
from recohort.reconstruct.model_targets import Measure

__all__ = ["Candidate", "Corrector", "pursued"]

_NUDGE = 0.02
_ROUNDINGS = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state (keys, n) and where its estimates (T,) are foretold to lie."""

    values: FloatArray
    foretold: FloatArray


def pursued(
    block: ModelBlock,
    foresight: Foresight,
    moves: Moves,
    measure: Measure,
    rng: np.random.Generator,
    sets: int,
    most: int,
    caution: float,
) -> list[Candidate]:
    """Sets of moves whose foretold effects add up to what is lacking.

    Each set chooses among a random half of the moves, so that they differ. ``caution`` is how much
    less than foretold a large move is trusted: its square counts as an error.
    """
    told = foresight.estimates(moves)
    sound = np.isfinite(told).all(axis=1)
    moves, told = moves.take(np.flatnonzero(sound)), told[sound]
    if moves.key.size == 0:
        return []
    low, high, width, scale = block.boxes
    unit = width + measure.softness * scale
    rim = measure.inset * np.minimum(width, (high - low) / 2.0)
    effects = (told - foresight.now) / unit
    sizes = caution * np.square(effects).sum(axis=1)
    found = []
    for _ in range(sets):
        at = np.empty(block.boxes.shape[1])
        chosen = pursue(
            effects,
            sizes,
            foresight.now / unit,
            (low + rim) / unit,
            (high - rim) / unit,
            moves.a,
            moves.b,
            block.n,
            rng.random(moves.key.size) < 0.5,
            most,
            3 if most <= 16 else 1,
            at,
        )
        if chosen.size:
            values = block.values.copy()
            apply_moves(values, moves.take(chosen))
            found.append(Candidate(values, at * unit))
    return found


class Corrector:
    """Least changes of free values around one state, by Gauss and Newton.

    The effects of small changes of each value make a linear system; of the changes that take all
    estimates into their boxes, the least is taken, in steps of the recording grid.
    """

    def __init__(
        self, block: ModelBlock, foresight: Foresight, inset: float, rng: np.random.Generator
    ) -> None:
        self.block, self._rng = block, rng
        self._key, self._row = _entries(block, rng)
        none = np.full(self._key.size, -1)
        self._slopes: FloatArray = np.empty((self._key.size, block.boxes.shape[1]))
        if self._key.size == 0:
            return
        low, high, self._width, _ = block.boxes
        rim = inset * np.minimum(self._width, (high - low) / 2.0)
        self._low, self._high = low + rim, high - rim
        old = block.values[self._key, self._row]
        nudge = _NUDGE * block.spread[self._key]
        # Away from the nearer bound, where there is room.
        nudge = np.where(old + nudge > block.high[self._key, self._row], -nudge, nudge)
        moves = Moves(self._key, self._row, none, old + nudge, old)
        told = foresight.estimates(moves, smooth=True)
        slope = (told - foresight.now) / (nudge / block.spread[self._key])[:, None] / self._width
        usable = np.isfinite(slope).all(axis=1)
        self._key, self._row, self._slopes = (
            self._key[usable],
            self._row[usable],
            slope[usable],
        )

    @property
    def is_idle(self) -> bool:
        """Whether no value is free to change."""
        return self._key.size == 0

    def correct(self, base: Candidate, entries: int, share: float = 1.0) -> Candidate:
        """A state with ``entries`` values changed by a ``share`` of what ``base`` lacks."""
        block, rng = self.block, self._rng
        few = np.arange(self._key.size)
        if entries < few.size:
            few = rng.permutation(few)[:entries]
        slopes = self._slopes[few]
        at = base.foretold / self._width
        forces = least_change(
            slopes.T @ slopes,
            at,
            self._low / self._width,
            self._high / self._width,
            400,
        )
        step = share * (slopes @ forces)
        largest = float(np.abs(step).max(initial=0.0))
        if largest > 1.0:
            step /= largest
        key, row = self._key[few], self._row[few]
        old, spread, grid = base.values[key, row], block.spread[key], block.step[key]
        wanted = np.clip(old + step * spread, block.low[key, row], block.high[key, row])
        unit = np.where(grid > 0, grid, 1.0)
        # Rounded to the grid in several ways, of which the best foretold is taken.
        dither = np.concatenate(
            [np.full((1, key.size), 0.5), rng.random((_ROUNDINGS - 1, key.size))]
        )
        moved = np.round(np.floor(wanted / unit + dither) * unit, 9)
        moved = np.where(grid > 0, moved, wanted)
        outside = (moved < block.low[key, row]) | (moved > block.high[key, row])
        moved = np.where(outside, old, moved)
        ends = at + ((moved - old) / spread) @ slopes
        middle = at + step @ slopes
        best = int(np.argmin(np.square(ends - middle).sum(axis=1)))
        values = base.values.copy()
        values[key, row] = moved[best]
        return Candidate(values, ends[best] * self._width)


def _entries(block: ModelBlock, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """The values that a least change may use: at most some 3,000 of them, at random."""
    fine = [
        key
        for key in range(len(block.keys))
        if block.free[key]
        and block.cuts[key] is None
        and block.step[key] <= 0.25 * block.spread[key]
    ]
    if not fine:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    key = np.repeat(fine, block.useful.size)
    row = np.tile(block.useful, len(fine))
    placed = block.strata[key, row] >= 0
    key, row = key[placed], row[placed]
    if key.size > 3000:
        some = np.sort(rng.permutation(key.size)[:3000])
        key, row = key[some], row[some]
    return key, row
