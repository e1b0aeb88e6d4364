"""Intervals and p-values of logistic and mixed-effects logistic fits.

Wald's need the fit alone. Likelihood ratios and profiles refit, so they take the data too: the
`LogisticData` that `logistic_data` makes from the arguments of the fit. A Firth fit is profiled by
its penalised likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from recohort.estimators.arguments import confidence_level, number
from recohort.estimators.firth import fit_firth_data
from recohort.estimators.fit_flag import FitFlag
from recohort.estimators.logistic import LogisticFit, fit_logistic_data
from recohort.estimators.logistic_data import LogisticData
from recohort.estimators.mixed_logistic import MixedLogisticFit, fit_mixed_data
from recohort.estimators.result import HypothesisTest, Interval

Fit = LogisticFit | MixedLogisticFit


def column_index(fit: Fit, column: int | str) -> int:
    """The position of a column given by name or position."""
    if isinstance(column, str):
        if column not in fit.names:
            raise ValueError(f"column: got {column!r}; takes one of {', '.join(fit.names)}")
        return fit.names.index(column)
    if not 0 <= column < len(fit.names):
        raise ValueError(f"column: got {column}; takes 0 to {len(fit.names) - 1}")
    return column


def _quantile(level: float, df: float | None) -> float:
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + 0.5 * confidence_level(level)
    if df is None:
        return float(ndtri(upper))
    return float(stdtrit(number(df, "df", 0.0, open_low=True), upper))


def wald_interval(
    fit: Fit, column: int | str, *, level: float = 0.95, df: float | None = None
) -> Interval:
    """coef -+ q * se on the logit scale, q of the normal or, with ``df``, of Student's t.

    Coefficients that are not finite give (-inf, inf).
    """
    j = column_index(fit, column)
    reach = _quantile(level, df) * fit.se[j]
    if not math.isfinite(reach):
        return Interval(-math.inf, math.inf, level)
    return Interval(float(fit.coef[j] - reach), float(fit.coef[j] + reach), level)


def wald_test(fit: Fit, column: int | str, *, df: float | None = None) -> HypothesisTest:
    """z = coef / se against 0, two-sided, by the normal or, with ``df``, by Student's t."""
    from scipy.special import ndtr, stdtr

    j = column_index(fit, column)
    statistic = float(fit.coef[j] / fit.se[j]) if np.isfinite(fit.coef[j]) else math.nan
    if not math.isfinite(statistic):
        return HypothesisTest(None, None, df, fit.message)
    if df is None:
        return HypothesisTest(statistic, float(2.0 * ndtr(-abs(statistic))))
    degrees = number(df, "df", 0.0, open_low=True)
    return HypothesisTest(statistic, float(2.0 * stdtr(degrees, -abs(statistic))), degrees)


def _chi2_tail(statistic: float) -> float:
    return math.erfc(math.sqrt(max(statistic, 0.0) / 2.0))


def _value(fit: Fit) -> float:
    return fit.penalised_loglik if isinstance(fit, LogisticFit) else fit.loglik


def _profiled(fit: Fit, data: LogisticData, j: int) -> Callable[[float], float]:
    """The log-likelihood with coefficient j held at a value, the others at their best."""
    rest = [k for k in range(len(fit.names)) if k != j]
    column = data.x[:, j]
    begin = np.full((1, len(rest) + 1), np.nan)
    if isinstance(fit, MixedLogisticFit) and np.isfinite(fit.coef).all():
        begin[0] = [*fit.coef[rest], fit.sd]

    def value(held: float) -> float:
        if isinstance(fit, LogisticFit) and fit.penalised:
            return fit_firth_data(data, {j: held}).penalised_loglik
        reduced = LogisticData(
            data.success,
            data.trials,
            data.weights,
            data.offset + held * column,
            np.ascontiguousarray(data.x[:, rest]),
            tuple(fit.names[k] for k in rest),
            data.group,
            data.labels,
        )
        if isinstance(fit, LogisticFit):
            return fit_logistic_data(reduced).loglik
        again = fit_mixed_data(reduced, fit.nodes, begin)
        return again.loglik if again.converged else math.nan

    return value


def _complete(fit: Fit) -> bool:
    """Whether the fit's log-likelihood is the supremum that a ratio compares with."""
    if isinstance(fit, LogisticFit):
        return fit.converged or fit.flag is FitFlag.SEPARATED
    return fit.converged


def likelihood_ratio_test(fit: Fit, data: LogisticData, column: int | str) -> HypothesisTest:
    """2 (loglik - loglik without the column) against chi-square with 1 degree of freedom.

    Penalised likelihoods for a Firth fit (Heinze and Schemper 2002). A mixed fit is compared with
    one whose standard deviation is estimated anew. No p-value where the fit is not complete, and
    the note says why; a separated fit of the ordinary model has a finite ratio and so a p-value.
    """
    j = column_index(fit, column)
    if not _complete(fit):
        return HypothesisTest(None, None, 1.0, fit.message)
    statistic = 2.0 * (_value(fit) - _profiled(fit, data, j)(0.0))
    if math.isnan(statistic):
        return HypothesisTest(None, None, 1.0, "The fit without the column is not complete.")
    statistic = max(statistic, 0.0)
    return HypothesisTest(statistic, _chi2_tail(statistic), 1.0)


