"""Gives one measurement its values: margins that print, spread over the rows at random."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from recohort.cohort import FloatArray
from recohort.reconstruct.margins.margin import (
    JointRequest,
    Shape,
    StrataSampler,
    Stratum,
    StratumFact,
)
from recohort.reconstruct.margins.plausible import draw_plausible, fallback_shape
from recohort.reconstruct.measurement import Measurement, fraction

__all__ = ["fill", "sampler_of"]


@lru_cache(maxsize=512)
def _sampler(request: JointRequest) -> StrataSampler:
    """Cohorts of one card ask for the same margins over and over: the target is fitted once."""
    return StrataSampler(request)


def _request(measurement: Measurement, codes: list[int]) -> JointRequest:
    column = measurement.column
    plausible = column.plausible_at(measurement.time)
    if plausible is None and column.low is not None and column.high is not None:
        plausible = fallback_shape(column)
    shape = None
    if plausible is not None:
        shape = Shape(plausible.family, float(plausible.mean), float(plausible.sd))
    strata = []
    for code in codes:
        rows = np.flatnonzero(measurement.margins == code)
        low, high = measurement.low[rows[0]], measurement.high[rows[0]]
        strata.append(Stratum(int(rows.size), fraction(low), fraction(high)))
    facts = []
    for found in measurement.facts:
        inside = tuple(
            index
            for index, code in enumerate(codes)
            if found.rows[np.flatnonzero(measurement.margins == code)[0]]
        )
        if inside:
            facts.append(StratumFact(found.facts, inside, found.sd, found.quantiles))
    return JointRequest(column.grid, tuple(strata), tuple(facts), shape)


def sampler_of(measurement: Measurement, codes: list[int]) -> StrataSampler:
    """What draws a measurement's values, its strata being the rows of each code."""
    return _sampler(_request(measurement, codes))


def fill(measurement: Measurement, rng: np.random.Generator) -> FloatArray:
    """One value a row that can have one; NaN elsewhere."""
    values = np.full(measurement.observed.size, np.nan)
    rows = np.flatnonzero(measurement.observed)
    if rows.size == 0:
        return values
    if not measurement.facts:
        column = measurement.column
        shape = column.plausible_at(measurement.time) or fallback_shape(column)
        low, high = measurement.low[rows], measurement.high[rows]
        values[rows] = draw_plausible(shape, low, high, float(column.step or 0), rng)
        return values
    codes = sorted(set(measurement.margins[rows].tolist()))
    drawn = sampler_of(measurement, codes).draw(rng)
    for code, column_values in zip(codes, drawn.values, strict=True):
        mine = np.flatnonzero(measurement.margins == code)
        values[mine] = rng.permutation(column_values)
    return values
