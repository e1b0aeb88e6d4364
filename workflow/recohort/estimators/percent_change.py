"""The percent change from a first to a second measurement, under each definition in use."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray, choice, numeric_array, same_shape


class ChangeDefinition(StrEnum):
    """What "the change was x%" means; b before, a after.

    - of_means: 100 (mean a - mean b) / mean b
    - of_medians: 100 (median a - median b) / median b
    - mean_of_changes: mean of 100 (a - b) / b
    - median_of_changes: median of 100 (a - b) / b
    - of_geometric_means: 100 (exp(mean log a - mean log b) - 1)
    """

    OF_MEANS = "of_means"
    OF_MEDIANS = "of_medians"
    MEAN_OF_CHANGES = "mean_of_changes"
    MEDIAN_OF_CHANGES = "median_of_changes"
    OF_GEOMETRIC_MEANS = "of_geometric_means"


def percent_change(before: ArrayLike, after: ArrayLike, definition: ChangeDefinition) -> FloatArray:
    """Percent change along the last axis of ``before`` and ``after`` (..., n); shape (...).

    Sign: a fall is negative. Papers that write "reduced by 70%" print the opposite sign.
    The individual and geometric definitions need positive values of ``before`` (and of ``after``
    for the geometric one), the others a mean or median of ``before`` that is not 0: ValueError
    otherwise. The two are pairs, so that a person missing either is left out of both by the caller.
    """
    b, a = numeric_array(before, "before"), numeric_array(after, "after")
    same_shape(b, a, "before", "after")
    if b.ndim == 0 or b.shape[-1] == 0:
        raise ValueError(f"before: got an array of shape {b.shape}; takes at least 1 value")
    kind = choice(ChangeDefinition, definition, "definition")
    if kind in (ChangeDefinition.MEAN_OF_CHANGES, ChangeDefinition.MEDIAN_OF_CHANGES):
        _require(b > 0.0, "before", kind)
        each = 100.0 * (a - b) / b
        middle = np.mean if kind is ChangeDefinition.MEAN_OF_CHANGES else np.median
        return np.asarray(middle(each, axis=-1))
    if kind is ChangeDefinition.OF_GEOMETRIC_MEANS:
        _require(b > 0.0, "before", kind)
        _require(a > 0.0, "after", kind)
        return np.asarray(100.0 * np.expm1(np.mean(np.log(a) - np.log(b), axis=-1)))
    centre = np.mean if kind is ChangeDefinition.OF_MEANS else np.median
    start, end = np.asarray(centre(b, axis=-1)), np.asarray(centre(a, axis=-1))
    if (start == 0.0).any():
        raise ValueError(f"before: got a centre of 0; {kind} takes one other than 0")
    return np.asarray(100.0 * (end - start) / start)


def _require(
    positive: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], name: str, kind: str
) -> None:
    if not positive.all():
        raise ValueError(f"{name}: got a value of 0 or below; {kind} takes positive values")
