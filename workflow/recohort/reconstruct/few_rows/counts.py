"""Counts of few rows by the cells that thresholds divide columns into, and which counts print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from recohort.analysis.frame import BoolArray
from recohort.card import analyses as asked
from recohort.card.layout import Condition, DerivedColumn
from recohort.card.statistic import Statistic
from recohort.cohort import FloatArray, IntArray
from recohort.reconstruct.last_moves.candidates import Bench, Found, accuracy_parts, losses_of
from recohort.reconstruct.structure import atoms
from recohort.reconstruct.target import Target

__all__ = ["Counted", "counted"]

_PRINTS = 0.005
"""A loss below which a count prints, on the rim or not."""

_MOST_TABLES = 20_000
"""Pairs of counts of which a test's p-values are worked out."""

_TABLES = (
    asked.TwoSampleTestKind.CHI_SQUARE,
    asked.TwoSampleTestKind.CHI_SQUARE_YATES,
    asked.TwoSampleTestKind.FISHER,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Two counts of rows by the cells of one or two columns.

    ``split`` holds for each key where its cells begin, in steps; ``gain`` (n, cells, cells, 2) what
    a row adds to either count; ``distance`` (X, Y) how far the counts are from printing, the second
    counted from ``least``.
    """

    keys: tuple[str, ...]
    member: IntArray
    split: tuple[IntArray, ...]
    gain: IntArray
    least: int
    distance: FloatArray


def counted(
    bench: Bench,
    step: Mapping[str, float],
    seen: Mapping[str, BoolArray],
    name: str,
    targets: Sequence[Target],
    reads: frozenset[str],
) -> Counted | bool | None:
    """A quantity of counts that depends on the columns that it ``reads``; ``None`` if it is none.

    ``True``: it cannot be counted by cells, so that its columns must stay; ``False``: no counts
    print it, so that it need not be looked at.
    """
    asks = _conditions(bench, name)
    if asks is None:
        return None
    if len(reads) > 2:
        return True
    keys = tuple(sorted(reads))
    split = tuple(_split(asks, key, step[key]) for key in keys)
    if any(part.size == 0 for part in split):
        return True
    cells = [np.concatenate([part[:1] - 1, part]) for part in split]
    gain = np.zeros((seen[keys[0]].size, cells[0].size, len(cells[-1]) if len(keys) > 1 else 1, 2))
    key, other = keys[0], keys[-1]
    states = np.where(seen[key][None, :], cells[0][:, None] * step[key], np.nan)
    before = bench.columns[other]
    try:
        for b in range(gain.shape[2]):
            if other != key:
                bench.columns[other] = np.where(seen[other], cells[1][b] * step[other], np.nan)
            pair = _pair(bench, name, key, states)
            if pair is None:
                return True
            gain[:, :, b, :] = pair
    finally:
        bench.columns[other] = before
    return _measured(bench, name, targets, keys, split, gain.astype(np.int64))


def _conditions(bench: Bench, name: str) -> tuple[Condition, ...] | None:
    """Every condition that a quantity of counts tests."""
    quantity = bench.card.quantities[name]
    where = bench.card.populations[quantity.population].where
    match quantity.analysis:
        case asked.SizeAnalysis():
            found = where
        case asked.ProportionAnalysis(having=having):
            found = (*where, *having)
        case asked.AccuracyAnalysis(test=test, reference=reference):
            found = (*where, *test, *reference)
        case asked.TwoSampleAnalysis(column=column, group=group, test=kind) if kind in _TABLES:
            derived = bench.card.columns[column.partition("@")[0]]
            if not isinstance(derived, DerivedColumn):
                return None
            found = (*where, *group, *derived.all_of, *derived.any_of)
        case _:
            return None
    return atoms(bench.card, found)


def _split(asks: Sequence[Condition], key: str, step: float) -> IntArray:
    """Where the cells of a column begin, in steps: at a threshold and just above it."""
    found: set[int] = set()
    for one in asks:
        if one.column == key:
            at = float(one.threshold) / step
            found |= {int(np.ceil(at - 1e-6)), int(np.floor(at + 1e-6)) + 1}
    return np.array(sorted(found), dtype=np.int64)


def _pair(bench: Bench, name: str, key: str, states: FloatArray) -> FloatArray | None:
    """What each row adds to the two counts (n, C, 2), for versions (C, n) of a column."""
    quantity = bench.card.quantities[name]
    population = bench.card.populations[quantity.population]
    unit = population.unit

    def mask(conditions: Sequence[Condition]) -> BoolArray:
        return bench.mask(conditions, unit, key, states)

    rows = mask(population.where)
    match quantity.analysis:
        case asked.SizeAnalysis():
            one, other = rows, np.zeros_like(rows)
        case asked.ProportionAnalysis(having=having):
            other = rows & bench.known(having, unit, key, states)
            one = other & mask(having)
        case asked.AccuracyAnalysis() as analysis:
            known = bench.known((*analysis.test, *analysis.reference), unit, key, states)
            base, right = accuracy_parts(analysis, mask(analysis.test), mask(analysis.reference))
            other = rows & known & base
            one = other & right
        case asked.TwoSampleAnalysis(column=column, group=group):
            inside = mask(group)
            rows = rows & bench.known(group, unit, key, states)
            if rows.shape[0] > 1 or inside.shape[0] > 1:
                return None
            yes = bench.values(column, unit, key, states) == 1.0
            one, other = rows & inside & yes, rows & ~inside & yes
        case _:
            return None
    shape = states.shape
    both = [np.broadcast_to(part, shape).T for part in (one, other)]
    return np.stack(both, axis=2).astype(np.float64)


def _measured(
    bench: Bench,
    name: str,
    targets: Sequence[Target],
    keys: tuple[str, ...],
    split: tuple[IntArray, ...],
    gain: IntArray,
) -> Counted | bool:
    least = int(gain[..., 1].min(axis=(1, 2)).sum())
    most = [int(gain[..., k].max(axis=(1, 2)).sum()) for k in (0, 1)]
    prints = _prints(bench, name, targets, most[0] + 1, least, most[1] - least + 1)
    if prints is None:
        return True
    if not prints.any():
        return False
    away = ndimage.distance_transform_cdt(~prints, metric="taxicab").astype(np.float64)
    distance = np.where(prints, 0.0, 0.01 + np.log1p(away))
    member = np.where(gain.any(axis=(1, 2, 3)), 0, -1)
    return Counted(keys, member, split, gain, least, distance)


def _prints(
    bench: Bench, name: str, targets: Sequence[Target], height: int, least: int, width: int
) -> BoolArray | None:
    """Which pairs of counts (X, Y) print; ``None`` if there are too many to say."""
    quantity = bench.card.quantities[name]
    analysis = quantity.analysis
    x, y = (part.ravel() for part in np.indices((height, width)))
    y = y + least
    found: Found
    if isinstance(analysis, asked.TwoSampleAnalysis):
        if x.size > _MOST_TABLES:
            return None
        sizes = _group_sizes(bench, name)
        table = [
            (a, sizes[0] - a, b, sizes[1] - b) for a, b in zip(x.tolist(), y.tolist(), strict=True)
        ]
        found = {Statistic.P_VALUE: np.array([bench.table_p(t, analysis.test) for t in table])}
        return _all_print(targets, found, x.size).reshape(height, width)
    if isinstance(analysis, asked.SizeAnalysis):
        return _all_print(targets, {Statistic.COUNT: x.astype(float)}, x.size).reshape(height, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            Statistic.COUNT: x.astype(float),
            Statistic.PERCENT: np.where(y > 0, 100.0 * x / y, np.nan),
        }
    simple = [one for one in targets if one.statistic in found]
    good = (x <= y) & _all_print(simple, found, x.size)
    rest = np.flatnonzero(good)
    if rest.size and len(simple) < len(targets):
        full = bench.share(
            quantity,
            getattr(analysis, "interval", None),
            x[rest].astype(float),
            y[rest].astype(float),
        )
        good[rest] = _all_print(targets, full or {}, rest.size)
    return good.reshape(height, width)


def _group_sizes(bench: Bench, name: str) -> tuple[int, int]:
    quantity = bench.card.quantities[name]
    analysis = quantity.analysis
    assert isinstance(analysis, asked.TwoSampleAnalysis)
    population = bench.card.populations[quantity.population]
    none = np.empty((0, 0))
    rows = bench.mask(population.where, population.unit, "", none)
    rows = rows & bench.known(analysis.group, population.unit, "", none)
    inside = bench.mask(analysis.group, population.unit, "", none)
    return int((rows & inside).sum()), int((rows & ~inside).sum())


def _all_print(targets: Sequence[Target], found: Found, size: int) -> BoolArray:
    good = np.ones(size, dtype=np.bool_)
    for one in targets:
        if one.statistic not in found:
            return np.zeros(size, dtype=np.bool_)
        good &= losses_of(one, np.asarray(found[one.statistic], float)) < _PRINTS
    return good
