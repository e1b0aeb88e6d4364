"""Cox's proportional-hazards model, with cluster-robust standard errors.

Fitted here by Newton's method on sums over risk sets: lifelines, against which it is tested, takes
a hundred times as long, and its robust errors treat tied events as Breslow does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary_vector,
    choice,
    codes,
    confidence_level,
    numeric_array,
    vector,
)
from recohort.estimators.result import Interval


class CoxTies(StrEnum):
    """How events of one time share their risk set.

    efron: each sees the others' weights in part, the default of R and lifelines; breslow: each
    sees them all, the default of SAS, Stata and SPSS.
    """

    EFRON = "efron"
    BRESLOW = "breslow"


@dataclass(frozen=True, slots=True)
class Cox:
    """Log hazard ratios (p,) with standard errors, Wald z and two-sided p-values.

    ``converged`` is False, with the reason in ``note``, where the partial likelihood has no finite
    maximum (a column separates those who have the event); the numbers are then not to be used.
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
    ties: CoxTies = CoxTies.EFRON,
) -> Cox:
    """Fit ``time`` (n,), ``event`` (n,) 0/1 on ``covariates`` (n, p), no intercept.

    With ``cluster`` (n,), standard errors are the grouped sandwich of Lin and Wei (J Am Stat Assoc
    1989;84:1074), as R's ``coxph(..., cluster =)``.
    Sources: Cox, J R Stat Soc B 1972;34:187; Efron, J Am Stat Assoc 1977;72:557 (ties); Breslow,
    Biometrics 1974;30:89 (ties).
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
    reach = np.ptp(x, axis=0)
    if (reach == 0.0).any():
        column = int(np.argmax(reach == 0.0))
        raise ValueError(f"covariates: column {column} is constant; takes columns that vary")
    # By the range first: squares of very small or large values would vanish or overflow.
    standard = (x - x.mean(axis=0)) / reach
    spread = reach * standard.std(axis=0)
    standard = standard / standard.std(axis=0)
    if np.linalg.matrix_rank(standard, tol=1e-9 * t.size**0.5) < x.shape[1]:
        raise ValueError("covariates: got dependent columns; takes independent columns")
    label = None if cluster is None else codes(cluster, "cluster", t.size)[0]
    if label is not None and label.max() == 0:
        raise ValueError("cluster: got 1 cluster; takes at least 2")
    risk_sets = _risk_sets(t, happened, standard, choice(CoxTies, ties, "ties"))
    b, information, log_likelihood, found = _newton(risk_sets)
    missing = np.full(b.size, np.nan)
    events = int(happened.sum())
    try:
        variance: FloatArray = np.linalg.inv(information).astype(np.float64)
    except np.linalg.LinAlgError:
        variance = np.full(information.shape, np.nan)
    plain = np.sqrt(np.maximum(np.diag(variance), 0.0))
    # On standardised columns, a slope beyond 10 or an error beyond 20 is a ridge, not an estimate.
    wild = (np.abs(b) > _LARGEST) | (plain > 2.0 * _LARGEST) | (plain == 0.0)
    note = ""
    # Risk sets are nested: what does not vary in the first varies in none.
    still = np.ptp(x[t >= t[happened].min()], axis=0) == 0.0
    if still.any():
        columns = ", ".join(str(i) for i in np.flatnonzero(still))
        note = f"no information on column {columns}: constant among those at risk at any event"
    elif wild.any():
        columns = ", ".join(str(i) for i in np.flatnonzero(wild))
        note = f"no finite maximum in column {columns}: it separates those who have the event"
    elif not found or np.isnan(plain).any():
        note = "no maximum found: the partial likelihood is too flat"
    se = plain
    if label is not None and not note:
        se = _robust_errors(_score_residuals(risk_sets, b), label[risk_sets.order], variance)
    z = np.divide(b, se, out=missing.copy(), where=se > 0.0)
    return Cox(
        coefficients=b / spread,
        standard_errors=se / spread,
        statistics=z,
        p_values=np.asarray(2.0 * ndtr(-np.abs(z))),
        log_likelihood=log_likelihood,
        events=events,
        converged=not note,
        note=note,
    )


_LARGEST = 10.0


@dataclass(frozen=True, slots=True)
class _RiskSets:
    """People in order of falling time, and one entry for each event.

    - ``order`` (n,): leads back to the data
    - ``dying`` (D,): the events, those of one time together
    - ``starts`` (K,): where each of the K times begins among them; ``which`` (D,): their time
    - ``part`` (D,): the share by which an event sees its time's own weights reduced: l/d for the
      l-th of d events under Efron's ties, 0 under Breslow's
    - ``last`` (D,): the last person at risk
    - ``seen`` (n,): at how many of the K times each person is at risk
    """

    order: IntArray
    x: FloatArray
    dying: IntArray
    starts: IntArray
    which: IntArray
    part: FloatArray
    last: IntArray
    seen: IntArray


def _risk_sets(t: FloatArray, happened: BoolArray, x: FloatArray, ties: CoxTies) -> _RiskSets:
    order = np.argsort(-t, kind="stable").astype(np.int64)
    fallen, event = -t[order], happened[order]
    dying = np.flatnonzero(event)
    moments, starts, which, counts = np.unique(
        fallen[dying], return_index=True, return_inverse=True, return_counts=True
    )
    last = np.searchsorted(fallen, moments, "right") - 1
    part = (np.arange(dying.size) - starts[which]) / counts[which]
    return _RiskSets(
        order=order,
        x=x[order],
        dying=dying.astype(np.int64),
        starts=starts.astype(np.int64),
        which=which.astype(np.int64),
        part=part if ties is CoxTies.EFRON else np.zeros(dying.size),
        last=last[which].astype(np.int64),
        seen=(moments.size - np.searchsorted(moments, fallen, "left")).astype(np.int64),
    )


def _weights(s: _RiskSets, b: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hazard weights (n,), and for each event the weight at risk (D,) and the mean of x (D, p).

    The weights are relative to the largest, which leaves every ratio of them as it is.
    """
    line = s.x @ b
    risk = np.exp(line - line.max())
    pulled = risk[:, None] * s.x
    own = np.add.reduceat(risk[s.dying], s.starts)[s.which]
    own_x = np.add.reduceat(pulled[s.dying], s.starts, axis=0)[s.which]
    total = np.cumsum(risk)[s.last] - s.part * own
    mean = (np.cumsum(pulled, axis=0)[s.last] - s.part[:, None] * own_x) / total[:, None]
    return risk, total, mean


