"""Checks of arguments shared by the estimators.

Every check raises ``ValueError`` that names the argument, what it got and what it takes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Choice = TypeVar("Choice", bound=StrEnum)


def describe(value: object) -> str:
    """A short description of a refused argument, for an error message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def numeric_array(value: ArrayLike, name: str, takes: str = "finite numbers") -> FloatArray:
    """``value`` as float64, refusing strings, objects, complex numbers, NaN and infinities."""
    try:
        array: NDArray[Any] = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: got {describe(value)}; takes {takes}") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: got {describe(value)} (type {array.dtype}); takes {takes}")
    result = array.astype(np.float64)
    finite = np.isfinite(result)
    if not finite.all():
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        place = f" at {first[0] if len(first) == 1 else first}" if first else ""
        raise ValueError(
            f"{name}: got {float(result[first])}{place} "
            f"({int((~finite).sum())} not finite of {result.size}); takes {takes}"
        )
    return result


def vector(value: ArrayLike, name: str, minimum: int = 1) -> FloatArray:
    """A one-dimensional array of at least ``minimum`` finite numbers."""
    array = numeric_array(value, name)
    if array.ndim != 1 or array.size < minimum:
        raise ValueError(
            f"{name}: got an array of shape {array.shape}; "
            f"takes one dimension with at least {minimum} value{'s' if minimum != 1 else ''}"
        )
    return array


def rows(value: ArrayLike, name: str, minimum: int = 1) -> FloatArray:
    """An array (C, n): C cohorts in rows, each of at least ``minimum`` finite numbers."""
    array = numeric_array(value, name)
    if array.ndim != 2 or array.shape[1] < minimum:
        raise ValueError(
            f"{name}: got an array of shape {array.shape}; takes two dimensions, a cohort a row, "
            f"with at least {minimum} value{'s' if minimum != 1 else ''} a row"
        )
    return array


def same_shape(first: FloatArray, second: NDArray[Any], first_name: str, second_name: str) -> None:
    """Refuse two arrays whose shapes differ."""
    if first.shape != second.shape:
        raise ValueError(
            f"{second_name}: got shape {second.shape}; takes the shape of {first_name}, "
            f"{first.shape}"
        )


def binary(value: ArrayLike, name: str) -> BoolArray:
    """An array of 0 and 1 (or booleans) as booleans, any shape."""
    array = numeric_array(value, name, "0 and 1")
    if not np.isin(array, (0.0, 1.0)).all():
        other = array[~np.isin(array, (0.0, 1.0))].ravel()[0]
        raise ValueError(f"{name}: got {other:g}; takes 0 and 1")
    return np.asarray(array == 1.0)


def binary_vector(value: ArrayLike, name: str, size: int | None = None) -> BoolArray:
    """A one-dimensional array of 0 and 1, of ``size`` values where given."""
    array = binary(value, name)
    if array.ndim != 1 or array.size == 0 or (size is not None and array.size != size):
        wanted = "at least 1 value" if size is None else f"{size} values"
        raise ValueError(
            f"{name}: got an array of shape {array.shape}; takes one dimension with {wanted}"
        )
    return array


def scores_and_cases(scores: ArrayLike, y: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Scores and who is a case (1) or a control (0), at least one of each."""
    score = vector(scores, "scores")
    case = binary_vector(y, "y", score.size)
    if case.all() or not case.any():
        raise ValueError(
            f"y: got {int(case.sum())} cases of {case.size}; takes at least one 1 and one 0"
        )
    return score, case


def codes(value: ArrayLike, name: str, size: int) -> tuple[IntArray, int]:
    """Group labels as codes 0..m-1 in sorted order of the labels, with m."""
    array: NDArray[Any] = np.asarray(value)
    if array.ndim != 1 or array.size != size:
        raise ValueError(
            f"{name}: got an array of shape {array.shape}; takes one dimension with {size} labels"
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name}: got NaN; takes labels without missing values")
    if array.dtype.kind == "O" and any(
        label is None or (isinstance(label, float) and np.isnan(label)) for label in array
    ):
        raise ValueError(f"{name}: got a missing label; takes labels without missing values")
    try:
        labels, inverse = np.unique(array, return_inverse=True)
    except TypeError as error:
        raise ValueError(f"{name}: got labels of mixed types; takes labels of one type") from error
    return inverse.astype(np.int64).ravel(), int(labels.size)


def whole_numbers(value: ArrayLike, name: str, minimum: int = 0) -> IntArray:
    """Integers of at least ``minimum``, any shape; 3.0 is accepted as 3."""
    takes = f"whole numbers of at least {minimum}"
    array = numeric_array(value, name, takes)
    wrong = (array != np.floor(array)) | (array < minimum) | (array > 2**53)
    if wrong.any():
        raise ValueError(f"{name}: got {array[wrong].ravel()[0]:g}; takes {takes}")
    return array.astype(np.int64)


def whole_number(value: float, name: str, minimum: int = 0) -> int:
    """One integer of at least ``minimum``."""
    array = whole_numbers(value, name, minimum)
    if array.ndim != 0:
        raise ValueError(f"{name}: got an array of shape {array.shape}; takes one whole number")
    return int(array)


def number(
    value: float,
    name: str,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """One finite number inside [low, high], either end open on request."""
    takes = f"a number in {'(' if open_low or low == -np.inf else '['}{low:g}, {high:g}"
    takes += ")" if open_high or high == np.inf else "]"
    array = numeric_array(value, name, takes)
    if array.ndim != 0:
        raise ValueError(f"{name}: got an array of shape {array.shape}; takes {takes}")
    result = float(array)
    below = result <= low if open_low else result < low
    above = result >= high if open_high else result > high
    if below or above:
        raise ValueError(f"{name}: got {result:g}; takes {takes}")
    return result


def confidence_level(value: float, name: str = "level") -> float:
    """A confidence level strictly between 0 and 1 (0.95, not 95)."""
    return number(value, name, 0.0, 1.0, open_low=True, open_high=True)


def choice(kind: type[Choice], value: str, name: str) -> Choice:
    """The member of a closed list that ``value`` is or names."""
    try:
        return kind(value)
    except ValueError:
        listed = ", ".join(repr(str(member)) for member in kind)
        raise ValueError(f"{name}: got {describe(value)}; takes one of {listed}") from None
