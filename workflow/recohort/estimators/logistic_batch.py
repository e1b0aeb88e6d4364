"""Many logistic or mixed-effects logistic fits in one call.

Cohorts are independent: a cohort's numbers have the same bits in a batch of one and in a batch of
a million, whatever stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recohort.estimators.arguments import FloatArray, IntArray, describe, whole_numbers
from recohort.estimators.fit_flag import FLAGS, flags_of
from recohort.estimators.logistic import binomial_constant
from recohort.estimators.logistic_run import Problem, Solution, no_nodes, solve
from recohort.estimators.quadrature import gauss_hermite

# Cohorts handed to compiled code at a time: bounds the memory of the float64 copies.
_CHUNK = 2048


class _Flagged:
    """What the codes of a batch of fits say; ``codes`` (C,) index `FLAGS`."""

    __slots__ = ()
    codes: IntArray

    @property
    def flags(self) -> NDArray[np.object_]:
        """The `FitFlag` of every cohort."""
        return flags_of(self.codes)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether each fit is complete, at the boundary or inside."""
        return _complete(self.codes)


@dataclass(frozen=True, slots=True)
class LogisticBatch(_Flagged):
    """One row a cohort: ``coef`` and ``se`` (C, p), ``loglik``, ``codes``, ``iterations`` (C,).

    ``codes`` index `FLAGS`; ``ok`` says which are complete fits. Coefficients that diverge are
    infinite with a NaN standard error; what was not estimated is NaN.
    """

    coef: FloatArray
    se: FloatArray
    loglik: FloatArray
    codes: IntArray
    iterations: IntArray


@dataclass(frozen=True, slots=True)
class MixedLogisticBatch(_Flagged):
    """One row a cohort: ``coef`` and ``se`` (C, p), the others (C,).

    ``sd`` of the random intercept with its standard error ``sd_se`` (NaN at the boundary);
    ``codes`` index `FLAGS`; ``ok`` says which are complete fits, the boundary ones included.
    Coefficients that diverge are infinite with a NaN standard error; what was not estimated is NaN.
    """

    coef: FloatArray
    se: FloatArray
    sd: FloatArray
    sd_se: FloatArray
    loglik: FloatArray
    codes: IntArray
    iterations: IntArray


@dataclass(frozen=True, slots=True)
class _Rows:
    """Outcomes, designs, trials, weights and offsets, cohorts first; a size of 1 is shared."""

    y: NDArray[np.generic]
    x: NDArray[np.generic]
    trials: FloatArray
    weights: FloatArray
    offset: FloatArray

    def sizes(self) -> dict[str, int]:
        """How many cohorts each argument holds."""
        return {
            "y": self.y.shape[0],
            "x": self.x.shape[0],
            "trials": self.trials.shape[0],
            "weights": self.weights.shape[0],
            "offset": self.offset.shape[0],
        }


def _complete(codes: IntArray) -> NDArray[np.bool_]:
    return np.isin(codes, [code for code, flag in enumerate(FLAGS) if flag.converged])


def _array(value: ArrayLike, name: str, dims: tuple[int, int]) -> NDArray[np.generic]:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: got {describe(array)}; takes numbers")
    if array.ndim not in dims or array.size == 0:
        raise ValueError(
            f"{name}: got an array of shape {array.shape}; takes {dims[0]} or {dims[1]} dimensions,"
            " cohorts first, without empty ones"
        )
    return array if array.ndim == dims[1] else array[None]


def _cohorts(sizes: dict[str, int]) -> int:
    count = max(sizes.values())
    for name, size in sizes.items():
        if size not in (1, count):
            raise ValueError(f"{name}: got {size} cohorts; takes {count}, or one for all")
    return count


def _numbers(value: ArrayLike | None, name: str, rows: int, default: float) -> FloatArray:
    """One number for all rows and cohorts where there is none, else (C or 1, rows)."""
    if value is None:
        return np.full((1, 1), default)
    array = _array(value, name, (1, 2)).astype(np.float64)
    if array.shape[1] != rows:
        raise ValueError(f"{name}: got {array.shape[1]} rows a cohort; takes {rows}, as many as x")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: got {array[~np.isfinite(array)][0]}; takes finite numbers")
    return array


