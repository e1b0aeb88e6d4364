"""Gives a time column times that print the survival statistics of its card.

Rates, their limits, median follow-up and hazard ratios depend on how many rows of each kind have
their event, or are lost, at each time. Rows move between times one by one or in blocks, from soft
targets to hard ones, and each move's effect follows from the stretch in between (:mod:`.counts`).
Where errors are clustered, rows that are alike but for their clusters then exchange times until the
limits print. From the first state that prints, random moves go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import Frame
from recohort.card import analyses as asked
from recohort.card.layout import Condition
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.stop import Stop
from recohort.reconstruct.survival.counts import Kind
from recohort.reconstruct.survival.line import Line, line_up, places_of, restore
from recohort.reconstruct.survival.order import arrange
from recohort.reconstruct.survival.plan import Blocks, plan_counts
from recohort.reconstruct.survival.problem import Problem, pose
from recohort.reconstruct.survival.walk import MET, rearrange, walk
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

_IN_LINE = 90
"""Up to so many rows, an order of the rows is looked for at once."""

_MENDED = 400
"""Up to so many, it is looked for from the state that each round ends with."""

_WORTH = 30.0
"""The largest loss of a round for which that is tried."""

_MELT, _WARM_UP, _MEND, _COLD = 1.5, 0.35, 0.15, 0.03
"""Temperatures at which that begins, begins again from what is near or from a round's, and ends."""

_CLOSE = 2.5
"""The largest loss that is near."""

_AGAIN = 3
"""How often it begins again from there."""

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
    orders: int = 10
    """Times that rows are put in order."""
    turns: int = 600_000
    """Moves of each."""
    wander: int = 10
    """Moves a row after the first state that prints, and more of few rows."""
    stroll: int = 20_000
    """The most moves in all of these few, 200 a row."""


def fill_times(
    frame: Frame,
    measurement: Measurement,
    values: FloatArray,
    targets: Sequence[Target],
    rng: np.random.Generator,
    effort: SurvivalEffort,
    stop: Stop | None = None,
    stay: Sequence[Condition] | None = None,
) -> tuple[FloatArray, int, IntArray | None]:
    """The column with times that come as near as may be, and the number of moves tried.

    Third, where rows had to exchange their clusters: for each row of the unit, whose values in all
    columns of the unit (this one among them) it is to have. Only without ``stay`` do they.

    What was printed of the times themselves (mean, quartiles, counts) goes on being printed. With
    ``stay`` the search begins at the present values, and rows do not cross the thresholds of these
    conditions. Times that print already stay.
    """
    problem = pose(frame, measurement, values, targets, stay)
    if problem is None:
        return values, 0, None
    before = problem.layout.cluster.copy()
    mate = _mates(frame, measurement, problem) if stay is None else before[:0]
    search = _Search(problem, mate, rng, effort, stop)
    moves = search.run()
    found = values.copy()
    found[problem.rows] = problem.times()
    if np.array_equal(before, problem.layout.cluster):
        return found, moves, None
    order = np.arange(values.size)
    comes = np.argsort(problem.layout.cluster, kind="stable")
    order[problem.rows[np.argsort(before, kind="stable")]] = problem.rows[comes]
    return found, moves, order


def _mates(frame: Frame, measurement: Measurement, problem: Problem) -> IntArray:
    """A number for each row, the same for rows that may exchange their clusters; or nothing.

    What is known of their clusters must be the same, nothing may lie within the rows, and no other
    times, with errors that depend on the clusters, be there already.
    """
    card, unit = frame.card, measurement.column.unit
    columns = {
        key: card.columns[key.partition("@")[0]].unit for key in sorted(frame.cohort.columns)
    }
    others = {
        one.analysis.time
        for one in card.quantities.values()
        if isinstance(one.analysis, asked.KaplanMeierAnalysis) and one.analysis.clustered
    }
    if (
        not problem.layout.clustered.any()
        or any(table.within == unit for table in frame.cohort.tables.values())
        or any(columns.get(key) == unit for key in others - {measurement.key})
    ):
        return np.zeros(0, dtype=np.int64)
    table = np.zeros((problem.rows.size, 1))
    for key, around in columns.items():
        if around != unit and frame.rows_above(unit, around) is not None:
            known = np.nan_to_num(frame.values(key, unit)[problem.rows], nan=-1e300)
            table = np.column_stack([table, known])
    return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