def _log_likelihood(s: _RiskSets, b: FloatArray) -> float:
    line = s.x @ b
    risk = np.exp(line - line.max())
    own = np.add.reduceat(risk[s.dying], s.starts)[s.which]
    total = np.cumsum(risk)[s.last] - s.part * own
    if (total <= 0.0).any():
        return -np.inf
    return float((line[s.dying] - line.max()).sum() - np.log(total).sum())


def _newton(s: _RiskSets) -> tuple[FloatArray, FloatArray, float, bool]:
    """Coefficients, information, log-likelihood, and whether a maximum was reached."""
    p = s.x.shape[1]
    b = np.zeros(p)
    now = _log_likelihood(s, b)
    squares = (s.x[:, :, None] * s.x[:, None, :]).reshape(-1, p * p)
    found = False
    information = np.zeros((p, p))
    for _ in range(50):
        risk, total, mean = _weights(s, b)
        pulled = risk[:, None] * squares
        own = np.add.reduceat(pulled[s.dying], s.starts, axis=0)[s.which]
        second = np.cumsum(pulled, axis=0)[s.last] - s.part[:, None] * own
        information = (second / total[:, None]).sum(axis=0).reshape(p, p) - mean.T @ mean
        if found or np.abs(b).max() > 2.0 * _LARGEST:
            break
        try:
            step = np.linalg.solve(information, (s.x[s.dying] - mean).sum(axis=0))
        except np.linalg.LinAlgError:
            break
        # The partial likelihood is concave: a step that overshoots is halved until it rises.
        after = _log_likelihood(s, b + step)
        while after < now - 1e-10 * abs(now) and np.abs(step).max() > 1e-12:
            step = step / 2.0
            after = _log_likelihood(s, b + step)
        b, now = b + step, after
        found = bool(np.abs(step).max() <= 1e-9)
    return b, information, now, found


def _robust_errors(residuals: FloatArray, label: IntArray, variance: FloatArray) -> FloatArray:
    """Standard errors of the sandwich over clusters, from score residuals (n, p)."""
    totals = np.zeros((int(label.max()) + 1, residuals.shape[1]))
    np.add.at(totals, label, residuals)
    pulled = totals @ variance
    return np.asarray(np.sqrt((pulled * pulled).sum(axis=0)))


def _score_residuals(s: _RiskSets, b: FloatArray) -> FloatArray:
    """Each person's share of the score (n, p), in the order of the risk sets."""
    risk, total, mean = _weights(s, b)
    weight = 1.0 / total[:, None]

    def by_time(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, s.starts, axis=0))

    def running(values: FloatArray) -> FloatArray:
        # Times fall along the arrays: whoever is at risk at the k earliest has seen the last k.
        total_ = np.cumsum(by_time(values)[::-1], axis=0)
        return np.concatenate([np.zeros((1, values.shape[1])), total_])[s.seen]

    residuals = -risk[:, None] * (s.x * running(weight) - running(weight * mean))
    # Those who die carry only the part 1 - l/d of their own time's hazard (all of it by Breslow).
    part = s.part[:, None]
    spared, spared_x = by_time(part * weight)[s.which], by_time(part * weight * mean)[s.which]
    counts = by_time(np.ones((s.dying.size, 1)))
    residuals[s.dying] += s.x[s.dying] - (by_time(mean) / counts)[s.which]
    residuals[s.dying] += risk[s.dying, None] * (s.x[s.dying] * spared - spared_x)
    return residuals
