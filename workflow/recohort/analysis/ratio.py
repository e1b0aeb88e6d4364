"""Likelihood-ratio tests and profile limits of one coefficient of a fitted model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from recohort.analysis.model import FittedModel, fit_without
from recohort.card.analyses import CoxModel

if TYPE_CHECKING:
    from recohort.estimators.logistic_data import LogisticData
    from recohort.estimators.logistic_inference import Fit

__all__ = ["likelihood_ratio_p", "profile_limits", "safe_exp"]

NAN = float("nan")


def safe_exp(value: float) -> float:
    """The exponential, infinite where it overflows."""
    return math.inf if value >= 700 else math.exp(value)


def likelihood_ratio_p(fitted: FittedModel, term: str) -> float:
    """P of the fall in log-likelihood when a term is left out, chi-square with one degree."""
    try:
        if isinstance(fitted.model, CoxModel):
            fall = 2.0 * (fitted.loglik - fit_without(fitted, term).loglik)
            return float(chdtrc(1.0, max(0.0, fall))) if math.isfinite(fall) else NAN
        from recohort.estimators.logistic_inference import likelihood_ratio_test

        p_value = likelihood_ratio_test(*_logistic(fitted), term).p_value
    except ValueError:
        return NAN
    return NAN if p_value is None else p_value


def profile_limits(fitted: FittedModel, term: str, level: float) -> tuple[float, float]:
    """The odds ratios that a likelihood-ratio test does not reject; NaN for a Cox model."""
    if isinstance(fitted.model, CoxModel):  # A partial likelihood has no offset here.
        return NAN, NAN
    from recohort.estimators.logistic_inference import profile_interval

    try:
        found = profile_interval(*_logistic(fitted), term, level=level)
    except ValueError:
        return NAN, NAN
    return safe_exp(found.low), safe_exp(found.high)


def _logistic(fitted: FittedModel) -> tuple[Fit, LogisticData]:
    """The fit anew, as the estimators hold it, with its data."""
    from recohort.estimators.logistic import fit_logistic_data
    from recohort.estimators.logistic_data import logistic_data

    rows, model = fitted.data, fitted.model
    data = logistic_data(rows.outcome, rows.design, rows.group, None, None, None, rows.names)
    if rows.group is None or isinstance(model, CoxModel):
        return fit_logistic_data(data), data
    from recohort.estimators.mixed_logistic import fit_mixed_data

    return fit_mixed_data(data, model.nodes, np.full((1, len(rows.names) + 1), np.nan)), data
