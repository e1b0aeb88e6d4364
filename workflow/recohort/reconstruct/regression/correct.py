"""Changes of many values at once that take all targets: sets of moves, and least changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.regression.block import ModelBlock
from recohort.reconstruct.regression.choice_kernel import compose, pursue
from recohort.reconstruct.regression.foretell import Foresight
from recohort.reconstruct.regression.moves import Moves, apply_moves
from recohort.reconstruct.regression.targets import Measure

__all__ = ["Candidate", "Corrector", "pursued"]

_NUDGE = 0.02
_MOST = 6000
_FINE = 0.002
_FAR = 1e6
_STRAY = 1e-5
_CAUTION = 0.001
_PASSES = 6
_PAIRS = 20000
_NEWTON = 40
_HALVINGS = 12
_REACH = 0.2
_SLACK = 0.01
_SAMPLE = 300


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state (keys, n) and where its estimates (T,) are foretold to lie."""

    values: FloatArray
    foretold: FloatArray


def pursued(
    block: ModelBlock,
    now: FloatArray,
    moves: Moves,
    told: FloatArray,
    corrector: Corrector,
    measure: Measure,
    rng: np.random.Generator,
    sets: int,
    keep: int,
    most: int,
    caution: float,
) -> list[Candidate]:
    """Sets of moves, foretold to end at ``told`` (M, T), that add up to what is lacking.

    Each set chooses among a random half of the moves, so that they differ. ``caution`` is how much
    less than foretold a large move is trusted: its square counts as an error. What free values
    can take up afterwards counts little.
    """
    low, high, width, scale = block.boxes
    unit = width + measure.softness * scale
    rim = measure.inset * np.minimum(width, (high - low) / 2.0)
    low, high = low + rim, high - rim
    turn = np.diag(1.0 / unit)
    if not corrector.is_idle:
        some = rng.permutation(moves.key.size)[:_SAMPLE]
        low = high = corrector.goal(now, told[some] - now)
        turn = corrector.hardness()
    effects = (told - now) @ turn
    sizes = caution * np.square((told - now) / unit).sum(axis=1)
    near = np.argsort(sizes, kind="stable")[: max(20, sizes.size // 3)]
    start, low, high = now @ turn, low @ turn, high @ turn
    found: list[tuple[float, int, Candidate]] = []
    for index in range(sets):
        # All but the first few begin with some small moves at random: where none helps by itself,
        # several may.
        begin = 0 if index < 2 else 1 + index % 6
        chosen, left = pursue(
            effects,
            sizes,
            start,
            low,
            high,
            moves.a,
            moves.b,
            block.n,
            rng.random(moves.key.size) < 0.5,
            near[rng.integers(near.size, size=begin)],
            most,
            3 if most <= 16 or corrector.is_idle else 1,
        )
        if chosen.size:
            values = block.values.copy()
            apply_moves(values, moves.take(chosen))
            ends = now + (told[chosen] - now).sum(axis=0)
            found.append((left, index, Candidate(values, ends)))
    found.sort(key=lambda one: one[:2])
    return [one[2] for one in found[:keep]]


class Corrector:
    """Least changes of free values around one state, by Gauss and Newton.

    The effects of small changes of each value make a linear system; of the changes that take all
    estimates into their boxes, the least is taken, in steps of the recording grid.
    """

    def __init__(
        self, block: ModelBlock, foresight: Foresight, measure: Measure, rng: np.random.Generator
    ) -> None:
        self.block, self._rng = block, rng
        self._key, self._row = _entries(block, rng)
        none = np.full(self._key.size, -1)
        self._slopes: FloatArray = np.empty((self._key.size, block.boxes.shape[1]))
        low, high, self._width, scale = block.boxes
        self._unit = self._width + measure.softness * scale
        rim = measure.inset * np.minimum(self._width, (high - low) / 2.0)
        self._low, self._high = low + rim, high - rim
        if self._key.size == 0:
            return
        old = block.values[self._key, self._row]
        nudge = _NUDGE * block.spread[self._key]
        low_end, high_end = block.room(self._key, self._row, old)
        # Away from the nearer bound, where there is room.
        nudge = np.where(old + nudge > high_end, -nudge, nudge)
        moves = Moves(self._key, self._row, none, old + nudge, old)
        told = foresight.estimates(moves, smooth=True)
        slope = (told - foresight.now) / (nudge / block.spread[self._key])[:, None] / self._width
        usable = np.isfinite(slope).all(axis=1) & (high_end > low_end)
        self._key, self._row, self._slopes = (
            self._key[usable],
            self._row[usable],
            slope[usable],
        )

    @property
    def is_idle(self) -> bool:
        """Whether no value is free to change."""
        return self._key.size == 0

    @property
    def moves_finely(self) -> BoolArray:
        """Which keys have values that a least change may use."""
        return np.isin(np.arange(len(self.block.keys)), self._key)

    def goal(self, now: FloatArray, effects: FloatArray) -> FloatArray:
        """Where the least change would take the estimates, moves with ``effects`` (M, T) included.

        Limits, ratios and p-values hang together: aiming at each box by itself would ask for what
        cannot be.
        """
        slopes = np.concatenate([self._slopes, effects / self._width])
        forces = self._forces(slopes, now)
        change: FloatArray = slopes.T @ (slopes @ forces)
        return np.asarray(now + change * self._width)

    def hardness(self) -> FloatArray:
        """(T, T): turns differences of estimates so that what free values can take up is small."""
        slopes = self._slopes * (self._width / self._unit) * _REACH
        size, axes = np.linalg.eigh(slopes.T @ slopes)
        return np.asarray((axes / np.sqrt(1.0 + np.maximum(size, 0.0))) / self._unit[:, None])

    def _forces(self, slopes: FloatArray, now: FloatArray, firmness: float = 1.0) -> FloatArray:
        return least_change(
            slopes.T @ slopes,
            now / self._width,
            self._low / self._width,
            self._high / self._width,
            _SLACK / firmness * np.square(self._unit / self._width),
        )

    def correct(
        self,
        base: Candidate,
        entries: int,
        share: float = 1.0,
        firmness: float = 1.0,
        moves: Moves | None = None,
        effects: FloatArray | None = None,
    ) -> Candidate:
        """A state with ``entries`` values changed by a ``share`` of what ``base`` lacks.

        Whole steps are chosen so that rounding to the grid leaves as little as possible. With
        ``moves``, of foretold ``effects`` (M, T), these are chosen from as well. The firmer, the
        more change is made for the last of a miss.
        """
        block, rng = self.block, self._rng
        few = np.arange(self._key.size)
        if entries < few.size:
            few = rng.permutation(few)[:entries]
        slopes = self._slopes[few]
        at = base.foretold / self._width
        told = np.empty((0, at.size)) if effects is None else effects / self._width
        forces = share * self._forces(np.concatenate([slopes, told]), base.foretold, firmness)
        step = slopes @ forces
        largest = float(np.abs(step).max(initial=0.0))
        if largest > 1.0:
            step /= largest
        key, row = self._key[few], self._row[few]
        old, spread, grid = base.values[key, row], block.spread[key], block.step[key]
        low_end, high_end = block.room(key, row, old)
        wanted = np.clip(old + step * spread, low_end, high_end)
        # Without a grid the least change is taken as it is, and steps finer than matter correct it.
        unit = np.where(grid > 0, grid, _FINE * spread)
        origin = np.where(grid > 0, old, wanted)
        aim = (wanted - origin) / unit
        least = np.clip(np.ceil((low_end - origin) / unit - 1e-9), -_FAR, 0.0)
        most = np.clip(np.floor((high_end - origin) / unit + 1e-9), 0.0, _FAR)
        counts = np.clip(np.floor(aim + rng.random(key.size)), least, most)
        now = at + ((origin - old) / spread) @ slopes
        steps = slopes * (unit / spread)[:, None]
        cost = np.full(key.size, _STRAY)
        slots = np.stack([key * block.n + row, np.full(key.size, -1)], axis=1)
        if moves is not None and effects is not None:
            part = np.clip(told @ forces, 0.0, 1.0)
            steps = np.concatenate([steps, told])
            large = np.square(effects / self._unit).sum(axis=1)
            cost = np.concatenate([cost, _CAUTION * large])
            drawn = (rng.random(part.size) < part).astype(np.float64)
            aim, counts = np.concatenate([aim, 0.0 * part]), np.concatenate([counts, drawn])
            least = np.concatenate([least, 0.0 * part])
            most = np.concatenate([most, 0.0 * part + 1.0])
            a = moves.key * block.n + moves.a
            b = np.where(moves.b >= 0, moves.key * block.n + moves.b, -1)
            slots = np.concatenate([slots, np.stack([a, b], axis=1)])
        total = counts.size
        counts = counts.astype(np.int64)
        scale = self._width / self._unit
        # The least change by a share has its goal there, not in the boxes themselves.
        goal = at + (step @ slopes) if share < 1.0 else None
        low = self._low / self._width if goal is None else goal
        high = self._high / self._width if goal is None else goal
        picks = rng.integers(total, size=(_PAIRS, 2))
        ways = np.where(rng.random((_PAIRS, 2)) < 0.5, 1, -1)
        compose(
            steps * scale, cost, aim, least.astype(np.int64), most.astype(np.int64),
            slots.astype(np.int64), np.zeros(len(block.keys) * block.n, dtype=np.bool_), counts,
            now * scale, low * scale, high * scale,
            np.concatenate([rng.permutation(total) for _ in range(_PASSES)]),
            np.concatenate([picks, ways], axis=1),
        )  # fmt: skip
        mine = counts[: key.size]
        moved = origin + mine * unit
        on_grid = np.round(np.rint(moved / unit) * unit, 9)
        values = base.values.copy()
        values[key, row] = np.where(grid > 0, np.where(mine == 0, old, on_grid), moved)
        if moves is not None:
            apply_moves(values, moves.take(np.flatnonzero(counts[key.size :])))
        return Candidate(values, (now + counts @ steps) * self._width)


def least_change(
    gram: FloatArray, at: FloatArray, low: FloatArray, high: FloatArray, slack: FloatArray
) -> FloatArray:
    """Multipliers (T,) of the least change that takes ``at`` (T,) into its box.

    For effects J with gram = J J', the change is J' times these. ``slack`` (T,) makes it soft: what
    is left counts with its square over the slack, beside the change's own square. This is convex
    and quadratic between the changes of which sides of the box are in the way: Newton's steps with
    halving, as limits, ratios and p-values go too much together for one at a time.
    """

    def cost(forces: FloatArray) -> tuple[float, FloatArray]:
        value = at + gram @ forces
        beyond = value - np.clip(value, low, high)
        own = float(forces @ (value - at))
        return own + float((np.square(beyond) / slack).sum()), beyond

    forces = np.zeros(at.size)
    now, beyond = cost(forces)
    for _ in range(_NEWTON):
        active = np.flatnonzero(beyond)
        goal = np.zeros(at.size)
        if active.size:
            side = np.where(beyond > 0.0, high, low)[active]
            matrix = gram[np.ix_(active, active)] + np.diag(slack[active])
            goal[active] = np.linalg.solve(matrix, side - at[active])
        share = 1.0
        for _ in range(_HALVINGS):
            trial = forces + share * (goal - forces)
            then, outside = cost(trial)
            if then < now:
                break
            share *= 0.5
        if not then < now * (1.0 - 1e-9):
            break
        forces, now, beyond = trial, then, outside
    return forces


def _entries(block: ModelBlock, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """The values that a least change may use: at most 6,000 of them, at random."""
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
    if key.size > _MOST:
        some = np.sort(rng.permutation(key.size)[:_MOST])
        key, row = key[some], row[some]
    return key, row
