"""The Kaplan-Meier curve: intervals, landmark rates, median survival and median follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary,
    binary_vector,
    choice,
    codes,
    confidence_level,
    number,
    rows,
    vector,
)
from recohort.estimators.result import Estimate, Interval


class SurvivalInterval(StrEnum):
    """The scale of the pointwise interval.

    With S the survival and se its standard error (Greenwood) divided by S:
    plain S ± z S se, log S exp(± z se), log_log S^exp(± z se / log S).
    Defaults differ: log in R's ``survfit``, log_log in SAS, Stata and lifelines, plain in SPSS.
    """

    PLAIN = "plain"
    LOG = "log"
    LOG_LOG = "log_log"


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """The curve at each distinct time (k,), in the unit of the times.

    ``standard_error`` is Greenwood's, of S itself. Where S is 0 it and the limits do not exist
    (NaN). Before the first event the limits are 1.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray
    survival: FloatArray
    standard_error: FloatArray
    low: FloatArray
    high: FloatArray
    level: float


@dataclass(frozen=True, slots=True)
class LandmarkRate:
    """Survival at a fixed time, and how many are then still at risk."""

    estimate: Estimate
    at_risk: int


@dataclass(frozen=True, slots=True)
class SurvivalTime:
    """A quantile of the survival time; None where the curve, or a limit, does not reach it."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class LandmarkBatch:
    """One entry a cohort (C,): survival at the landmark, its standard error and limits.

    NaN where the landmark lies beyond the last observation and the curve has not reached 0
    (``reached`` False); standard error and limits are NaN where survival is 0.
    """

    survival: FloatArray
    standard_error: FloatArray
    low: FloatArray
    high: FloatArray
    reached: BoolArray


def _times(time: ArrayLike, event: ArrayLike) -> tuple[FloatArray, BoolArray]:
    t = vector(time, "time")
    if (t < 0.0).any():
        raise ValueError(f"time: got {t.min():g}; takes numbers of at least 0")
    return t, binary_vector(event, "event", t.size)


def survival_limits(
    survival: FloatArray, relative: FloatArray, z: float, kind: SurvivalInterval
) -> tuple[FloatArray, FloatArray]:
    """Limits from S and its standard error divided by S."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind is SurvivalInterval.PLAIN:
            low, high = survival * (1.0 - z * relative), survival * (1.0 + z * relative)
        elif kind is SurvivalInterval.LOG:
            low, high = survival * np.exp(-z * relative), survival * np.exp(z * relative)
        else:
            log = np.log(survival)
            power = np.exp(z * relative / np.abs(log))
            low, high = survival**power, survival ** (1.0 / power)
    full, none = survival == 1.0, survival == 0.0
    low = np.where(full, 1.0, np.where(none, np.nan, np.maximum(low, 0.0)))
    high = np.where(full, 1.0, np.where(none, np.nan, np.minimum(high, 1.0)))
    return low, high


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    method: SurvivalInterval = SurvivalInterval.LOG,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> KaplanMeier:
    """Curve of ``time`` (n,) with ``event`` (n,) 1 for an event and 0 for censoring.

    S(t) = Π (1 - d/r) over event times up to t; se = S √Σ d/(r (r - d)) (Greenwood 1926). Events
    come before censorings at the same time. Times are compared exactly: round them first where
    the same day may differ by rounding. With ``cluster`` (n,) labels the standard error is the
    infinitesimal jackknife over clusters, as in R's ``survfit(..., cluster =)``.
    Sources: Kaplan and Meier, J Am Stat Assoc 1958;53:457; Kalbfleisch and Prentice (2002), 1.4;
    clusters: Williams, Biometrics 1995;51:1363.
    Raises ValueError for negative times, NaN, events other than 0/1, or missing labels.
    Does not do: left truncation, competing risks.
    """
    t, happened = _times(time, event)
    z = float(ndtri(0.5 + confidence_level(level) / 2.0))
    distinct, where = np.unique(t, return_inverse=True)
    events = np.bincount(where, weights=happened, minlength=distinct.size)
    leaving = np.bincount(where, minlength=distinct.size)
    at_risk = t.size - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    survival = np.cumprod((at_risk - events) / at_risk)
    remaining = at_risk - events
    hazard = np.divide(
        events, at_risk * remaining, out=np.full(events.shape, np.nan), where=remaining > 0
    )
    hazard[events == 0] = 0.0
    relative = np.sqrt(np.cumsum(hazard))
    if cluster is not None:
        group, groups = codes(cluster, "cluster", t.size)
        at_event = events.astype(np.float64)
        relative = _clustered(where, happened, at_event, at_risk * 1.0, group, groups)
    low, high = survival_limits(survival, relative, z, choice(SurvivalInterval, method, "method"))
    return KaplanMeier(
        distinct,
        at_risk.astype(np.int64),
        events.astype(np.int64),
        survival,
        survival * relative,
        low,
        high,
        float(level),
    )


def _clustered(
    where: IntArray,
    happened: BoolArray,
    events: FloatArray,
    at_risk: FloatArray,
    group: IntArray,
    groups: int,
) -> FloatArray:
    """Standard error of log S at each time: the root of the clusters' summed squared influence.

    One observation's influence is -Σ (dN - Y d/r) / (r - d) over the event times so far.
    """
    times = events.size
    own = np.zeros((groups, times))
    np.add.at(own, (group, where), happened.astype(np.float64))
    left = np.zeros((groups, times))
    np.add.at(left, (group, where), 1.0)
    present = left[:, ::-1].cumsum(axis=1)[:, ::-1]
    remaining = at_risk - events
    step = np.divide(
        own - present * (events / at_risk),
        remaining,
        out=np.full(own.shape, np.nan),
        where=remaining > 0,
    )
    step[:, events == 0] = 0.0
    return np.asarray(np.sqrt(np.square(step.cumsum(axis=1)).sum(axis=0)))


