"""Gives a time column times that print the survival statistics of its card.

Rates, their limits, median follow-up and hazard ratios depend on how many rows of each kind have
their event, or are lost, at each time. Rows move between times one by one or in blocks, from soft
targets to hard ones, and each move's effect follows from the stretch in between
(:mod:`survival_counts`). Where errors are clustered, rows that are alike but for their clusters
then exchange times until the limits print. From the first state that prints, random moves go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import Frame
from recohort.card.layout import Condition
from recohort.cohort import FloatArray
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.survival_plan import plan_counts
from recohort.reconstruct.survival_problem import Problem, pose
from recohort.reconstruct.survival_walk import MET, rearrange, walk
from recohort.reconstruct.target import Target

__all__ = ["SurvivalEffort", "fill_times"]

_WARM = (
    (0.3, False), (0.1, False), (0.03, False),
    (0.01, True), (0.003, True), (0.01, True), (0.003, True),
)  # fmt: skip
"""Metropolis' temperatures of a cycle, and whether events may leave their stretch of time."""

_HOT = (40.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""Temperatures before those, where no plan was made."""

_SWAPS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Temperatures at which clusters exchange times."""

_FEW = 200
"""Up to so many rows, every other round does without a plan, which is exact for many alone."""

_EXACT = 1500
"""Up to so many rows, clustered errors are computed at each last random move."""


@dataclass(frozen=True, slots=True)
class SurvivalEffort:
    """How long to look, in counts."""

    cycles: int = 12
    moves: int = 60_000
    """A cycle's moves, beside 20 a row."""
    plans: int = 300
    """Changes of a plan's events tried."""
    wander: int = 10
    """Moves a row after the first state that prints."""


def fill_times(
    frame: Frame,
    measurement: Measurement,
    values: FloatArray,
    targets: Sequence[Target],
    rng: np.random.Generator,
    effort: SurvivalEffort,
    stop: Stop | None = None,
    stay: Sequence[Condition] | None = None,
) -> tuple[FloatArray, int]:
    """The column with times that come as near as may be, and the number of moves tried.

    What was printed of the times themselves (mean, quartiles, counts) goes on being printed. With
    ``stay`` the search begins at the present values, and rows do not cross the thresholds of these
    conditions. Times that print already stay.
    """
    problem = pose(frame, measurement, values, targets, stay)
    if problem is None:
        return values, 0
    search = _Search(problem, rng, effort, stop)
    moves = search.run()
    found = values.copy()
    found[problem.rows] = problem.times()
    return found, moves


class _Search:
    """One search's state."""

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        effort: SurvivalEffort,
        stop: Stop | None,
    ) -> None:
        self.problem, self.rng, self.effort, self.stop = problem, rng, effort, stop
        self.n = problem.rows.size
        self.clustered = bool(problem.targets.late < problem.targets.kind.size)
        self.moves = 0

    def late(self) -> bool:
        return self.stop is not None and self.stop()

    def walk(
        self,
        steps: int,
        temperature: float = 0.0,
        hops: bool = True,
        block: int = 1,
        to_the_end: bool = False,
    ) -> float:
        p = self.problem
        exact = self.clustered and to_the_end
        loss, taken = walk(
            p.layout, p.state, p.cox, p.targets, p.room, self.rng,
            steps, temperature, block, exact, hops, to_the_end,
        )  # fmt: skip
        self.moves += taken
        return float(loss)

    def rearrange(self, steps: int, temperature: float = 0.0, to_the_end: bool = False) -> float:
        p = self.problem
        self.moves += steps
        return float(
            rearrange(
                p.layout, p.state, p.targets, p.room, self.rng, steps, temperature, to_the_end
            )
        )

    def run(self) -> int:
        at = self.problem.state.at
        loss = self.walk(0)
        if self.clustered:
            # The ratios as they are, and what that makes of the targets.
            self.rearrange(0)
            loss = self.walk(0)
        if loss <= MET:
            return self.moves
        best, kept = loss, at.copy()
        for number in range(self.effort.cycles):
            if self.late():
                break
            planned = (self.n > _FEW or number % 2 == 0) and self.plan()
            loss = self.cycle(planned)
            if loss < best:
                best, kept = loss, at.copy()
            if loss <= MET:
                self.wander()
                return self.moves
        at[:] = kept
        return self.moves

    def wander(self) -> None:
        """Random moves among states that print everything."""
        at = self.problem.state.at
        kept, steps = at.copy(), self.effort.wander * self.n
        if self.clustered:
            self.rearrange(steps, to_the_end=True)
        if not self.clustered or self.n <= _EXACT:
            self.walk(steps, to_the_end=True)
        if self.clustered:
            self.rearrange(0)
        if self.walk(0) > MET:
            at[:] = kept

    def plan(self) -> bool:
        """Send rows to stretches between landmarks by counts that come near the targets.

        False where printed margins of the times leave rows no choice.
        """
        p, rng = self.problem, self.rng
        room = p.room
        if room.moments or room.cell.any():
            return False
        stretches = room.breaks.size - 1
        first = room.block_order[room.block_first[:-1]]
        atoms = p.layout.atom[first]
        member = np.ascontiguousarray(p.layout.member[:, atoms])
        event = np.ascontiguousarray(p.layout.event[:, atoms])
        ends = np.searchsorted(room.breaks, p.layout.place + 1)
        inside = np.ascontiguousarray(p.cox.inside[:, first])
        dies = np.ascontiguousarray(p.cox.outcome[:, first])
        sizes = np.diff(room.block_first).astype(np.float64)
        share = np.diff(np.searchsorted(room.pool, room.breaks)) + 0.5
        lines = np.log(share / share.sum()) + 0.3 * rng.standard_normal((sizes.size, stretches))
        _, counts = plan_counts(
            p.layout, p.targets, member, event, p.cox.terms, inside, dies,
            np.ascontiguousarray(p.cox.x[:, first]), room.rigid[first],
            ends.astype(np.int64), p.state.ratio, sizes, lines, rng, self.effort.plans, 0.5,
        )  # fmt: skip
        for b in range(sizes.size):
            rows = rng.permutation(room.block_order[room.block_first[b] : room.block_first[b + 1]])
            upto = np.concatenate([[0.0], np.cumsum(counts[b])])
            upto = np.rint(upto / max(upto[-1], 1e-9) * rows.size).astype(np.int64)
            for k in range(stretches):
                mine = rows[upto[k] : upto[k + 1]]
                low, high = np.searchsorted(room.pool, room.breaks[k : k + 2])
                at = rng.integers(room.breaks[k], room.breaks[k + 1], mine.size)
                if high > low:
                    at = room.pool[rng.integers(low, high, mine.size)]
                p.state.at[mine] = np.clip(at, room.low[mine], room.high[mine])
        return True

    def cycle(self, planned: bool) -> float:
        """One round of row moves, warm to cold; the loss that it ends with."""
        share = self.effort.moves // len(_WARM) + 10 * self.n
        loss = np.inf
        hot = () if planned else tuple((temperature, True) for temperature in _HOT)
        for temperature, hops in (*hot, *_WARM):
            loss = self.walk(share, temperature, hops or not planned)
            if self.clustered and (loss <= MET or temperature <= _SWAPS[0]):
                loss = self.settle_clusters(temperature)
            if loss <= MET or self.late():
                break
        return float(loss)

    def settle_clusters(self, temperature: float) -> float:
        """Clusters exchange times until the limits print, or nearly; the loss of all targets."""
        for one in _SWAPS:
            warm = one > max(3.0 * temperature, 0.1)
            if not warm and self.rearrange(5000 + 10 * self.n, one) <= MET:
                break
        return self.walk(0)
