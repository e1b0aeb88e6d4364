"""Values of a measurement of which nothing was printed: its plausible shape within row bounds."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
from scipy.special import ndtr, ndtri

from recohort.card.layout import Family, NumericColumn, Plausible
from recohort.cohort import FloatArray

__all__ = ["draw_plausible", "fallback_shape", "to_grid"]


def to_grid(values: FloatArray, step: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """The nearest recordable values within row bounds (``step`` 0: real-valued)."""
    if step <= 0:
        return np.clip(values, low, high)
    inner_low = np.ceil(np.round(low / step, 6))
    inner_high = np.floor(np.round(high / step, 6))
    steps = np.clip(np.rint(values / step), inner_low, inner_high)
    decimals = max(0, 1 - math.floor(math.log10(step))) + 2
    return np.round(steps * step, decimals)


def fallback_shape(column: NumericColumn) -> Plausible:
    """A shape for a measurement that the card says nothing of: the middle of its range.

    Raises:
        ValueError: the card gives neither a shape nor a range.
    """
    if column.low is None or column.high is None:
        raise ValueError("nothing is known of its values: give it plausible, or low and high")
    return Plausible(
        mean=(column.low + column.high) / 2,
        sd=max((column.high - column.low) / 6, column.step or Decimal(0)),
    )


def draw_plausible(
    shape: Plausible, low: FloatArray, high: FloatArray, step: float, rng: np.random.Generator
) -> FloatArray:
    """One value a row from the shape, truncated to the row's bounds, on the recording grid."""
    mean, sd = float(shape.mean), float(shape.sd)
    u = rng.random(low.size)
    if shape.family is Family.UNIFORM:
        half = sd * math.sqrt(3.0)
        bottom, top = np.maximum(low, mean - half), np.minimum(high, mean + half)
        values = bottom + u * np.maximum(top - bottom, 0.0)
    elif shape.family is Family.LOGNORMAL:
        spread = math.sqrt(math.log1p((sd / mean) ** 2))
        centre = math.log(mean) - spread**2 / 2.0
        with np.errstate(divide="ignore", invalid="ignore"):
            bottom = np.where(low > 0, np.log(np.maximum(low, 1e-300)), -np.inf)
            top = np.log(np.maximum(high, 1e-300))
        values = np.exp(_truncated(u, centre, spread, bottom, top))
    else:
        values = _truncated(u, mean, sd, low, high)
    return to_grid(values, step, low, high)


def _truncated(
    u: FloatArray, mean: float, sd: float, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Quantiles of a normal distribution cut to [low, high]; its end where that is far away."""
    bottom, top = (low - mean) / sd, (high - mean) / sd
    # Work in the lower tail, where the distribution function keeps its digits.
    flip = bottom > 0
    lower, upper = np.where(flip, -top, bottom), np.where(flip, -bottom, top)
    p_low, p_high = ndtr(lower), ndtr(upper)
    z = ndtri(p_low + u * (p_high - p_low))
    z = np.where(np.isfinite(z), np.clip(z, lower, upper), np.where(flip, upper, upper))
    return np.asarray(mean + sd * np.where(flip, -z, z))
