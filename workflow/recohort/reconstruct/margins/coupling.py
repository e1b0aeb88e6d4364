"""Gives repeated measurements of one unit their likeness without changing any time's values."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from recohort.cohort import FloatArray
from recohort.reconstruct.measurement import Measurement

__all__ = ["couple", "normal_scores"]


def normal_scores(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Normal quantiles of the ranks (ties in random order); NaN where a value is missing."""
    scores = np.full(values.size, np.nan)
    seen = np.flatnonzero(~np.isnan(values))
    if seen.size:
        order = seen[np.lexsort((rng.random(seen.size), values[seen]))]
        scores[order] = ndtri((np.arange(seen.size) + 0.5) / seen.size)
    return scores


def couple(
    before: FloatArray,
    values: FloatArray,
    measurement: Measurement,
    correlation: float,
    rng: np.random.Generator,
) -> FloatArray:
    """The same values, exchanged within strata so that their ranks follow ``before``.

    A Gaussian copula of the given correlation; rows without an earlier value take random ranks.
    """
    scores = normal_scores(before, rng)
    fresh = rng.standard_normal(values.size)
    latent = np.where(
        np.isnan(scores),
        fresh,
        correlation * np.nan_to_num(scores) + np.sqrt(1.0 - correlation**2) * fresh,
    )
    result = values.copy()
    for code in np.unique(measurement.strata[measurement.strata >= 0]):
        rows = np.flatnonzero(measurement.strata == code)
        result[rows[np.argsort(latent[rows], kind="stable")]] = np.sort(values[rows])
    return result
