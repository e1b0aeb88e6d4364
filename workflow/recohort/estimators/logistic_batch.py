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
from recohort.estimators.logistic_run import Problem, Solution, no_nodes, solve
from recohort.estimators.quadrature import gauss_hermite

# Cohorts handed to compiled code at a time: bounds the memory of the float64 copies.
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class LogisticBatch:
    """One row a cohort: ``coef`` and ``se`` (C, p), ``loglik``, ``codes``, ``iterations`` (C,).

    ``codes`` index `FLAGS`; ``ok`` says which are complete fits. Coefficients that diverge are
    infinite with a NaN standard error; what was not estimated is NaN.
    """

    coef: FloatArray
    se: FloatArray
    loglik: FloatArray
    codes: IntArray
    iterations: IntArray

    @property
    def flags(self) -> NDArray[np.object_]:
        """The `FitFlag` of every cohort."""
        return flags_of(self.codes)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether each fit is complete."""
        return _complete(self.codes)


@dataclass(frozen=True, slots=True)
class MixedLogisticBatch:
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

    @property
    def flags(self) -> NDArray[np.object_]:
        """The `FitFlag` of every cohort."""
        return flags_of(self.codes)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether each fit is complete, at the boundary or inside."""
        return _complete(self.codes)


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


def _outcome(y: ArrayLike, x: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    outcome = _array(y, "y", (1, 2))
    matrix = _array(x, "x", (2, 3))
    if outcome.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"y: got {outcome.shape[1]} rows a cohort; takes {matrix.shape[1]}, as many as x"
        )
    if outcome.dtype.kind != "b":
        wrong = (outcome != 0) & (outcome != 1)
        if outcome.dtype.kind == "f":
            wrong &= ~np.isnan(outcome)
        if wrong.any():
            raise ValueError(f"y: got {outcome[wrong].ravel()[0]}; takes 0 and 1")
    return outcome, matrix


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
    nodes: int = 9,
    start: tuple[ArrayLike, ArrayLike] | None = None,
) -> MixedLogisticBatch:
    """`fit_mixed_logistic` for many cohorts of n binary rows each.

    y (C, n) or (n,): 0/1. x (C, n, p) or (n, p): designs, their columns of ones included. group
    (C, n) or (n,): whole numbers from 0; labels without rows are no groups. What lacks the first
    dimension is shared by all cohorts. start: coefficients (C, p) or (p,) and standard deviations
    (C,) or a number to begin from; near the solution this saves about a third of the time, and it
    never decides the result beyond rounding.

    A cohort that cannot be fitted is flagged, never raised: `SEPARATED`, `SINGLE_OUTCOME`,
    `COLLINEAR`, `UNIDENTIFIED`, `SD_UNBOUNDED`, `NOT_CONVERGED`, and `INVALID` where an outcome or
    predictor is NaN or infinite. Raises ValueError on shapes that do not fit together, outcomes
    other than 0 and 1, group labels that are not whole numbers, and nodes outside 1 to 100.
    """
    outcome, matrix = _outcome(y, x)
    labels = whole_numbers(_array(group, "group", (1, 2)), "group")
    if labels.shape[1] != matrix.shape[1]:
        raise ValueError(
            f"group: got {labels.shape[1]} rows a cohort; takes {matrix.shape[1]}, as many as x"
        )
    if int(labels.max()) > max(10 * labels.shape[1], 1000):
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)
    z, log_weight = gauss_hermite(nodes)
    p = matrix.shape[2]
    sizes = {"y": outcome.shape[0], "x": matrix.shape[0], "group": labels.shape[0]}
    begin = np.full((1, p + 1), np.nan)
    if start is not None:
        coef = np.atleast_2d(np.asarray(start[0], dtype=np.float64))
        sd = np.atleast_1d(np.asarray(start[1], dtype=np.float64))
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
            y=outcome,
            trials=np.ones((1, 1)),
            weights=np.ones((1, 1)),
            offset=np.zeros((1, 1)),
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
        loglik=found.loglik,
        codes=found.codes,
        iterations=found.iterations,
    )


def fit_logistic_batch(y: ArrayLike, x: ArrayLike) -> LogisticBatch:
    """`fit_logistic` for many cohorts of n binary rows each.

    y (C, n) or (n,): 0/1. x (C, n, p) or (n, p): designs, their columns of ones included. What
    lacks the first dimension is shared by all cohorts. Flags and errors as in
    `fit_mixed_logistic_batch`.
    """
    outcome, matrix = _outcome(y, x)
    p = matrix.shape[2]
    count = _cohorts({"y": outcome.shape[0], "x": matrix.shape[0]})
    found, error = _solve_all(
        Problem(
            y=outcome,
            trials=np.ones((1, 1)),
            weights=np.ones((1, 1)),
            offset=np.zeros((1, 1)),
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
        loglik=found.loglik,
        codes=found.codes,
        iterations=found.iterations,
    )
