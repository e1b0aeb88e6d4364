"""Summary of one variable: n, mean, SD, median, quantiles, minimum, maximum.

Quantiles under the nine definitions of Hyndman and Fan (Am Stat 1996;50:361, the ``type`` of R's
``quantile``), Tukey's hinges (R's ``fivenum``) and Moore and McCabe's quartiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import (
    FloatArray,
    choice,
    number,
    numeric_array,
    vector,
    whole_number,
)


class SdDenominator(StrEnum):
    """What the sum of squared deviations is divided by."""

    N_MINUS_1 = "n-1"
    N = "n"


class QuantileDefinition(StrEnum):
    """How a quantile is read from n ordered values."""

    TYPE_1 = "type_1"
    TYPE_2 = "type_2"
    TYPE_3 = "type_3"
    TYPE_4 = "type_4"
    TYPE_5 = "type_5"
    TYPE_6 = "type_6"
    TYPE_7 = "type_7"
    TYPE_8 = "type_8"
    TYPE_9 = "type_9"
    TUKEY_HINGES = "tukey_hinges"
    MOORE_MCCABE = "moore_mccabe"


_CONTINUOUS = {
    QuantileDefinition.TYPE_4: (0.0, 1.0),
    QuantileDefinition.TYPE_5: (0.5, 0.5),
    QuantileDefinition.TYPE_6: (0.0, 0.0),
    QuantileDefinition.TYPE_7: (1.0, 1.0),
    QuantileDefinition.TYPE_8: (1.0 / 3.0, 1.0 / 3.0),
    QuantileDefinition.TYPE_9: (3.0 / 8.0, 3.0 / 8.0),
}
# R's tolerance: n * p is rounded when it misses a whole number by less than this.
_FUZZ = 4.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class QuantilePosition:
    """A quantile as (1 - weight) * x[lower] + weight * x[upper], x ordered and counted from 0."""

    lower: int
    upper: int
    weight: float


@dataclass(frozen=True, slots=True)
class Summary:
    """n, mean, SD, median, quartiles, minimum and maximum of one variable, in its own unit.

    ``sd`` is None for a single value under the n - 1 convention, where it does not exist.
    """

    n: int
    mean: float
    sd: float | None
    median: float
    lower_quartile: float
    upper_quartile: float
    minimum: float
    maximum: float


def quantile_position(
    n: int, probability: float, definition: QuantileDefinition = QuantileDefinition.TYPE_7
) -> QuantilePosition:
    """The two order statistics, and their weight, that make up a quantile of ``n`` values.

    Types 1 to 9 take any probability in [0, 1]; hinges and Moore-McCabe quartiles exist for
    0, 0.25, 0.5, 0.75 and 1 only, the latter for n of at least 2.

    Raises ValueError for another probability, n < 1 or an unknown definition.
    Source: Hyndman and Fan 1996, definitions 1-9, with the tolerance of R's ``quantile``; Tukey,
    Exploratory Data Analysis (1977); Moore and McCabe, Introduction to the Practice of Statistics.
    """
    size = whole_number(n, "n", 1)
    p = number(probability, "probability", 0.0, 1.0)
    kind = choice(QuantileDefinition, definition, "definition")
    if kind in (QuantileDefinition.TUKEY_HINGES, QuantileDefinition.MOORE_MCCABE):
        return _position_of_hinge(size, p, kind)
    if kind in _CONTINUOUS:
        a, b = _CONTINUOUS[kind]
        target = a + p * (size + 1 - a - b)
        below = math.floor(target + _FUZZ)
        weight = target - below
        if abs(weight) < _FUZZ:
            weight = 0.0
    else:
        target = size * p - (0.5 if kind is QuantileDefinition.TYPE_3 else 0.0)
        below = math.floor(target + _FUZZ)
        above = target > below + _FUZZ
        if kind is QuantileDefinition.TYPE_1:
            weight = 1.0 if above else 0.0
        elif kind is QuantileDefinition.TYPE_2:
            weight = 1.0 if above else 0.5
        else:
            weight = 1.0 if above or below % 2 == 1 else 0.0
    lower = min(max(below - 1, 0), size - 1)
    upper = min(max(below, 0), size - 1)
    if weight == 0.0:
        upper = lower
    elif weight == 1.0:
        lower = upper
    if lower == upper:
        weight = 0.0
    return QuantilePosition(lower, upper, weight)


def _position_of_hinge(size: int, p: float, kind: QuantileDefinition) -> QuantilePosition:
    if p not in (0.0, 0.25, 0.5, 0.75, 1.0):
        raise ValueError(f"probability: got {p:g}; {kind} takes 0, 0.25, 0.5, 0.75 or 1")
    if kind is QuantileDefinition.TUKEY_HINGES:
        # Depth counted from 1, in halves.
        depth = math.floor((size + 3) / 2) / 2
    else:
        if size < 2 and p in (0.25, 0.75):
            raise ValueError(f"n: got {size}; {kind} quartiles take at least 2 values")
        depth = (size // 2 + 1) / 2
    rank = {0.0: 1.0, 0.25: depth, 0.5: (size + 1) / 2, 0.75: size + 1 - depth}.get(p, float(size))
    lower, upper = math.floor(rank) - 1, math.ceil(rank) - 1
    return QuantilePosition(lower, upper, 0.0 if lower == upper else 0.5)


def quantile(
    values: ArrayLike,
    probability: float,
    definition: QuantileDefinition = QuantileDefinition.TYPE_7,
) -> FloatArray:
    """The quantile along the last axis of ``values`` (..., n); shape (...), 0-d for one variable.

    See :func:`quantile_position` for definitions, sources and what is refused.
    """
    array = numeric_array(values, "values")
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"values: got an array of shape {array.shape}; takes at least 1 value")
    place = quantile_position(array.shape[-1], probability, definition)
    ordered = np.sort(array, axis=-1)
    low, high = ordered[..., place.lower], ordered[..., place.upper]
    # Written as R writes it, so that equal neighbours give back the value itself.
    return np.asarray(np.where(low == high, low, (1.0 - place.weight) * low + place.weight * high))


def mean(values: ArrayLike) -> FloatArray:
    """The arithmetic mean along the last axis of ``values`` (..., n); shape (...)."""
    array = numeric_array(values, "values")
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"values: got an array of shape {array.shape}; takes at least 1 value")
    return np.asarray(array.mean(axis=-1))


def standard_deviation(
    values: ArrayLike, denominator: SdDenominator = SdDenominator.N_MINUS_1
) -> FloatArray:
    """The standard deviation along the last axis of ``values`` (..., n), under n - 1 or n.

    Raises ValueError for a single value under n - 1, where it does not exist.
    """
    array = numeric_array(values, "values")
    lost = 1 if choice(SdDenominator, denominator, "denominator") is SdDenominator.N_MINUS_1 else 0
    if array.ndim == 0 or array.shape[-1] < 1 + lost:
        raise ValueError(
            f"values: got an array of shape {array.shape}; takes at least {1 + lost} "
            f"value{'s' if lost else ''} under the {denominator} convention"
        )
    return np.asarray(array.std(axis=-1, ddof=lost))


def summarise(
    values: ArrayLike,
    *,
    quantile_definition: QuantileDefinition = QuantileDefinition.TYPE_7,
    sd_denominator: SdDenominator = SdDenominator.N_MINUS_1,
) -> Summary:
    """Summary of ``values`` (n,) under the stated conventions; missing values are refused."""
    array = vector(values, "values")
    quartile = choice(QuantileDefinition, quantile_definition, "quantile_definition")
    denominator = choice(SdDenominator, sd_denominator, "sd_denominator")
    single = array.size == 1 and denominator is SdDenominator.N_MINUS_1
    return Summary(
        n=array.size,
        mean=float(array.mean()),
        sd=None if single else float(standard_deviation(array, denominator)),
        median=float(quantile(array, 0.5, QuantileDefinition.TYPE_7)),
        lower_quartile=float(quantile(array, 0.25, quartile)),
        upper_quartile=float(quantile(array, 0.75, quartile)),
        minimum=float(array.min()),
        maximum=float(array.max()),
    )
