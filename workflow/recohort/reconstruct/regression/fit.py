"""Batches of refits of one regression, and how its profile likelihood curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recohort.analysis.frame import BoolArray
from recohort.cohort import FloatArray, IntArray
from recohort.estimators.fit_flag import FLAGS
from recohort.estimators.logistic_run import Problem, Solution, no_nodes, solve
from recohort.estimators.quadrature import gauss_hermite
from recohort.reconstruct.regression.targets import Regression, TermTarget

__all__ = ["Fit", "fit_states", "profile_curve"]

_CONVERGED = np.array([flag.converged for flag in FLAGS])


@dataclass(frozen=True, slots=True)
class Fit:
    """Fits of one model to C states: (C, p) coefficients and standard errors, SD and status."""

    coef: FloatArray
    se: FloatArray
    sd: FloatArray
    loglik: FloatArray
    usable: BoolArray


def _solve(
    regression: Regression, x: FloatArray, offset: FloatArray, start: FloatArray
) -> Solution:
    nodes, weights = no_nodes(), no_nodes()
    group: IntArray = np.zeros((1, 1), np.int64)
    if regression.group is not None:
        nodes, weights = gauss_hermite(regression.model.nodes)
        group = regression.group[None]
    problem = Problem(
        y=regression.y[None],
        trials=np.ones((1, 1)),
        weights=np.ones((1, 1)),
        offset=offset,
        x=np.ascontiguousarray(x),
        group=group,
        groups_max=int(group.max()) + 1,
        nodes=nodes,
        log_weight=weights,
        start=start,
        fixed_sd=np.full(1, np.nan),
    )
    return solve(problem, 0, x.shape[0])


def fit_states(regression: Regression, x: FloatArray, near: Fit | None = None) -> Fit:
    """Fit a model to designs (C, rows, p), starting from a fit nearby."""
    p = x.shape[2]
    start = np.full((1, p + 1), np.nan)
    if near is not None and near.usable[0]:
        start = np.append(near.coef[0], near.sd[0])[None]
    found = _solve(regression, x, np.zeros((1, 1)), start)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.diagonal(found.cov, axis1=1, axis2=2))
    return Fit(
        coef=found.theta[:, :p].copy(),
        se=error[:, :p].copy(),
        sd=found.theta[:, p].copy(),
        loglik=found.loglik,
        usable=_CONVERGED[found.codes],
    )


def _root(
    regression: Regression, x: FloatArray, fit: Fit, columns: IntArray, at: FloatArray
) -> FloatArray:
    """Signed roots of twice the fall in log-likelihood with each column's coefficient held."""
    p = x.shape[1]
    keep = np.array([[k for k in range(p) if k != column] for column in columns])
    others = np.moveaxis(x[:, keep], 1, 0)
    offset = (x[:, columns] * at).T
    start = np.column_stack([fit.coef[0][keep], np.full(columns.size, fit.sd[0])])
    found = _solve(regression, others, np.ascontiguousarray(offset), start)
    fall = np.where(_CONVERGED[found.codes], fit.loglik[0] - found.loglik, np.nan)
    return np.asarray(np.sqrt(np.maximum(2.0 * fall, 0.0)))


def profile_curve(
    regression: Regression, x: FloatArray, fit: Fit, guess: FloatArray | None
) -> FloatArray:
    """How much further than Wald's a profile limit, or the likelihood ratio's root, lies: (T,).

    1 for targets that follow from a coefficient and its standard error; NaN where there is no fit.
    """
    curve = np.ones(len(regression.terms))
    profiled = [i for i, one in enumerate(regression.terms) if one.is_profiled]
    if not profiled:
        return curve
    if not fit.usable[0]:
        curve[profiled] = np.nan
        return curve
    tests = np.array([i for i in profiled if _is_test(regression.terms[i])], dtype=int)
    if tests.size:
        columns = regression.columns[tests]
        wald = np.abs(fit.coef[0, columns] / fit.se[0, columns])
        root = _root(regression, x, fit, columns, np.zeros(tests.size))
        curve[tests] = root / np.maximum(wald, 1e-9)
    limits = np.array([i for i in profiled if not _is_test(regression.terms[i])], dtype=int)
    if limits.size:
        curve[limits] = _limits(regression, x, fit, limits, guess)
    return curve


def _is_test(one: TermTarget) -> bool:
    return one.statistic.level is None


def _limits(
    regression: Regression, x: FloatArray, fit: Fit, limits: IntArray, guess: FloatArray | None
) -> FloatArray:
    """Profile limits by regula falsi on the root, which is almost a straight line."""
    columns, reach = regression.columns[limits], regression.reach[limits]
    b, se = fit.coef[0, columns], fit.se[0, columns]
    wanted = np.abs(reach)
    curve = np.ones(limits.size) if guess is None else np.nan_to_num(guess[limits], nan=1.0)
    before, height = np.zeros(limits.size), np.zeros(limits.size)
    for _ in range(12):
        root = _root(regression, x, fit, columns, b + reach * se * curve)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = (root - height) / (curve - before)
            after = curve + (wanted - root) / slope
        done = np.abs(root - wanted) < 1e-9
        after = np.where(done | ~np.isfinite(after) | (after <= 0.0), curve, after)
        before, height = curve, root
        if done.all() or not np.isfinite(root).all():
            break
        curve = after
    return np.where(np.isfinite(root), curve, np.nan)
