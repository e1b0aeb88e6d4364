"""Changed versions of one column, of every size, that keep what was printed of it alone.

Rows of one code (`Measurement.margins`) may exchange values without changing any printed margin.
Values may also shift, each within its cell: the stretch between two neighbouring numbers that a
printed quantile, extreme or count depends on. Means and SDs then move within their rounding, which
is what a test between two groups needs.
"""

from __future__ import annotations

from enum import Enum, auto

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.summary import quantile_position
from recohort.feasible.variable import Relation
from recohort.reconstruct.last_moves.directed import Changes
from recohort.reconstruct.last_moves.guards import Guard, guards_of
from recohort.reconstruct.margins.plausible import to_grid
from recohort.reconstruct.measurement import Measurement

__all__ = ["ChangeKind", "Mover"]


class ChangeKind(Enum):
    """How the rows of a column change."""

    EXCHANGE = auto()
    BESIDE = auto()
    """Each row's value goes beside that of another row in its cell."""
    SHIFT = auto()
    """Each row's value moves within its cell."""
    CROSS = auto()
    """Each row's value moves, out of its cell too, as far as extremes allow."""


class Mover:
    """Proposes changed versions of one measurement's values."""

    def __init__(self, measurement: Measurement) -> None:
        self.facts = measurement.facts
        self.free = not measurement.facts
        self.step = float(measurement.column.step or 0)
        self.low, self.high = measurement.low, measurement.high
        # Rows alike in all margins, and rows that no test tells apart either: a group of a test, or
        # those with and without an event, can then move as one.
        self.rows: list[IntArray] = []
        for codes in (measurement.margins, measurement.strata):
            self.rows += [np.flatnonzero(codes == c) for c in np.unique(codes) if c >= 0]
            if codes is measurement.margins:
                self.alike = len(self.rows)
        self.edges = [_edges(measurement, int(rows[0])) for rows in self.rows]
        self.ends = [_edges(measurement, int(rows[0]), inner=False) for rows in self.rows]
        crossing = any(len(e) > len(o) for e, o in zip(self.edges, self.ends, strict=True))
        kinds = [kind for kind in ChangeKind if crossing or kind is not ChangeKind.CROSS]
        self.helped = dict.fromkeys(kinds, (1.0, 1.0))
        self.share = np.array([rows.size if rows.size > 1 else 0 for rows in self.rows], float)

    def candidates(
        self, values: FloatArray, partner: FloatArray | None, count: int, rng: np.random.Generator
    ) -> FloatArray:
        """``count`` changed versions (count, n); ``partner`` (n,) is what ranks may follow."""
        states = np.repeat(values[None, :], count, axis=0)
        if not self.share.any():
            return states
        chance = self.share / self.share.sum()
        for state in states:
            index = int(rng.choice(chance.size, p=chance))
            rows = self.rows[index]
            some = _some(rows, rng)
            kind = rng.random()
            if partner is not None and kind < 0.4:
                self._follow(state, some, partner, rng)
            elif kind < 0.5:
                state[some] = state[np.roll(some, 1)]
            elif kind < 0.65:
                # Beside another row's value.
                others = state[rng.choice(rows, some.size)]
                beside = others + self.step * rng.integers(-1, 2, some.size)
                self._put(state, some, beside, self.edges[index])
            elif kind < 0.95 or not self.free:
                self._shift(state, some, rows, self.edges[index], rng)
            else:
                factor = float(np.exp(rng.normal() * 10.0 ** rng.uniform(-3.0, -0.5)))
                self._put(state, rows, state[rows] * factor, self.edges[index])
        return states

    def kind(self, rng: np.random.Generator) -> ChangeKind:
        """A kind of changes, those that helped so far more often."""
        chance = np.array([good / tried for good, tried in self.helped.values()])
        return list(self.helped)[int(rng.choice(chance.size, p=chance / chance.sum()))]

    def learn(self, kind: ChangeKind, helped: bool) -> None:
        """Whether changes of a kind brought the targets any nearer, as foretold."""
        good, tried = self.helped[kind]
        self.helped[kind] = good + 1.0 * helped, tried + 1.0

    def changes(self, values: FloatArray, kind: ChangeKind, rng: np.random.Generator) -> Changes:
        """Many small changes of all rows: exchanges between rows alike in all margins, or shifts.

        Exchanges are between any two rows, or between rows of like values; shifts, of one size for
        all rows, stay within their cells. Those that cross come with guards, where they have any.
        """
        if kind is ChangeKind.CROSS:
            return self._crossing(values, rng)
        state = values.copy()
        of = np.full(values.size, -1, dtype=np.int64)
        pinned, guarded = self._between(values)
        near = 10.0 ** rng.uniform(-2.5, 0.2)
        for rows, edges in zip(self.rows[: self.alike], self.edges, strict=False):
            if kind is ChangeKind.EXCHANGE:
                spread = float(values[rows].std())
                noise = near * spread * rng.standard_normal(rows.size)
                ordered = rows[np.argsort(values[rows] + noise, kind="stable")]
                ordered = ordered[int(rng.integers(2)) :]
                one, other = ordered[: ordered.size // 2 * 2 : 2], ordered[1::2]
                state[one], state[other] = values[other], values[one]
                of[other] = one
                of[one] = one
                continue
            more = [ends for held, ends in guarded if held[rows[0]]]
            edges = np.unique(np.concatenate([edges, *more])) if more else edges
            of[rows] = rows
            if kind is ChangeKind.BESIDE:
                state[rows] = self._in_cell(values, rows, edges, rng)
                continue
            spread = float(values[rows].std()) or max(self.step, 1e-6)
            size = max(near * spread, self.step)
            self._put(state, rows, values[rows] + size * rng.standard_normal(rows.size), edges)
            # Those that would leave their cells stay, so that none heap up at its ends.
            low, high, _ = self._cells(values, rows, edges)
            tiny = 1e-9 + 1e-4 * self.step
            rim = (state[rows] <= low + tiny) | (state[rows] >= high - tiny)
            state[rows[rim]] = values[rows[rim]]
        if kind is not ChangeKind.EXCHANGE:
            state[pinned] = values[pinned]
        still = state == values
        of[still | np.isnan(values)] = -1
        return Changes(state, of)

    def _crossing(self, values: FloatArray, rng: np.random.Generator) -> Changes:
        """Shifts across cells, with how many may cross each edge."""
        state, still = values.copy(), Changes(values, np.full(values.size, -1, dtype=np.int64))
        guards: list[Guard] = []
        for found in self.facts:
            mine = guards_of(found, values, self.step)
            if mine is None:
                return still
            guards += mine
        near = 10.0 ** rng.uniform(-2.5, 0.2)
        of = still.of.copy()
        for rows, ends in zip(self.rows[: self.alike], self.ends, strict=False):
            size = max(near * float(values[rows].std()), self.step)
            self._put(state, rows, values[rows] + size * rng.standard_normal(rows.size), ends)
            of[rows] = rows
        of[(state == values) | np.isnan(values)] = -1
        return Changes(state, of, tuple(guards))

    def _between(self, values: FloatArray) -> tuple[IntArray, list[tuple[BoolArray, FloatArray]]]:
        """Rows that printed quantiles lie between, and where no other row may pass them.

        A quantile printed between two recordable values lies in no cell of its own: it stays while
        the two rows that it is reckoned from do, and no other comes between them.
        """
        pinned: list[int] = []
        guarded = []
        for found in self.facts:
            facts = found.facts
            printed = ((0.25, facts.q1), (0.5, facts.median), (0.75, facts.q3))
            if all(one is None for _, one in printed) or found.rows.sum() < 2:
                continue
            rows = np.flatnonzero(found.rows)
            order = rows[np.argsort(values[rows], kind="stable")]
            for probability, one in printed:
                if one is None:
                    continue
                place = quantile_position(rows.size, probability, found.quantiles)
                low, high = order[place.lower], order[place.upper]
                box = one.accepted
                if values[low] < float(box.low) - 1e-9 or values[high] > float(box.high) + 1e-9:
                    tiny = 1e-4 * self.step if self.step else 1e-9
                    pinned += [int(low), int(high)]
                    guarded.append((found.rows, np.array([values[low] + tiny, values[high]])))
        return np.array(pinned, dtype=np.int64), guarded

    def _in_cell(
        self, values: FloatArray, rows: IntArray, edges: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """For each row the value of another row in its cell, a step aside at most."""
        cell = self._cells(values, rows, edges)[2]
        order = np.argsort(cell, kind="stable")
        first = np.searchsorted(cell[order], cell, side="left")
        last = np.searchsorted(cell[order], cell, side="right")
        pick = first + np.floor(rng.random(rows.size) * (last - first)).astype(np.int64)
        state = values.copy()
        beside = values[rows[order[pick]]] + self.step * rng.integers(-1, 2, rows.size)
        self._put(state, rows, beside, edges)
        return state[rows]

    def _cells(
        self, values: FloatArray, rows: IntArray, edges: FloatArray
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """The bounds of each row's cell, and its number."""
        low, high = self.low[rows], self.high[rows]
        tiny = 1e-4 * self.step if self.step else 1e-9
        cell = np.searchsorted(edges, values[rows] + tiny / 2, side="right")
        ends = np.concatenate([[-np.inf], edges, [np.inf]])
        return np.maximum(low, ends[cell]), np.minimum(high, ends[cell + 1] - tiny), cell

    def _follow(
        self, state: FloatArray, rows: IntArray, partner: FloatArray, rng: np.random.Generator
    ) -> None:
        """Give the rows' values to them in the order of the partner's, or against it."""
        scores = partner[rows]
        noise = rng.random(rows.size)
        seen = scores[np.isfinite(scores)]
        middle = float(seen[int(rng.integers(seen.size))]) if seen.size else 0.0
        order = np.lexsort((noise, np.where(np.isfinite(scores), scores, middle)))
        ordered = np.sort(state[rows])
        state[rows[order]] = ordered if rng.random() < 0.5 else ordered[::-1]

    def _shift(
        self,
        state: FloatArray,
        some: IntArray,
        rows: IntArray,
        edges: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        """Move some values: all one way, or against each other, or apart from their middle."""
        spread = float(state[rows].std()) or max(self.step, 1e-6)
        size = spread * 10.0 ** rng.uniform(-2.5, 0.2)
        size = max(size, self.step)
        kind = rng.random()
        if kind < 0.5:
            way = np.full(some.size, 1.0 if rng.random() < 0.5 else -1.0)
        elif kind < 0.75:
            way = np.where(np.arange(some.size) % 2 == 0, 1.0, -1.0)
        else:
            # Apart from, or towards, the middle, as many upwards as downwards.
            way = np.where(np.argsort(np.argsort(state[some])) * 2 >= some.size, 1.0, -1.0)
            way *= 1.0 if rng.random() < 0.5 else -1.0
        self._put(state, some, state[some] + size * way, edges)

    def _put(self, state: FloatArray, rows: IntArray, moved: FloatArray, edges: FloatArray) -> None:
        """Write moved values, each held in its cell and its bounds, on the recording grid."""
        low, high, _ = self._cells(state, rows, edges)
        new = to_grid(moved, self.step, low, high)
        # A cell without a recordable value keeps what it holds.
        fits = (new >= low - 1e-9) & (new <= high + 1e-9)
        state[rows] = np.where(fits, new, state[rows])


def _some(rows: IntArray, rng: np.random.Generator) -> IntArray:
    """Different rows: two or three most often, up to half of them."""
    most = max(2.0, rows.size / 2)
    size = min(rows.size, round(2.0 * (most / 2.0) ** (rng.random() ** 2.5)))
    found = np.unique(rows[rng.integers(rows.size, size=size)])
    return rng.permutation(found)


def _edges(measurement: Measurement, row: int, inner: bool = True) -> FloatArray:
    """The lower ends of the cells of a row's values: those of every printed place and count.

    Without the ``inner`` ones, of extremes alone.
    """
    step = float(measurement.column.step or 0)
    tiny = 1e-4 * step if step else 1e-9
    edges: set[float] = set()
    for found in measurement.facts:
        if not found.rows[row]:
            continue
        facts = found.facts
        quantiles = (facts.median, facts.q1, facts.q3) if inner else ()
        for printed in (*quantiles, facts.minimum, facts.maximum):
            if printed is None:
                continue
            for end, nudge in ((printed.accepted.low, 0.0), (printed.accepted.high, tiny)):
                if np.isfinite(float(end)):
                    edges.add(float(end) + nudge)
        for count in facts.counts if inner else ():
            at = float(count.threshold)
            if count.relation in (Relation.EQUAL, Relation.AT_LEAST, Relation.BELOW):
                edges.add(at)
            if count.relation in (Relation.EQUAL, Relation.AT_MOST, Relation.ABOVE):
                edges.add(at + tiny)
    return np.array(sorted(edges))
