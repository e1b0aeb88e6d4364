"""Mixed-effects logistic regression with a random intercept, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from recohort.estimators.arguments import FloatArray, number, vector
from recohort.estimators.fit_flag import FLAGS, FitFlag, meaning
from recohort.estimators.logistic import binomial_constant, diverging
from recohort.estimators.logistic_data import LogisticData, dependent_columns, logistic_data
from recohort.estimators.logistic_run import Problem, solve
from recohort.estimators.quadrature import gauss_hermite
from recohort.estimators.separation import Limit, in_limit, limit_of


@dataclass(frozen=True, slots=True)
class MixedLogisticFit:
    """A random-intercept logistic fit.

    ``coef``, ``se`` (p,); ``cov`` (p + 1, p + 1) of the coefficients and the standard deviation,
    from the full observed information; ``sd`` of the random intercept in logits, ``sd_se`` its
    standard error; ``modes`` and ``mode_sd`` (groups,) the random intercepts' conditional modes
    and standard deviations in logits, by ``labels``. ``n`` and ``events`` count trials. At the
    boundary (``sd`` 0) everything of the standard deviation but itself is NaN and the modes are 0.
    ``flag`` and ``message`` say how the fit ended; ``separated`` names columns that diverge, whose
    coefficients are infinite. The other estimates are then those of the limit, the fit of the rows
    that the separation leaves in doubt (`limit_of`), where that can be fitted, else NaN.
    """

    coef: FloatArray
    se: FloatArray
    cov: FloatArray
    sd: float
    sd_se: float
    loglik: float
    aic: float
    deviance: float
    n: float
    groups: int
    events: float
    iterations: int
    nodes: int
    converged: bool
    flag: FitFlag
    message: str
    names: tuple[str, ...]
    separated: tuple[str, ...]
    labels: tuple[object, ...]
    modes: FloatArray
    mode_sd: FloatArray


def _start(start: tuple[ArrayLike, float] | None, p: int) -> FloatArray:
    if start is None:
        return np.full((1, p + 1), np.nan)
    coef = vector(start[0], "start")
    if coef.size != p:
        raise ValueError(f"start: got {coef.size} coefficients; takes {p}, one a column of x")
    return np.append(coef, number(start[1], "start", 0.0))[None, :]


def _limit_fit(
    data: LogisticData, nodes: int, fixed_sd: float
) -> tuple[Limit, MixedLogisticFit] | None:
    """A separated cohort's limit and its fit; None where there is none, or it is not complete."""
    limit = limit_of(data)
    if limit is None:
        return None
    begin = np.full((1, len(limit.columns) + 1), np.nan)
    try:
        fit = fit_mixed_data(limit.data, nodes, begin, fixed_sd)
    except ValueError:
        # The rows that are left are all of one group, or each of its own.
        return None
    return (limit, fit) if fit.converged else None


def fit_mixed_data(
    data: LogisticData, nodes: int, start: FloatArray, fixed_sd: float = np.nan
) -> MixedLogisticFit:
    """Fit checked data; ``fixed_sd`` holds the standard deviation at a value unless NaN.

    ``start`` is (1, p + 1), NaN for none. Raises ValueError on collinear columns, on a single
    group, and when no group has two trials.
    """
    if data.group is None:
        raise ValueError("group: got None; takes one label a row")
    z, log_weight = gauss_hermite(nodes)
    p = data.x.shape[1]
    count = len(data.labels)
    found = solve(
        Problem(
            y=data.success[None],
            trials=data.trials[None],
            weights=data.weights[None],
            offset=data.offset[None],
            x=data.x[None],
            group=data.group[None],
            groups_max=count,
            nodes=z,
            log_weight=log_weight,
            start=start,
            fixed_sd=np.array([fixed_sd]),
        ),
        0,
        1,
        modes=True,
    )
    flag = FLAGS[int(found.codes[0])]
    if flag is FitFlag.COLLINEAR:
        raise ValueError(f"x: got collinear columns ({dependent_columns(data.x, data.names)})")
    if flag is FitFlag.UNIDENTIFIED:
        raise ValueError(
            f"group: got {count} group{'s' * (count != 1)} of {data.n:g} trials; "
            "takes at least two groups, one of them with two or more trials"
        )
    coef, sd = found.theta[0, :p], float(found.theta[0, p])
    separated: tuple[str, ...] = ()
    covariance = found.cov[0]
    value = float(found.loglik[0]) + binomial_constant(data.success, data.trials, data.weights)
    if flag is FitFlag.SEPARATED:
        separated = diverging(coef, data.names)
        rest = _limit_fit(data, nodes, fixed_sd)
        if rest is None:
            coef, value = np.where(np.isinf(coef), coef, np.nan), np.nan
        else:
            limit, fit = rest
            coef, covariance = in_limit(limit, coef, p + 1, fit.coef, fit.cov)
            sd, value = fit.sd, fit.loglik
            covariance[p, p] = fit.cov[-1, -1]
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.diag(covariance))
    parameters = p + (0 if np.isfinite(fixed_sd) else 1)
    return MixedLogisticFit(
        coef=coef,
        se=error[:p],
        cov=covariance,
        sd=sd,
        sd_se=float(error[p]),
        loglik=value,
        aic=-2.0 * value + 2.0 * parameters,
        deviance=-2.0 * value,
        n=data.n,
        groups=count,
        events=data.events,
        iterations=int(found.iterations[0]),
        nodes=int(z.size),
        converged=flag.converged,
        flag=flag,
        message=meaning(flag, separated),
        names=data.names,
        separated=separated,
        labels=data.labels,
        modes=np.zeros(count) if flag is FitFlag.BOUNDARY else found.modes[0],
        mode_sd=np.zeros(count) if flag is FitFlag.BOUNDARY else found.mode_sd[0],
    )


def fit_mixed_logistic(
    y: ArrayLike,
    x: ArrayLike,
    group: ArrayLike,
    *,
    trials: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    nodes: int = 9,
    names: Sequence[str] | None = None,
    start: tuple[ArrayLike, float] | None = None,
) -> MixedLogisticFit:
    """Random-intercept logistic regression by maximum likelihood.

    Model: y_i ~ Binomial(trials_i, p_i), logit p_i = offset_i + x_i' beta + sd * u_g(i), with
    u_g ~ N(0, 1) independent. The likelihood integrates u out by adaptive Gauss-Hermite quadrature
    with ``nodes`` nodes; 1 is Laplace's approximation. Standard errors come from the observed
    information of all parameters, the standard deviation's included.

    y (n,): 0/1, or successes when ``trials`` (n,) is given. x (n, p): the design, with its column
    of ones if an intercept is meant. group (n,): labels. weights (n,): frequency weights, at least
    0; weight 2 is the row twice, in the same group. offset (n,): in logits. start: coefficients
    and standard deviation to begin from; only speed depends on it.

    Not a finite maximum: separation, one outcome only, and a standard deviation that runs to
    infinity are flagged, see `MixedLogisticFit`. The boundary estimate 0 is decided by the
    derivative of the likelihood by sd^2 at 0.

    Raises ValueError on wrong shapes, NaN, infinities, strings, outcomes out of range, negative
    weights, collinear columns, a single group, and groups that are all of one trial.

    Source: Pinheiro and Bates 1995, J Comput Graph Stat 4:12-35; Louis 1982, J R Stat Soc B
    44:226-233. It has no random slopes, no crossed or nested effects, and no restricted likelihood.
    """
    data = logistic_data(y, x, group, trials, weights, offset, names)
    return fit_mixed_data(data, nodes, _start(start, data.x.shape[1]))
