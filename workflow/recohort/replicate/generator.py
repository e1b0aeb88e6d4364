"""One fresh study from a calibrated model: resampled units, a little noise, outcomes drawn anew.

The truth that a replicate is drawn from is estimated from one cohort: a smoothed bootstrap of the
outermost units (Silverman & Young 1987, Biometrika 74:469) carries everything that lies within a
unit, all its repeated values and their dependence; a binary outcome of a logistic model of the card
is drawn again from that model, with fresh effects of the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import BoolArray, Frame
from recohort.analysis.layout import units_outward_in
from recohort.card.layout import BinaryColumn, Condition, DerivedColumn, NumericColumn
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, IntArray, Table
from recohort.replicate.outcome import OutcomeModel, outcome_models

__all__ = ["BANDWIDTH", "NEIGHBOURS", "Generator"]

BANDWIDTH = 0.25
"""The kernel's width as a share of Silverman's 1.06 s n^(-1/5): enough to break ties between copies
of one unit, while the variance of n = 100 grows by about 1%."""

NEIGHBOURS = 5
"""From how many alike rows a row whose outcome turned takes what follows the outcome."""


@dataclass(frozen=True, slots=True)
class _Series:
    """A measurement at one time: where it is kept, and the kernel's width."""

    key: str
    column: NumericColumn
    time: str | None
    width: float


class Generator:
    """Draws fresh studies; prepared once for a cohort, then the same for every replicate."""

    def __init__(self, card: StudyCard, cohort: Cohort) -> None:
        self.card = card
        self.cohort = cohort
        self._units = units_outward_in(card)
        self._children = {
            name: _children(table, cohort.tables[table.within].n)
            for name, table in cohort.tables.items()
            if table.within is not None and table.parent is not None
        }
        self._series = tuple(
            _Series(key, column, time, _width(cohort.columns[key]))
            for key, column, time in _numeric(card)
        )
        self._models = outcome_models(card, Analyst(card, cohort))
        self._follow = {m.column: self._followers(m) for m in self._models}

    @property
    def redrawn(self) -> tuple[str, ...]:
        """The binary columns that are drawn anew from a fitted model."""
        return tuple(model.column for model in self._models)

    def draw(self, rng: np.random.Generator) -> Cohort:
        """One fresh study."""
        tables, rows = self._resample(rng)
        columns = {
            key: values[rows[self.card.columns[key.partition("@")[0]].unit]]
            for key, values in self.cohort.columns.items()
        }
        fresh = Cohort(tables, columns, self.cohort.unit_of)
        self._smooth(fresh, columns, rng)
        for model in self._models:
            self._redraw(model, fresh, columns, rng)
        self._settle(fresh, columns)
        return fresh

    def _resample(self, rng: np.random.Generator) -> tuple[dict[str, Table], dict[str, IntArray]]:
        tables: dict[str, Table] = {}
        rows: dict[str, IntArray] = {}
        for name in self._units:
            old = self.cohort.tables[name]
            if old.within is None:
                rows[name] = rng.integers(0, old.n, old.n)
                tables[name] = Table(old.n)
                continue
            start, members = self._children[name]
            drawn = rows[old.within]
            sizes = start[drawn + 1] - start[drawn]
            parent = np.repeat(np.arange(drawn.size), sizes)
            first = np.repeat(start[drawn] - (np.cumsum(sizes) - sizes), sizes)
            rows[name] = members[first + np.arange(parent.size)]
            tables[name] = Table(int(parent.size), old.within, parent.astype(np.int64))
        return tables, rows

    def _smooth(
        self, fresh: Cohort, columns: dict[str, FloatArray], rng: np.random.Generator
    ) -> None:
        frame = Frame(self.card, fresh)
        for one in self._series:
            values = columns[one.key]
            noise = rng.standard_normal(values.size) * one.width
            columns[one.key] = _fitted(frame, one.column, one.time, values + noise)

    def _redraw(
        self,
        model: OutcomeModel,
        fresh: Cohort,
        columns: dict[str, FloatArray],
        rng: np.random.Generator,
    ) -> None:
        """Draw an outcome anew, and let what its value rules follow it."""
        before = columns[model.column]
        columns[model.column] = model.draw(Frame(self.card, fresh), rng)
        turned = np.flatnonzero(columns[model.column] != before)
        followers = self._follow[model.column]
        now = columns[model.column]
        source = self.cohort.columns[model.column]
        for value in (0.0, 1.0):
            mine = turned[now[turned] == value]
            pool = np.flatnonzero(source == value)
            if mine.size == 0 or pool.size == 0:
                continue
            # One donor for all that follows the outcome, so that a unit's times belong together.
            donors = self._donors(followers, columns, mine, pool, rng)
            for key in followers:
                taken = self.cohort.columns[key][donors]
                known = self.cohort.columns[key][pool]
                known = known[~np.isnan(known)]
                if known.size:
                    gaps = np.isnan(taken)
                    taken = np.where(gaps, rng.choice(known, mine.size), taken)
                if not self._gated(key, model.column):
                    taken = np.where(np.isnan(columns[key][mine]), np.nan, taken)
                columns[key] = columns[key].copy()
                columns[key][mine] = taken

    def _donors(
        self,
        followers: tuple[str, ...],
        columns: dict[str, FloatArray],
        mine: IntArray,
        pool: IntArray,
        rng: np.random.Generator,
    ) -> IntArray:
        """For each row one of the cohort's rows, alike at the times that the outcome leaves alone.

        One of the ``NEIGHBOURS`` nearest by the mean squared distance in SDs, over the other times
        of the measurements that follow; any row where there are no such times.
        """
        measures = {key.partition("@")[0] for key in followers}
        anchors = [
            one.key
            for one in self._series
            if one.time is not None
            and one.key.partition("@")[0] in measures
            and one.key not in followers
        ]
        total = np.zeros((mine.size, pool.size))
        shared = np.zeros((mine.size, pool.size))
        for key in anchors:
            source = self.cohort.columns[key]
            seen = source[~np.isnan(source)]
            sd = float(seen.std()) if seen.size else 0.0
            if sd > 0.0:
                apart = (columns[key][mine][:, None] - source[pool][None, :]) / sd
                known = ~np.isnan(apart)
                total += np.where(known, apart, 0.0) ** 2
                shared += known
        if not shared.any():
            return np.asarray(rng.choice(pool, mine.size))
        distance = np.where(shared > 0, total / np.maximum(shared, 1.0), np.inf)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
        picked = rng.integers(0, nearest.shape[1], mine.size)
        return np.asarray(pool[nearest[np.arange(mine.size), picked]])

    def _settle(self, fresh: Cohort, columns: dict[str, FloatArray]) -> None:
        """Put every value back on its grid, within its bounds, and only where there can be one."""
        frame = Frame(self.card, fresh)
        for one in self._series:
            columns[one.key] = _fitted(frame, one.column, one.time, columns[one.key])
        for name, column in self.card.columns.items():
            if column.among and isinstance(column, BinaryColumn):
                able = Frame(self.card, fresh).mask(column.among, column.unit)
                columns[name] = np.where(able, columns[name], 0.0)
        for one in self._series:
            if one.column.among:
                able = Frame(self.card, fresh).mask(one.column.among, one.column.unit)
                columns[one.key] = np.where(able, columns[one.key], np.nan)

    def _followers(self, model: OutcomeModel) -> tuple[str, ...]:
        """Measurements whose bounds or rows rest on an outcome, but for the model's predictors."""
        found = []
        for one in self._series:
            if one.key in model.predictors or one.column.unit != model.unit:
                continue
            rules: list[Condition] = list(one.column.among)
            for limit in one.column.limits:
                if not limit.times or one.time in limit.times:
                    rules.extend(limit.when)
            if any(model.column in _roots(self.card, c.column) for c in rules):
                found.append(one.key)
        return tuple(found)

    def _gated(self, key: str, outcome: str) -> bool:
        """Whether an outcome decides which rows can have a value."""
        among = self.card.columns[key.partition("@")[0]].among
        return any(outcome in _roots(self.card, c.column) for c in among)


