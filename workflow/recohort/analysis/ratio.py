"""Likelihood-ratio tests and profile limits of one coefficient of a fitted model."""

from __future__ import annotations

import math

from scipy.special import chdtrc, ndtri

from recohort.analysis.model import FittedModel, fit_without
from recohort.card import analyses as asked
from recohort.cohort import FloatArray

__all__ = ["likelihood_ratio_p", "profile_limits", "safe_exp"]

NAN = float("nan")


def safe_exp(value: float) -> float:
    """The exponential, infinite where it overflows."""
    return math.inf if value >= 700 else math.exp(value)


def likelihood_ratio_p(fitted: FittedModel, term: str) -> float:
    """P of the fall in log-likelihood when a term is left out, chi-square with one degree."""
    try:
        without = fit_without(fitted, term)
    except ValueError:
        return NAN
    fall = 2.0 * (fitted.loglik - without.loglik)
    return float(chdtrc(1.0, max(0.0, fall))) if math.isfinite(fall) else NAN


def profile_limits(fitted: FittedModel, term: str, level: float) -> tuple[float, float]:
    """Where a coefficient's profile log-likelihood has fallen by half a chi-square quantile."""
    from scipy.optimize import brentq

    b, se = fitted.coef[term], fitted.se[term]
    if not (math.isfinite(b) and math.isfinite(se) and se > 0):
        return NAN, NAN
    if isinstance(fitted.model, asked.CoxModel):  # A partial likelihood has no offset here.
        return NAN, NAN
    drop = float(ndtri(0.5 + level / 2.0)) ** 2 / 2.0
    column = fitted.data.names.index(term)
    keep = [index for index in range(len(fitted.data.names)) if index != column]
    fixed = fitted.data.design[:, column]

    def height(value: float) -> float:
        return _offset_loglik(fitted, keep, value * fixed) - fitted.loglik + drop

    limits = []
    for side in (-1.0, 1.0):
        reach = 2.0
        while height(b + side * reach * se) > 0 and reach < 64:
            reach *= 2.0
        try:
            limits.append(safe_exp(float(brentq(height, b, b + side * reach * se, xtol=1e-8))))
        except ValueError:
            limits.append(math.inf if side > 0 else 0.0)
    return limits[0], limits[1]


def _offset_loglik(fitted: FittedModel, keep: list[int], offset: FloatArray) -> float:
    data, model = fitted.data, fitted.model
    if data.group is not None and isinstance(model, asked.LogisticModel):
        from recohort.estimators.mixed_logistic import fit_mixed_logistic

        return fit_mixed_logistic(
            data.outcome, data.design[:, keep], data.group, offset=offset, nodes=model.nodes
        ).loglik
    from recohort.estimators.logistic import fit_logistic

    return fit_logistic(data.outcome, data.design[:, keep], offset=offset).loglik
