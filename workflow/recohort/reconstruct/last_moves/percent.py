"""Percent changes of means to the printed digit, where both means move in coarse steps.

Of a few dozen people with whole-number scores, most pairs of sums give no percentage that prints as
reported, and from one that does to the next neither sum alone can move. The pair is chosen first,
near the present one; both columns are then brought to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recohort.card.analyses import ChangeAnalysis
from recohort.card.study import Quantity
from recohort.cohort import FloatArray
from recohort.estimators.percent_change import ChangeDefinition
from recohort.reconstruct.last_moves.candidates import Bench, losses_of
from recohort.reconstruct.last_moves.directed import directed
from recohort.reconstruct.last_moves.moves import ChangeKind, Mover
from recohort.reconstruct.last_moves.sums import foretell
from recohort.reconstruct.target import Target

__all__ = ["is_change_of_means", "meet_change"]

_REACH = 40
"""How many steps of the recording grid a sum may move."""


def is_change_of_means(quantity: Quantity) -> bool:
    """Whether a quantity is a percent change of means."""
    analysis = quantity.analysis
    return isinstance(analysis, ChangeAnalysis) and analysis.of is ChangeDefinition.OF_MEANS


def meet_change(
    bench: Bench,
    name: str,
    quantities: Mapping[str, Mapping[str, Sequence[Target]]],
    movers: Mapping[str, Mover],
    weight: Mapping[str, float],
    rng: np.random.Generator,
) -> dict[str, FloatArray] | None:
    """New versions of a percent change's two columns that print it, or nearly.

    ``quantities`` holds, by column, those that depend on it with their targets. Columns without a
    mover stay. ``None``: no pair of sums in reach prints, or the columns do not come to it.
    """
    analysis = bench.card.quantities[name].analysis
    assert isinstance(analysis, ChangeAnalysis)
    keys = [key for key in (analysis.baseline, analysis.column) if key in movers]
    now = foretell(bench, bench.card.quantities[name], keys[0], bench.columns[keys[0]])
    if now is None:
        return None
    steps = [
        movers[key].step if key in movers else 0.0 for key in (analysis.baseline, analysis.column)
    ]
    reach = np.arange(-_REACH, _REACH + 1.0)
    away = [reach if step else np.zeros(1) for step in steps]
    grid = np.stack([part.ravel() for part in np.meshgrid(*away, indexing="ij")], axis=1)
    sums = now.total + grid * steps
    found = now.give(sums)
    targets = quantities[keys[0]][name]
    prints = np.all(
        [losses_of(one, found[one.statistic]) == 0.0 for one in targets if one.statistic in found],
        axis=0,
    )
    if not prints.any():
        return None
    # Near pairs more often: the columns' own margins bear only so much.
    near = np.abs(grid[prints]).sum(axis=1) + rng.exponential(4.0, int(prints.sum()))
    wanted = sums[prints][int(np.argmin(near))]
    before = {key: bench.columns[key] for key in keys}
    after: dict[str, FloatArray] = {}
    try:
        for key in keys:
            kind = ChangeKind.EXCHANGE if key == analysis.baseline else ChangeKind.SHIFT
            others = {
                q: np.asarray(told.total)
                for q in quantities[key]
                if q != name and is_change_of_means(bench.card.quantities[q])
                if (told := foretell(bench, bench.card.quantities[q], key, bench.columns[key]))
            }
            changes = movers[key].changes(bench.columns[key], kind, rng)
            version = directed(
                bench, {key: changes}, quantities, weight, rng, {**others, name: wanted}
            )
            if version is not None:
                after[key] = bench.columns[key] = version[key]
    finally:
        bench.columns.update(before)
    return after or None
