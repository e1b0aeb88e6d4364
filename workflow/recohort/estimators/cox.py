"""Cox's proportional-hazards model, by lifelines, with cluster-robust standard errors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from recohort.estimators.arguments import (
    FloatArray,
    IntArray,
    binary_vector,
    codes,
    confidence_level,
    numeric_array,
    vector,
)
from recohort.estimators.result import Interval


@dataclass(frozen=True, slots=True)
class Cox:
    """Log hazard ratios (p,) with standard errors, Wald z and two-sided p-values.

    ``converged`` is False, with the reason in ``note``, where the partial likelihood has no finite
    maximum (a column separates those who have the event) or is too flat; the numbers are then not
    to be used.
    """

    coefficients: FloatArray
    standard_errors: FloatArray
    statistics: FloatArray
    p_values: FloatArray
    log_likelihood: float
    events: int
    converged: bool
    note: str

    def hazard_ratio(self, column: int, level: float = 0.95) -> tuple[float, Interval]:
        """The hazard ratio of one column with its Wald interval."""
        z = float(ndtri(0.5 + confidence_level(level) / 2.0))
        middle, se = float(self.coefficients[column]), float(self.standard_errors[column])
        limits = Interval(
            float(np.exp(middle - z * se)), float(np.exp(middle + z * se)), float(level)
        )
        return float(np.exp(middle)), limits


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    cluster: ArrayLike | None = None,
) -> Cox:
    """Fit ``time`` (n,), ``event`` (n,) 0/1 on ``covariates`` (n, p), no intercept; ties by Efron.

    With ``cluster`` (n,), standard errors are the grouped sandwich of Lin and Wei (J Am Stat Assoc
    1989;84:1074), as R's ``coxph(..., cluster =)``.
    Raises ValueError for wrong shapes, times that are not positive, no event, a constant column or
    dependent columns. Does not do: time-varying covariates, strata, penalties, frailty.
    """
    t = vector(time, "time")
    if (t <= 0.0).any():
        raise ValueError(f"time: got {t.min():g}; takes numbers above 0")
    happened = binary_vector(event, "event", t.size)
    if not happened.any():
        raise ValueError("event: got no event; takes at least one 1")
    x = numeric_array(covariates, "covariates")
    if x.ndim != 2 or x.shape[0] != t.size or x.shape[1] == 0:
        raise ValueError(f"covariates: got shape {x.shape}; takes ({t.size}, p)")
    spread = x.std(axis=0)
    if (np.ptp(x, axis=0) == 0.0).any():
        column = int(np.argmax(np.ptp(x, axis=0) == 0.0))
        raise ValueError(f"covariates: column {column} is constant; takes columns that vary")
    standard = (x - x.mean(axis=0)) / spread
    if np.linalg.matrix_rank(standard, tol=1e-9 * t.size**0.5) < x.shape[1]:
        raise ValueError("covariates: got dependent columns; takes independent columns")
    label = None if cluster is None else codes(cluster, "cluster", t.size)[0]
    if label is not None and np.unique(label).size < 2:
        raise ValueError("cluster: got 1 cluster; takes at least 2")
    return _fit(t, happened.astype(np.float64), standard, spread, label)


def _fit(
    t: FloatArray,
    happened: FloatArray,
    standard: FloatArray,
    spread: FloatArray,
    label: IntArray | None,
) -> Cox:
    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    p = standard.shape[1]
    frame = pd.DataFrame(standard, columns=[f"x{i}" for i in range(p)])
    frame["time"], frame["event"] = t, happened
    fitter = CoxPHFitter()
    events = int(happened.sum())
    missing = np.full(p, np.nan)
    try:
        with warnings.catch_warnings():
            # What the warnings tell (separation, slow convergence) is read off the fit below.
            warnings.simplefilter("ignore")
            fitter.fit(
                frame,
                "time",
                "event",
                fit_options={"precision": 1e-10, "max_steps": 200},
            )
    except (ConvergenceError, np.linalg.LinAlgError) as error:
        note = f"no fit: {str(error).splitlines()[0]}"
        return Cox(missing, missing, missing, missing, float("nan"), events, False, note)
    b = np.asarray(fitter.params_, dtype=np.float64)
    variance = np.asarray(fitter.variance_matrix_, dtype=np.float64)
    plain = np.sqrt(np.diag(variance))
    se = plain
    if np.isfinite(b).all() and (np.abs(b) <= 10.0).all():
        # lifelines stops about 1e-6 short of the maximum: one more Newton step.
        b = b + variance @ _score_residuals(t, happened, standard, b).sum(axis=0)
        if label is not None:
            se = _robust_errors(_score_residuals(t, happened, standard, b), label, variance)
    # On standardised columns, a slope beyond 10 or an error beyond 20 is a ridge, not an estimate.
    wild = (np.abs(b) > 10.0) | (plain > 20.0) | ~np.isfinite(se) | (se <= 0.0)
    note = ""
    if wild.any():
        columns = ", ".join(str(i) for i in np.flatnonzero(wild))
        note = f"no finite maximum in column {columns}: it separates those who have the event"
    z = b / se
    return Cox(
        coefficients=b / spread,
        standard_errors=se / spread,
        statistics=z,
        p_values=np.asarray(2.0 * ndtr(-np.abs(z))),
        log_likelihood=float(fitter.log_likelihood_),
        events=events,
        converged=not bool(wild.any()),
        note=note,
    )


def _robust_errors(residuals: FloatArray, label: IntArray, variance: FloatArray) -> FloatArray:
    """Standard errors of the sandwich over clusters, from score residuals (n, p)."""
    totals = np.zeros((int(label.max()) + 1, residuals.shape[1]))
    np.add.at(totals, label, residuals)
    pulled = totals @ variance
    return np.asarray(np.sqrt((pulled * pulled).sum(axis=0)))


def _score_residuals(t: FloatArray, event: FloatArray, x: FloatArray, b: FloatArray) -> FloatArray:
    """Each person's share of the score (n, p) under Efron's ties.

    lifelines' own robust errors treat tied events as Breslow does, and differ from R's in the
    fourth digit. At an event time with d events and hazard weights r, event number l = 0..d-1 sees
    the events' own weights reduced by l/d.
    """
    risk = np.exp(x @ b)
    moments = np.unique(t[event > 0.0])
    order = np.argsort(-t, kind="stable")
    at_risk = np.cumsum(risk[order])
    at_risk_x = np.cumsum(risk[order, None] * x[order], axis=0)
    last = np.searchsorted(-t[order], -moments, "right") - 1
    hazard = np.zeros(moments.size + 1)
    hazard_x = np.zeros((moments.size + 1, x.shape[1]))
    residuals = np.zeros_like(x)
    for k, moment in enumerate(moments):
        dying = np.flatnonzero((t == moment) & (event > 0.0))
        part = (np.arange(dying.size) / dying.size)[:, None]
        own, own_x = risk[dying].sum(), (risk[dying, None] * x[dying]).sum(axis=0)
        weight = 1.0 / (at_risk[last[k]] - part * own)
        mean = (at_risk_x[last[k]] - part * own_x) * weight
        hazard[k + 1] = hazard[k] + weight.sum()
        hazard_x[k + 1] = hazard_x[k] + (weight * mean).sum(axis=0)
        # Those who die now carry only the part 1 - l/d of this time's hazard.
        spared, spared_x = (part * weight).sum(), (part * weight * mean).sum(axis=0)
        residuals[dying] += x[dying] - mean.mean(axis=0)
        residuals[dying] += risk[dying, None] * (x[dying] * spared - spared_x)
    seen = np.searchsorted(moments, t, "right")
    return residuals - risk[:, None] * (x * hazard[seen, None] - hazard_x[seen])
