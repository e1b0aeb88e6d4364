"""Gives one measurement its values: margins that print, spread over the rows at random."""

from __future__ import annotations

import numpy as np

from recohort.cohort import FloatArray
from recohort.reconstruct.measurement import Measurement
from recohort.reconstruct.plausible import draw_plausible, fallback_shape

__all__ = ["fill"]


def fill(measurement: Measurement, rng: np.random.Generator) -> FloatArray:
    """One value a row that can have one; NaN elsewhere."""
    column = measurement.column
    shape = column.plausible_at(measurement.time) or fallback_shape(column)
    values = np.full(measurement.observed.size, np.nan)
    rows = np.flatnonzero(measurement.observed)
    low, high = measurement.low[rows], measurement.high[rows]
    values[rows] = draw_plausible(shape, low, high, float(column.step or 0), rng)
    return values
