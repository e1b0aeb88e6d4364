"""Logistic regression by maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray
from recohort.estimators.fit_flag import FLAGS, FitFlag, meaning
from recohort.estimators.logistic_data import LogisticData, dependent_columns, logistic_data
from recohort.estimators.logistic_run import Problem, no_nodes, solve
from recohort.estimators.separation import in_limit, limit_of


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """A logistic fit, by maximum likelihood or, if ``penalised``, by Firth's method.

    ``coef``, ``se`` (p,), ``cov`` (p, p) from the information; ``loglik`` without penalty,
    ``penalised_loglik`` with it (equal where there is none). ``n`` and ``events`` count trials.
    ``flag`` and ``message`` say how the fit ended; ``separated`` names columns that diverge, whose
    coefficients are infinite. The other coefficients, their standard errors and ``loglik`` are then
    those of the limit, the fit of the rows that the separation leaves in doubt (`limit_of`).
    """

    coef: FloatArray
    se: FloatArray
    cov: FloatArray
    loglik: float
    penalised_loglik: float
    aic: float
    deviance: float
    n: float
    events: float
    iterations: int
    converged: bool
    penalised: bool
    flag: FitFlag
    message: str
    names: tuple[str, ...]
    separated: tuple[str, ...]


def binomial_constant(success: FloatArray, trials: FloatArray, weights: FloatArray) -> float:
    """The part of the log-likelihood without parameters: sum of weights * log C(trials, y)."""
    if (trials <= 1.0).all():
        return 0.0
    return math.fsum(
        w * (math.lgamma(m + 1.0) - math.lgamma(s + 1.0) - math.lgamma(m - s + 1.0))
        for w, m, s in zip(weights, trials, success, strict=True)
    )


def diverging(coef: FloatArray, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the coefficients that are infinite."""
    return tuple(name for name, value in zip(names, coef, strict=True) if np.isinf(value))


def fit_logistic_data(data: LogisticData) -> LogisticFit:
    """Fit checked data. Raises ValueError on collinear columns."""
    p = data.x.shape[1]
    found = solve(
        Problem(
            y=data.success[None],
            trials=data.trials[None],
            weights=data.weights[None],
            offset=data.offset[None],
            x=data.x[None],
            group=np.zeros((1, 1), np.int64),
            groups_max=1,
            nodes=no_nodes(),
            log_weight=no_nodes(),
            start=np.full((1, p + 1), np.nan),
            fixed_sd=np.full(1, np.nan),
        ),
        0,
        1,
    )
    flag = FLAGS[int(found.codes[0])]
    if flag is FitFlag.COLLINEAR:
        raise ValueError(f"x: got collinear columns ({dependent_columns(data.x, data.names)})")
    coef = found.theta[0, :p]
    separated: tuple[str, ...] = ()
    covariance = found.cov[0, :p, :p]
    value = float(found.loglik[0]) + binomial_constant(data.success, data.trials, data.weights)
    if flag is FitFlag.SEPARATED:
        separated = diverging(coef, data.names)
        limit = limit_of(data)
        if limit is not None:
            rest = fit_logistic_data(limit.data)
            if rest.converged:
                coef, covariance = in_limit(limit, coef, p, rest.coef, rest.cov)
                value = rest.loglik
    return LogisticFit(
        coef=coef,
        se=np.sqrt(np.diag(covariance)),
        cov=covariance,
        loglik=value,
        penalised_loglik=value,
        aic=-2.0 * value + 2.0 * p,
        deviance=-2.0 * value,
        n=data.n,
        events=data.events,
        iterations=int(found.iterations[0]),
        converged=flag.converged,
        penalised=False,
        flag=flag,
        message=meaning(flag, separated),
        names=data.names,
        separated=separated,
    )


def fit_logistic(
    y: ArrayLike,
    x: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> LogisticFit:
    """Logistic regression by maximum likelihood.

    Model: y_i ~ Binomial(trials_i, p_i), logit p_i = offset_i + x_i' beta. y (n,): 0/1, or
    successes when ``trials`` (n,) is given. x (n, p): the design, with its column of ones if an
    intercept is meant. weights (n,): frequency weights, at least 0. offset (n,): in logits.
    ``loglik`` counts the binomial coefficients, and ``deviance`` is -2 loglik, not the residual
    deviance.

    Separation and one outcome only are flagged, see `LogisticFit`. Raises ValueError on wrong
    shapes, NaN, infinities, strings, outcomes out of range, negative weights, collinear columns.

    Source: McCullagh and Nelder 1989, Generalized Linear Models, chapter 4 (Newton's method, which
    for the logit is iteratively reweighted least squares).
    """
    return fit_logistic_data(logistic_data(y, x, None, trials, weights, offset, names))