def _rows(
    y: ArrayLike,
    x: ArrayLike,
    trials: ArrayLike | None,
    weights: ArrayLike | None,
    offset: ArrayLike | None,
) -> _Rows:
    """The rows of all cohorts, checked; ValueError names the argument that is wrong."""
    outcome = _array(y, "y", (1, 2))
    matrix = _array(x, "x", (2, 3))
    n = matrix.shape[1]
    if outcome.shape[1] != n:
        raise ValueError(f"y: got {outcome.shape[1]} rows a cohort; takes {n}, as many as x")
    total = _numbers(trials, "trials", n, 1.0)
    if (total < 0).any() or (total != np.floor(total)).any():
        raise ValueError("trials: got a negative or fractional number; takes whole numbers")
    weight = _numbers(weights, "weights", n, 1.0)
    if (weight < 0).any():
        raise ValueError(f"weights: got {weight.min():g}; takes numbers of at least 0")
    if outcome.dtype.kind != "b":
        if trials is None:
            wrong = (outcome != 0) & (outcome != 1)
            takes = "0 and 1"
        else:
            _cohorts({"y": outcome.shape[0], "trials": total.shape[0]})
            success = outcome.astype(np.float64)
            wrong = (success < 0) | (success > total) | (success != np.floor(success))
            takes = "whole numbers from 0 to trials"
        if outcome.dtype.kind == "f":
            # A cohort with a missing outcome is flagged.
            wrong &= ~np.isnan(outcome)
        if wrong.any():
            got = np.broadcast_to(outcome, wrong.shape)[wrong].ravel()[0]
            raise ValueError(f"y: got {got}; takes {takes}")
    return _Rows(outcome, matrix, total, weight, _numbers(offset, "offset", n, 0.0))


def _binomial_constants(rows: _Rows, count: int) -> FloatArray:
    """Each cohort's part of the log-likelihood without parameters, to the bits of a single fit."""
    trials = rows.trials
    if not (trials > 1.0).any():
        return np.zeros(count)

    def row(array: NDArray[np.generic], cohort: int) -> FloatArray:
        one = array[cohort if array.shape[0] > 1 else 0]
        return np.broadcast_to(one, rows.x.shape[1:2]).astype(np.float64)

    constants = np.empty(count)
    for cohort in range(count):
        y, m, w = (row(a, cohort) for a in (rows.y, trials, rows.weights))
        kept = (m * w > 0.0) & np.isfinite(y)
        constants[cohort] = binomial_constant(y[kept], m[kept], w[kept])
    return constants


def _solve_all(problem: Problem, count: int) -> tuple[Solution, FloatArray]:
    """Every cohort, a chunk at a time, and the standard errors (C, p + 1)."""
    width = problem.x.shape[2] + 1
    theta = np.empty((count, width))
    error = np.empty((count, width))
    loglik = np.empty(count)
    codes = np.empty(count, np.int64)
    iterations = np.empty(count, np.int64)
    none = np.empty((count, 0))
    for first in range(0, count, _CHUNK):
        stop = min(first + _CHUNK, count)
        part = solve(problem, first, stop)
        theta[first:stop] = part.theta
        loglik[first:stop] = part.loglik
        codes[first:stop] = part.codes
        iterations[first:stop] = part.iterations
        with np.errstate(invalid="ignore"):
            error[first:stop] = np.sqrt(np.diagonal(part.cov, axis1=1, axis2=2))
    return Solution(theta, np.empty((0, 0, 0)), loglik, codes, iterations, none, none), error