def _roots(card: StudyCard, key: str) -> set[str]:
    """A column and, where it is derived, everything that it is derived from."""
    column = card.columns[key.partition("@")[0]]
    found = {key}
    if isinstance(column, DerivedColumn):
        for condition in (*column.all_of, *column.any_of):
            found |= _roots(card, condition.column)
    return found


def _numeric(card: StudyCard) -> list[tuple[str, NumericColumn, str | None]]:
    found: list[tuple[str, NumericColumn, str | None]] = []
    for name, column in card.columns.items():
        if not isinstance(column, NumericColumn):
            continue
        times: Sequence[str | None] = column.times or (None,)
        found.extend((name if t is None else f"{name}@{t}", column, t) for t in times)
    return found


def _children(table: Table, parents: int) -> tuple[IntArray, IntArray]:
    """Where each parent's children start in a list of them, and the list."""
    assert table.parent is not None
    members = np.argsort(table.parent, kind="stable").astype(np.int64)
    start = np.zeros(parents + 1, dtype=np.int64)
    start[1:] = np.cumsum(np.bincount(table.parent, minlength=parents))
    return start, members


def _width(values: FloatArray) -> float:
    """Silverman's rule of thumb, narrowed: a width that a gross outlier does not widen."""
    seen = values[~np.isnan(values)]
    if seen.size < 2:
        return 0.0
    sd = float(seen.std(ddof=1))
    low, high = np.quantile(seen, (0.25, 0.75))
    spread = min(sd, float(high - low) / 1.349) if high > low else sd
    return float(BANDWIDTH * 1.06 * spread * seen.size**-0.2)


def _bounds(
    frame: Frame, column: NumericColumn, time: str | None
) -> tuple[FloatArray | float, FloatArray | float]:
    low: FloatArray | float = -np.inf if column.low is None else float(column.low)
    high: FloatArray | float = np.inf if column.high is None else float(column.high)
    for limit in column.limits:
        if limit.times and time not in limit.times:
            continue
        rows: BoolArray = frame.mask(limit.when, column.unit)
        if limit.low is not None:
            low = np.where(rows, np.maximum(low, float(limit.low)), low)
        if limit.high is not None:
            high = np.where(rows, np.minimum(high, float(limit.high)), high)
    return low, high


def _fitted(
    frame: Frame, column: NumericColumn, time: str | None, values: FloatArray
) -> FloatArray:
    """Values moved onto the recording grid and into their rows' bounds (missing stays missing)."""
    low, high = _bounds(frame, column, time)
    if column.step is None:
        return np.asarray(np.clip(values, low, high))
    step = float(column.step)
    # In whole steps, so that 0.1 + 0.2 cannot leave the grid.
    bottom, top = np.ceil(np.asarray(low) / step - 1e-9), np.floor(np.asarray(high) / step + 1e-9)
    steps = np.clip(np.rint(values / step), bottom, np.maximum(bottom, top))
    digits = max(0, -int(column.step.normalize().as_tuple().exponent))
    return np.asarray(np.round(steps * step, digits))