def landmark_rate(curve: KaplanMeier, at: float) -> LandmarkRate:
    """Survival at time ``at``: the value after the last step at or before it.

    Beyond the last observation the curve is not known unless it has reached 0: ValueError.
    """
    moment = number(at, "at", 0.0)
    if moment > curve.time[-1] and curve.survival[-1] > 0.0:
        raise ValueError(f"at: got {moment:g}; takes times up to the last, {curve.time[-1]:g}")
    later = int(curve.time.searchsorted(moment, "left"))
    at_risk = int(curve.at_risk[later]) if later < curve.time.size else 0
    i = int(curve.time.searchsorted(moment, "right")) - 1
    if i < 0:
        return LandmarkRate(Estimate(1.0, 0.0, Interval(1.0, 1.0, curve.level)), at_risk)
    value = float(curve.survival[i])
    if value == 0.0:
        note = "survival 0: Greenwood's variance does not exist"
        return LandmarkRate(Estimate(0.0, None, None, note), at_risk)
    interval = Interval(float(curve.low[i]), float(curve.high[i]), curve.level)
    note = "no event so far: the interval has no width" if value == 1.0 else ""
    return LandmarkRate(Estimate(value, float(curve.standard_error[i]), interval, note), at_risk)


def survival_quantile(curve: KaplanMeier, probability: float = 0.5) -> SurvivalTime:
    """Time by which a share ``probability`` has had the event (0.5: median survival).

    The first time at which S falls to 1 - p; where the curve is flat at exactly that height, the
    middle of the flat part, as in R's ``survfit``. Limits are where the curve's limits first cross
    it (Brookmeyer and Crowley, Biometrics 1982;38:29, on the scale of the curve's interval). Where
    a limit of the curve turns back, as log and clustered ones can, R may name a later crossing.
    """
    height = 1.0 - number(probability, "probability", 0.0, 1.0, open_low=True, open_high=True)
    value = _crossing(curve.time, curve.survival, height)
    # Where survival is 0 the limits do not exist, and so do not cross.
    known = ~np.isnan(curve.low)
    low = _crossing(curve.time[known], curve.low[known], height)
    high = _crossing(curve.time[known], curve.high[known], height)
    note = "" if value is not None else "the curve does not fall that far"
    return SurvivalTime(value, low, high, curve.level, note)


def _crossing(time: FloatArray, height_at: FloatArray, height: float) -> float | None:
    tolerance = 1e-9
    reached = height_at <= height + tolerance
    if not reached.any():
        return None
    first = int(np.argmax(reached))
    if abs(height_at[first] - height) > tolerance:
        return float(time[first])
    below = height_at < height - tolerance
    if not below.any():
        # Flat to the end of the data: no later event to take the middle with.
        return float((time[first] + time[-1]) / 2.0)
    return float((time[first] + time[int(np.argmax(below))]) / 2.0)


def median_follow_up(
    time: ArrayLike,
    event: ArrayLike,
    method: SurvivalInterval = SurvivalInterval.LOG,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> SurvivalTime:
    """Median follow-up by the reverse Kaplan-Meier curve: censoring is the event.

    Source: Schemper and Smith, Control Clin Trials 1996;17:343. A person who has the event counts
    as followed up to then at least. At tied times censorings are taken first, as R does when the
    event indicator is turned over. ``cluster`` (n,) as in :func:`kaplan_meier`.
    """
    _, happened = _times(time, event)
    return survival_quantile(kaplan_meier(time, ~happened, method, level, cluster))


def landmark_rate_batch(
    time: ArrayLike,
    event: ArrayLike,
    at: float,
    method: SurvivalInterval = SurvivalInterval.LOG,
    level: float = 0.95,
) -> LandmarkBatch:
    """Survival at ``at`` for every row of ``time`` and ``event``, both (C, n); n log n a row."""
    t = rows(time, "time")
    happened = binary(event, "event")
    if happened.shape != t.shape:
        raise ValueError(f"event: got shape {happened.shape}; takes that of time, {t.shape}")
    if (t < 0.0).any():
        raise ValueError(f"time: got {t.min():g}; takes numbers of at least 0")
    moment = number(at, "at", 0.0)
    z = float(ndtri(0.5 + confidence_level(level) / 2.0))
    n = t.shape[1]
    # Events one by one, before the censorings of their time: the factors telescope to (r - d)/r.
    order = np.lexsort((~happened, t), axis=-1)
    counted = np.take_along_axis(happened & (t <= moment), order, axis=1)
    left = n - np.arange(n, dtype=np.float64)
    survival = np.where(counted, (left - 1.0) / left, 1.0).prod(axis=1)
    step = np.zeros(n)
    step[:-1] = 1.0 / (left[:-1] * (left[:-1] - 1.0))
    relative = np.sqrt(np.where(counted, step, 0.0).sum(axis=1))
    reached = (t.max(axis=1) >= moment) | (survival == 0.0)
    low, high = survival_limits(survival, relative, z, choice(SurvivalInterval, method, "method"))
    error = np.where(survival == 0.0, np.nan, survival * relative)

    def known(values: FloatArray) -> FloatArray:
        return np.where(reached, values, np.nan)

    return LandmarkBatch(known(survival), known(error), known(low), known(high), reached)