def fit_mixed_logistic_batch(
    y: ArrayLike,
    x: ArrayLike,
    group: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    nodes: int = 9,
    start: tuple[ArrayLike, ArrayLike] | None = None,
) -> MixedLogisticBatch:
    """`fit_mixed_logistic` for many cohorts of n rows each.

    y (C, n) or (n,): 0/1, or successes where ``trials`` are given. x (C, n, p) or (n, p): designs,
    their columns of ones included. group (C, n) or (n,): whole numbers from 0; labels without rows
    are no groups. trials, weights, offset (C, n) or (n,): as in `fit_mixed_logistic`. What lacks
    the first dimension is shared by all cohorts. start: coefficients (C, p) or (p,) and standard
    deviations (C,) or a number to begin from; near the solution this saves time, and it never
    decides the result beyond rounding.

    A cohort that cannot be fitted is flagged, never raised: `SEPARATED`, `SINGLE_OUTCOME`,
    `COLLINEAR`, `UNIDENTIFIED`, `SD_UNBOUNDED`, `NOT_CONVERGED`, and `INVALID` where an outcome or
    predictor is NaN or infinite. Raises ValueError on shapes that do not fit together, outcomes
    out of range, negative weights, trials, weights or offsets that are not finite, group labels
    that are not whole numbers, and nodes outside 1 to 100.
    """
    rows = _rows(y, x, trials, weights, offset)
    matrix = rows.x
    labels = whole_numbers(_array(group, "group", (1, 2)), "group")
    if labels.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"group: got {labels.shape[1]} rows a cohort; takes {matrix.shape[1]}, as many as x"
        )
    if int(labels.max()) > max(10 * labels.shape[1], 1000):
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)
    z, log_weight = gauss_hermite(nodes)
    p = matrix.shape[2]
    sizes = {**rows.sizes(), "group": labels.shape[0]}
    begin = np.full((1, p + 1), np.nan)
    if start is not None:
        try:
            coef = np.atleast_2d(np.asarray(start[0], dtype=np.float64))
            sd = np.atleast_1d(np.asarray(start[1], dtype=np.float64))
        except (TypeError, ValueError) as cause:
            raise ValueError(f"start: got {describe(start)}; takes numbers") from cause
        if coef.shape[1:] != (p,) or sd.ndim != 1 or sd.size not in (1, coef.shape[0]):
            raise ValueError(
                f"start: got shapes {coef.shape} and {sd.shape}; takes (C, {p}) and (C,), "
                f"or ({p},) and one number"
            )
        begin = np.column_stack([coef, np.broadcast_to(sd, coef.shape[0])])
        begin[~np.isfinite(begin).all(axis=1)] = np.nan
        sizes["start"] = begin.shape[0]
    count = _cohorts(sizes)
    found, error = _solve_all(
        Problem(
            y=rows.y,
            trials=rows.trials,
            weights=rows.weights,
            offset=rows.offset,
            x=matrix,
            group=labels,
            groups_max=int(labels.max()) + 1,
            nodes=z,
            log_weight=log_weight,
            start=begin,
            fixed_sd=np.full(1, np.nan),
        ),
        count,
    )
    return MixedLogisticBatch(
        coef=found.theta[:, :p].copy(),
        se=error[:, :p].copy(),
        sd=found.theta[:, p].copy(),
        sd_se=error[:, p].copy(),
        loglik=found.loglik + _binomial_constants(rows, count),
        codes=found.codes,
        iterations=found.iterations,
    )


def fit_logistic_batch(
    y: ArrayLike,
    x: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
) -> LogisticBatch:
    """`fit_logistic` for many cohorts of n rows each.

    Arguments, flags and errors as in `fit_mixed_logistic_batch`.
    """
    rows = _rows(y, x, trials, weights, offset)
    matrix = rows.x
    p = matrix.shape[2]
    count = _cohorts(rows.sizes())
    found, error = _solve_all(
        Problem(
            y=rows.y,
            trials=rows.trials,
            weights=rows.weights,
            offset=rows.offset,
            x=matrix,
            group=np.zeros((1, 1), np.int64),
            groups_max=1,
            nodes=no_nodes(),
            log_weight=no_nodes(),
            start=np.full((1, p + 1), np.nan),
            fixed_sd=np.full(1, np.nan),
        ),
        count,
    )
    return LogisticBatch(
        coef=found.theta[:, :p].copy(),
        se=error[:, :p].copy(),
        loglik=found.loglik + _binomial_constants(rows, count),
        codes=found.codes,
        iterations=found.iterations,
    )
