"""How many values may lie below each printed quantile and threshold for it to print as before.

A printed median says of how many values at most lie below its set, and how many at least do not
lie above it. Values may pass from one side to the other within these numbers: scores of a few
levels, all of which lie on quantiles, change in no other way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray
from recohort.estimators.summary import quantile_position
from recohort.feasible.variable import Relation
from recohort.reconstruct.measurement import RowFacts

__all__ = ["Guard", "guards_of"]


@dataclass(frozen=True, slots=True)
class Guard:
    """Of the ``rows`` (n,), between ``least`` and ``most`` have a value below ``threshold``."""

    rows: BoolArray
    threshold: float
    least: int
    most: int

    def below(self, values: FloatArray) -> BoolArray:
        """The rows (n,) whose value lies below the threshold."""
        return self.rows & (values < self.threshold)

    def holds(self, values: FloatArray) -> bool:
        """Whether as many as may be have a value below the threshold."""
        return bool(self.least <= self.below(values).sum() <= self.most)


def guards_of(facts: RowFacts, values: FloatArray, step: float) -> list[Guard] | None:
    """The guards of what was printed of some rows; ``None`` if some of it is not yet printed.

    A quantile that lies between two recordable values, neither of which prints it, is kept by
    leaving as many values on each side of it as there are, and those two where they are.
    """
    rows, printed = facts.rows, facts.facts
    n = int(rows.sum())
    if n < 2:
        return []
    tiny = 1e-4 * step if step else 1e-9
    ordered = np.sort(values[rows])
    found: list[Guard] = []
    for probability, one in ((0.25, printed.q1), (0.5, printed.median), (0.75, printed.q3)):
        if one is None:
            continue
        place = quantile_position(n, probability, facts.quantiles)
        low, high = float(one.accepted.low) - tiny / 2, float(one.accepted.high) + tiny
        if ordered[place.lower] >= low and ordered[place.upper] < high:
            found += [Guard(rows, low, 0, place.lower), Guard(rows, high, place.upper + 1, n)]
        else:
            low = float(ordered[place.lower]) - tiny / 2
            high = float(ordered[place.upper]) - tiny / 2
            for threshold in (low + tiny, high):
                now = int((ordered < threshold).sum())
                found.append(Guard(rows, threshold, now, now))
            found += [Guard(rows, low, 0, place.lower)]
            found += [Guard(rows, high + tiny, place.upper + 1, n)]
    for count in printed.counts:
        at = float(count.threshold)
        if count.relation is Relation.EQUAL:
            return None
        upwards = count.relation in (Relation.AT_LEAST, Relation.ABOVE)
        nudge = tiny if count.relation in (Relation.ABOVE, Relation.AT_MOST) else 0.0
        ends = (
            (n - count.at_most, n - count.at_least) if upwards else (count.at_least, count.at_most)
        )
        found.append(Guard(rows, at + nudge, *ends))
    return found if all(guard.holds(values) for guard in found) else None
