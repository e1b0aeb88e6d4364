"""Checked arguments of the logistic models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recohort.estimators.arguments import (
    FloatArray,
    IntArray,
    binary_vector,
    codes,
    numeric_array,
    vector,
)


@dataclass(frozen=True, slots=True)
class LogisticData:
    """One cohort: rows of weight 0 dropped, groups coded 0, 1, … in the order of their labels.

    ``success``, ``trials``, ``weights`` and ``offset`` are (n,), ``x`` is (n, p); ``group`` is
    (n,), or None in a model without groups, and ``labels`` are the groups' labels by code.
    """

    success: FloatArray
    trials: FloatArray
    weights: FloatArray
    offset: FloatArray
    x: FloatArray
    names: tuple[str, ...]
    group: IntArray | None
    labels: tuple[object, ...]

    @property
    def n(self) -> float:
        """The number of trials, weights counted."""
        return float(self.weights @ self.trials)

    @property
    def events(self) -> float:
        """The number of successes, weights counted."""
        return float(self.weights @ self.success)


def design(x: ArrayLike, names: Sequence[str] | None) -> tuple[FloatArray, tuple[str, ...]]:
    """A design matrix (n, p) and its columns' names, x0, x1, … where none are given."""
    matrix = np.ascontiguousarray(numeric_array(x, "x"))
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"x: got an array of shape {matrix.shape}; takes (rows, columns), the column of ones "
            "for the intercept included"
        )
    if names is None:
        return matrix, tuple(f"x{j}" for j in range(matrix.shape[1]))
    given = tuple(names)
    if len(given) != matrix.shape[1] or not all(isinstance(name, str) for name in given):
        raise ValueError(f"names: got {given!r}; takes {matrix.shape[1]} strings, one a column")
    return matrix, given


def _sized(value: ArrayLike | None, name: str, n: int, default: float) -> FloatArray:
    if value is None:
        return np.full(n, default)
    array = vector(value, name)
    if array.size != n:
        raise ValueError(f"{name}: got {array.size} values; takes {n}, one a row of x")
    return array


def logistic_data(
    y: ArrayLike,
    x: ArrayLike,
    group: ArrayLike | None,
    trials: ArrayLike | None,
    weights: ArrayLike | None,
    offset: ArrayLike | None,
    names: Sequence[str] | None,
) -> LogisticData:
    """Check the arguments of one fit; ValueError names the argument that is wrong."""
    matrix, given = design(x, names)
    n = matrix.shape[0]
    if trials is None:
        success = binary_vector(y, "y", n).astype(np.float64)
        total = np.ones(n)
    else:
        total = _sized(trials, "trials", n, 1.0)
        if (total < 0).any() or (total != np.floor(total)).any():
            raise ValueError("trials: got a negative or fractional number; takes whole numbers")
        success = _sized(y, "y", n, 0.0)
        wrong = (success < 0) | (success > total) | (success != np.floor(success))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f"y: got {success[row]:g} of {total[row]:g} trials at {row}; takes whole numbers "
                "from 0 to trials"
            )
    weight = _sized(weights, "weights", n, 1.0)
    if (weight < 0).any():
        row = int(np.flatnonzero(weight < 0)[0])
        raise ValueError(f"weights: got {weight[row]:g} at {row}; takes numbers of at least 0")
    shift = _sized(offset, "offset", n, 0.0)
    kept: NDArray[np.bool_] = (weight > 0) & (total > 0)
    if not kept.any():
        raise ValueError("weights: got no row with positive weight and trials; takes at least one")
    coded: IntArray | None = None
    labels: tuple[object, ...] = ()
    if group is not None:
        array = np.asarray(group)
        codes(array, "group", n)
        coded, _ = codes(array[kept], "group", int(kept.sum()))
        labels = tuple(np.unique(array[kept]).tolist())
    return LogisticData(
        success[kept],
        total[kept],
        weight[kept],
        shift[kept],
        np.ascontiguousarray(matrix[kept]),
        given,
        coded,
        labels,
    )


def dependent_columns(x: FloatArray, names: tuple[str, ...]) -> str:
    """Which column is a linear combination of which others, in words; empty if none is."""
    scale = np.sqrt((x**2).sum(axis=0))
    for j, name in enumerate(names):
        if scale[j] == 0.0:
            return f"{name} is 0 in every row"
        if j == 0:
            continue
        basis = x[:, :j] / scale[:j]
        column = x[:, j] / scale[j]
        solution = np.linalg.lstsq(basis, column, rcond=None)[0]
        if np.linalg.norm(column - basis @ solution) < 1e-5:
            used = [names[k] for k in range(j) if abs(solution[k]) > 1e-6]
            if len(used) == 1:
                return f"{name} is a multiple of {used[0]}"
            return f"{name} is a linear combination of {', '.join(used)}"
    return ""