class _Search:
    """One search's state."""

    def __init__(
        self,
        problem: Problem,
        mate: IntArray,
        rng: np.random.Generator,
        effort: SurvivalEffort,
        stop: Stop | None,
    ) -> None:
        self.problem, self.mate, self.rng = problem, mate, rng
        self.effort, self.stop = effort, stop
        self.n = problem.rows.size
        self.clustered = bool(problem.targets.late < problem.targets.kind.size)
        self.moves = 0
        self.vain: list[FloatArray] = []

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
        if self.n <= _IN_LINE and self.is_free() and self.arrange(self.effort.orders, _CLOSE):
            if self.walk(0) <= MET:
                self.wander()
            return self.moves
        for number in range(self.effort.cycles):
            if self.late():
                break
            planned = (self.n > _FEW or number % 2 == 0) and self.plan()
            loss = self.cycle(planned)
            if loss < best:
                best, kept = loss, at.copy()
            worth = MET < loss <= _WORTH and self.n <= _MENDED
            if worth and self.is_free() and not self.late():
                self.arrange(2, np.inf, _MEND)
                loss = self.walk(0)
                if loss < best:
                    best, kept = loss, at.copy()
            if loss <= MET:
                self.wander()
                return self.moves
        at[:] = kept
        return self.moves

    def is_free(self) -> bool:
        """Whether rows may take any time: nothing else was printed of the times."""
        room, places = self.problem.room, self.problem.layout.values.size
        held = room.moments or room.cell.any() or room.low.any()
        return not held and bool((room.high == places - 1).all())

    def arrange(self, orders: int, close: float, hot: float = _MELT) -> bool:
        """Look for an order of the rows that prints everything, and give times in that order.

        It begins ``hot``, and begins again from what is ``close``. False where there are too few
        times for every row to have one of its own.
        """
        p, rng = self.problem, self.rng
        line = line_up(p.layout, p.cox, p.targets, p.state.at, self.mate, rng)
        if line is None:
            return False
        best, near = np.inf, np.inf
        best_seq, near_seq = line.seq.copy(), line.seq.copy()
        best_cluster, near_cluster = p.layout.cluster.copy(), p.layout.cluster.copy()
        since = 0
        for _ in range(orders):
            if self.late():
                break
            if near > close or since >= _AGAIN:
                near, since = np.inf, 0
            loss, taken = arrange(
                line, p.layout, p.cox, p.targets, rng, self.effort.turns, hot, _COLD
            )
            self.moves += taken
            since += 1
            if loss < near:
                near, since = loss, 0
                near_seq[:], near_cluster[:] = line.seq, p.layout.cluster
            else:
                restore(line, p.layout, near_seq, near_cluster)
            if loss < best:
                best = loss
                best_seq[:], best_cluster[:] = line.seq, p.layout.cluster
            if loss <= MET and self.put(line):
                return True
            hot = _WARM_UP if near <= close and since < _AGAIN else _MELT
        restore(line, p.layout, best_seq, best_cluster)
        self.put(line)
        return True

    def put(self, line: Line) -> bool:
        """Give the rows times in the order of the line; whether everything prints."""
        p = self.problem
        p.state.at[:] = places_of(line, p.room.pool, self.rng)
        if self.clustered:
            self.rearrange(0)
        return self.walk(0) <= MET

    def wander(self) -> None:
        """Random moves among states that print everything."""
        at = self.problem.state.at
        kept, effort = at.copy(), self.effort
        steps = max(effort.wander * self.n, min(200 * self.n, effort.stroll))
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
        blocks = Blocks(
            p.layout, p.targets, member, event, p.cox.terms, inside, dies,
            np.ascontiguousarray(p.cox.x[:, first]), ends.astype(np.int64), p.state.ratio, sizes,
        )  # fmt: skip
        rates = p.targets.where[p.targets.kind <= Kind.UPPER]
        marks = np.unique(ends[rates] if rates.size else np.arange(1, stretches + 1)).astype(
            np.int64
        )
        vain = np.array(self.vain).reshape(-1, sizes.size, marks.size)
        cost, counts = plan_counts(
            blocks, room.rigid[first], lines, rng, self.effort.plans, 0.5, marks, vain
        )
        # Another round is to try other counts of events; when all near ones were, these again.
        before = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)[:, marks]
        self.vain = [*self.vain, before] if math.isfinite(cost) else []
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
