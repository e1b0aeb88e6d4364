"""The one door to the compiled logistic core.

Every call has the same array types, so that one machine-code version serves all fits, any number
of nodes, predictors and groups, and is compiled once and kept on disk. numba keeps it beside the
source, else in the user's cache directory; ``NUMBA_CACHE_DIR`` names another place. Importing this
module does not import numba: the first fit does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.arguments import FloatArray, IntArray
from recohort.estimators.fit_flag import FLAGS


@dataclass(frozen=True, slots=True)
class Problem:
    """Cohorts to fit; an array whose first size is 1 is shared by all.

    ``y``, ``trials``, ``weights``, ``offset``, ``group`` (C, n), or (C, 1) for one value on all
    rows; ``x`` (C, n, p); ``start`` (C, p + 1), NaN for none; ``fixed_sd`` (C,), NaN where it is
    estimated. Without ``nodes`` (both of size 0) there is no random intercept.
    """

    y: NDArray[np.generic]
    trials: FloatArray
    weights: FloatArray
    offset: FloatArray
    x: NDArray[np.generic]
    group: NDArray[np.generic]
    groups_max: int
    nodes: FloatArray
    log_weight: FloatArray
    start: FloatArray
    fixed_sd: FloatArray


@dataclass(frozen=True, slots=True)
class Solution:
    """``theta`` (C, p + 1), ``cov`` (C, p + 1, p + 1); ``modes`` and ``mode_sd`` (C, groups)."""

    theta: FloatArray
    cov: FloatArray
    loglik: FloatArray
    codes: IntArray
    iterations: IntArray
    modes: FloatArray
    mode_sd: FloatArray


def no_nodes() -> FloatArray:
    """Nodes of a model without random intercept."""
    return np.empty(0)


def solve(problem: Problem, first: int, stop: int, modes: bool = False) -> Solution:
    """Fit cohorts ``first`` to ``stop``; the random intercepts' modes too, on request."""
    from recohort.estimators.mixed_logistic_batch_kernel import fit_mixed_batch

    count = stop - first
    p = problem.x.shape[2]
    columns = problem.groups_max if modes else 0

    def part(array: NDArray[np.generic]) -> FloatArray:
        piece = array if array.shape[0] == 1 else array[first:stop]
        return np.require(piece, np.float64, ["C", "W"])

    group = problem.group if problem.group.shape[0] == 1 else problem.group[first:stop]
    result = Solution(
        theta=np.empty((count, p + 1)),
        cov=np.empty((count, p + 1, p + 1)),
        loglik=np.empty(count),
        codes=np.empty(count, np.int64),
        iterations=np.empty(count, np.int64),
        modes=np.full((count, columns), np.nan),
        mode_sd=np.full((count, columns), np.nan),
    )
    fit_mixed_batch(
        part(problem.y),
        part(problem.trials),
        part(problem.weights),
        part(problem.offset),
        part(problem.x),
        np.require(group, np.int64, ["C", "W"]),
        problem.groups_max,
        np.require(problem.nodes, np.float64, ["C", "W"]),
        np.require(problem.log_weight, np.float64, ["C", "W"]),
        part(problem.start),
        part(problem.fixed_sd),
        result.theta,
        result.cov,
        result.loglik,
        result.codes,
        result.iterations,
        result.modes,
        result.mode_sd,
    )
    # A search that ended nowhere leaves the covariance of a point on its way.
    incomplete = [code for code, flag in enumerate(FLAGS) if not flag.converged]
    result.cov[np.isin(result.codes, incomplete)] = np.nan
    return result
