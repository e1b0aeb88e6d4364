"""How likely a measurement's values are before anything but its own margins is looked at."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from recohort.card.layout import Family, Plausible
from recohort.cohort import FloatArray
from recohort.reconstruct.margins.fill import sampler_of
from recohort.reconstruct.margins.plausible import fallback_shape
from recohort.reconstruct.measurement import Measurement

__all__ = ["log_likely", "scores"]

_NEVER = -700.0
"""The logarithm of next to nothing."""


def log_likely(measurement: Measurement, points: FloatArray) -> FloatArray:
    """Logarithms, up to a constant, of each margin code's density (codes, P) at points of its grid.

    It is the density that the column's values are drawn from: with margins the target of their
    walk (:mod:`.margin`), without them the plausible shape. Codes are those of
    ``measurement.margins`` in order, without -1. Bounds of rows are not looked at.

    Raises:
        ValueError: nothing is known of the values: no margins, no shape and no range.
    """
    codes = np.unique(measurement.margins[measurement.observed])
    if not measurement.facts:
        column = measurement.column
        shape = column.plausible_at(measurement.time) or fallback_shape(column)
        return np.tile(_of_shape(shape, points), (codes.size, 1))
    return sampler_of(measurement, codes.tolist()).log_likely(points)


def _of_shape(shape: Plausible, points: FloatArray) -> FloatArray:
    mean, sd = float(shape.mean), float(shape.sd)
    if shape.family is Family.UNIFORM:
        return np.where(np.abs(points - mean) <= sd * np.sqrt(3.0), 0.0, _NEVER)
    if shape.family is Family.LOGNORMAL:
        variance = np.log1p((sd / mean) ** 2)
        logs = np.log(np.maximum(points, 1e-300))
        found = -logs - (logs - np.log(mean) + variance / 2.0) ** 2 / (2.0 * variance)
        return np.where(points > 0.0, found, _NEVER)
    return np.asarray(np.maximum(-((points - mean) ** 2) / (2.0 * sd**2), _NEVER))


def scores(log_mass: FloatArray, shares: FloatArray) -> FloatArray:
    """Normal scores (P,) of points in order: of their place among values of all codes together."""
    mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
    whole = shares @ (mass / mass.sum(axis=1, keepdims=True)) / shares.sum()
    middle = np.cumsum(whole) - whole / 2.0
    return np.asarray(ndtri(np.clip(middle, 1e-9, 1.0 - 1e-9)))
