"""Logistic regression penalised by Jeffreys' prior (Firth's method)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray
from recohort.estimators.fit_flag import FitFlag, meaning
from recohort.estimators.logistic import LogisticFit, binomial_constant
from recohort.estimators.logistic_data import LogisticData, dependent_columns, logistic_data

_MAX_ITERATIONS = 500


def _evaluate(
    data: LogisticData, beta: FloatArray
) -> tuple[float, float, FloatArray, FloatArray, FloatArray]:
    """Log-likelihoods without and with penalty, modified score, information, its inverse."""
    eta = data.offset + data.x @ beta
    total = data.weights * data.trials
    prob: FloatArray = np.where(eta >= 0, 1.0, np.exp(np.minimum(eta, 0.0))) / (
        1.0 + np.exp(-np.abs(eta))
    )
    weight = total * prob * (1.0 - prob)
    information = (data.x * weight[:, None]).T @ data.x
    sign, log_det = np.linalg.slogdet(information)
    loglik = float((data.weights * data.success) @ eta - total @ np.logaddexp(0.0, eta))
    if sign <= 0:
        return loglik, -np.inf, np.zeros_like(beta), information, information
    inverse: FloatArray = np.asarray(np.linalg.inv(information), dtype=np.float64)
    leverage = weight * np.einsum("ij,jk,ik->i", data.x, inverse, data.x)
    residual = data.weights * data.success - total * prob + leverage * (0.5 - prob)
    return loglik, loglik + 0.5 * float(log_det), data.x.T @ residual, information, inverse


def fit_firth_data(data: LogisticData, held: dict[int, float] | None = None) -> LogisticFit:
    """Firth's estimate from checked data; ``held`` keeps columns at given coefficients.

    The penalty is that of the whole model also where columns are held, as the penalised likelihood
    ratio asks. Raises ValueError on collinear columns.
    """
    fixed = held or {}
    p = data.x.shape[1]
    free = [j for j in range(p) if j not in fixed]
    beta = np.zeros(p)
    for j, value in fixed.items():
        beta[j] = value
    problem = dependent_columns(data.x, data.names)
    if problem:
        raise ValueError(f"x: got collinear columns ({problem})")
    loglik, penalised, score, information, inverse = _evaluate(data, beta)
    converged = False
    iteration = 0
    while iteration < _MAX_ITERATIONS and np.isfinite(penalised):
        iteration += 1
        if not free:
            converged = True
            break
        step = np.zeros(p)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], score[free])
        size = float(max(float(step @ information @ step), 0.0)) ** 0.5
        # Far from the estimate the information is nearly flat: at most five standard errors a
        # step, and at most five logits a row.
        reach = max(size / 5.0, float(np.abs(data.x @ step).max()) / 5.0, 1.0)
        step /= reach
        for _ in range(30):
            trial = _evaluate(data, beta + step)
            if trial[1] >= penalised - 1e-12 * (1.0 + abs(penalised)):
                break
            step *= 0.5
        beta = beta + step
        loglik, penalised, score, information, inverse = trial
        if size < 1e-9:
            converged = True
            break
    flag = FitFlag.OK if converged else FitFlag.NOT_CONVERGED
    constant = binomial_constant(data.success, data.trials, data.weights)
    return LogisticFit(
        coef=beta,
        se=np.sqrt(np.diag(inverse)),
        cov=inverse,
        loglik=loglik + constant,
        penalised_loglik=penalised + constant,
        aic=-2.0 * (loglik + constant) + 2.0 * p,
        deviance=-2.0 * (loglik + constant),
        n=data.n,
        events=data.events,
        iterations=iteration,
        converged=converged,
        penalised=True,
        flag=flag,
        message=meaning(flag),
        names=data.names,
        separated=(),
    )


def firth_logistic(
    y: ArrayLike,
    x: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> LogisticFit:
    """Logistic regression with Firth's penalty: finite estimates whatever the separation.

    Maximises loglik + log det(X' W X) / 2 (Jeffreys' prior), solving for each column
    sum_i [w_i (y_i - m_i p_i) + h_i (1/2 - p_i)] x_ij = 0 with h the leverages. Arguments as for
    `fit_logistic`. ``cov`` is the inverse of the information at the estimate; Wald intervals are
    poor under separation, where `profile_interval` should be used.

    Raises ValueError as `fit_logistic`. The random intercept has no such penalty here.

    Source: Firth 1993, Biometrika 80:27-38; Heinze and Schemper 2002, Stat Med 21:2409-2419.
    """
    return fit_firth_data(logistic_data(y, x, None, trials, weights, offset, names))