def _root(gap: Callable[[float], float], inside: float, step: float) -> float:
    """Where ``gap`` rises through 0 from ``inside`` on by ``step``; infinite if never."""
    from scipy.optimize import brentq

    low, reach = inside, step
    while abs(reach) < 1e3 * abs(step):
        high = inside + reach
        value = gap(high)
        if math.isnan(value):
            return math.nan
        if value > 0.0:
            return float(brentq(gap, low, high, xtol=1e-10 * abs(step), rtol=1e-12))
        low = high
        reach *= 1.6
    return math.copysign(math.inf, step)


def profile_interval(
    fit: Fit, data: LogisticData, column: int | str, *, level: float = 0.95
) -> Interval:
    """The coefficients that a likelihood-ratio test at 1 - level does not reject, in logits.

    The profile takes the maximum over all other parameters, the standard deviation included;
    penalised likelihoods for a Firth fit. Under separation of the ordinary model the side that
    diverges is infinite and the other is found. Raises ValueError for other fits that are not
    complete. A side is infinite too where the likelihood never falls far enough.

    Source: Venzon and Moolgavkar 1988, J R Stat Soc C 37:87-94.
    """
    j = column_index(fit, column)
    if not _complete(fit):
        raise ValueError(f"fit: got one that ended {fit.flag}; takes a complete fit")
    reach = _quantile(level, None)
    value = _profiled(fit, data, j)
    best = _value(fit)

    def gap(held: float) -> float:
        return 2.0 * (best - value(held)) - reach * reach

    centre, error = float(fit.coef[j]), float(fit.se[j])
    if math.isinf(centre):
        scale = 1.0 / max(float(np.abs(data.x[:, j]).max()), 1e-300)
        side = math.copysign(1.0, centre)
        inside = 5.0 * side * scale
        for _ in range(20):
            if gap(inside) < 0.0:
                break
            inside += 5.0 * side * scale
        else:
            raise ValueError("fit: got a likelihood that does not rise; takes a complete fit")
        other = _root(gap, inside, -side * scale)
        return Interval(other, math.inf, level) if side > 0 else Interval(-math.inf, other, level)
    if not math.isfinite(error):
        raise ValueError(f"fit: got no standard error ({fit.flag}); takes a complete fit")
    return Interval(_root(gap, centre, -reach * error), _root(gap, centre, reach * error), level)


def sd_wald_interval(fit: MixedLogisticFit, *, level: float = 0.95) -> Interval:
    """sd * exp(-+ q sd_se / sd): Wald's interval of the random intercept's log standard deviation.

    Raises ValueError at the boundary, where there is none.
    """
    if not fit.sd > 0.0 or not math.isfinite(fit.sd_se):
        raise ValueError(f"fit: got standard deviation {fit.sd:g} ({fit.flag}); takes one above 0")
    factor = math.exp(_quantile(level, None) * fit.sd_se / fit.sd)
    return Interval(fit.sd / factor, fit.sd * factor, level)


def _at_sd(fit: MixedLogisticFit, data: LogisticData, sd: float) -> float:
    begin = np.append(fit.coef, sd)[None, :]
    again = fit_mixed_data(data, fit.nodes, begin, fixed_sd=sd)
    return again.loglik if again.converged else math.nan


def sd_profile_interval(
    fit: MixedLogisticFit, data: LogisticData, *, level: float = 0.95
) -> Interval:
    """The standard deviations that a likelihood-ratio test at 1 - level does not reject.

    The lower limit is 0 where 0 is not rejected; the reference distribution is chi-square with 1
    degree of freedom throughout, which is conservative close to 0. Raises ValueError unless the
    fit is complete.
    """
    if not fit.converged:
        raise ValueError(f"fit: got one that ended {fit.flag}; takes a complete fit")
    reach = _quantile(level, None)

    def gap(sd: float) -> float:
        return 2.0 * (fit.loglik - _at_sd(fit, data, sd)) - reach * reach

    step = reach * fit.sd_se if math.isfinite(fit.sd_se) else 0.5
    high = _root(gap, fit.sd, step)
    low = 0.0
    if fit.sd > 0.0 and gap(0.0) > 0.0:
        from scipy.optimize import brentq

        low = float(brentq(gap, 0.0, fit.sd, xtol=1e-10, rtol=1e-12))
    return Interval(low, high, level)


def sd_test(fit: MixedLogisticFit, data: LogisticData) -> HypothesisTest:
    """Likelihood-ratio test that the standard deviation is 0, against (chi2_0 + chi2_1) / 2.

    Source: Self and Liang 1987, J Am Stat Assoc 82:605-610, case 5.
    """
    if not fit.converged:
        return HypothesisTest(None, None, None, fit.message)
    statistic = max(2.0 * (fit.loglik - _at_sd(fit, data, 0.0)), 0.0)
    p_value = 1.0 if statistic == 0.0 else 0.5 * _chi2_tail(statistic)
    return HypothesisTest(statistic, p_value)
