"""A binomial proportion k/n with every interval in common use, and a clustered proportion.

Notation: p = k/n, a = 1 - level, z = the 1 - a/2 quantile of the standard normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import (
    bdtr,
    betainc,
    betaincinv,
    betaln,
    expit,
    logit,
    ndtri,
    stdtrit,
    xlog1py,
    xlogy,
)

from recohort.estimators.arguments import (
    FloatArray,
    binary_vector,
    choice,
    codes,
    confidence_level,
    whole_numbers,
)
from recohort.estimators.result import Estimate, Interval


class ProportionInterval(StrEnum):
    """Interval for a binomial proportion; formulas in :func:`proportion_intervals`."""

    WALD = "wald"
    WALD_CONTINUITY = "wald_continuity"
    WILSON = "wilson"
    WILSON_CONTINUITY = "wilson_continuity"
    AGRESTI_COULL = "agresti_coull"
    CLOPPER_PEARSON = "clopper_pearson"
    MID_P = "mid_p"
    JEFFREYS = "jeffreys"
    ARCSINE = "arcsine"
    LOGIT = "logit"
    BOOTSTRAP = "bootstrap"


class ClusteredProportionInterval(StrEnum):
    """Interval for a proportion of clustered observations; see :func:`clustered_proportion`."""

    WALD = "wald"
    WALD_T = "wald_t"
    LOGIT = "logit"
    WILSON_EFFECTIVE = "wilson_effective"
    AGRESTI_COULL_EFFECTIVE = "agresti_coull_effective"
    JEFFREYS_EFFECTIVE = "jeffreys_effective"
    KORN_GRAUBARD = "korn_graubard"


@dataclass(frozen=True, slots=True)
class ProportionIntervals:
    """Limits for many proportions at once, each of the broadcast shape of k and n."""

    low: FloatArray
    high: FloatArray
    level: float


@dataclass(frozen=True, slots=True)
class ClusteredProportion:
    """A clustered proportion, with its robust and its naive standard error.

    ``design_effect`` is (se / naive_se)²; None where the naive standard error is 0.
    """

    estimate: Estimate
    successes: int
    observations: int
    clusters: int
    naive_se: float
    design_effect: float | None


def proportion_interval(
    k: int,
    n: int,
    method: ProportionInterval = ProportionInterval.WILSON,
    level: float = 0.95,
) -> Interval:
    """The interval of ``k`` successes in ``n``; formulas in :func:`proportion_intervals`.

    Raises ValueError where the method has no interval (logit at k = 0 or k = n).
    """
    many = proportion_intervals(k, n, method, level)
    if many.low.ndim != 0:
        raise ValueError("k, n: got arrays; proportion_interval takes one k and one n")
    if np.isnan(many.low):
        raise ValueError(f"k: got {k} of {n}; the {method} interval takes 0 < k < n")
    return Interval(float(many.low), float(many.high), many.level)


def proportion_intervals(
    k: ArrayLike,
    n: ArrayLike,
    method: ProportionInterval = ProportionInterval.WILSON,
    level: float = 0.95,
    *,
    clip: bool = True,
) -> ProportionIntervals:
    """Intervals of ``k`` successes in ``n`` (arrays that broadcast), at ``level``.

    - wald: p ± z √(p(1-p)/n)
    - wald_continuity: p ± (z √(p(1-p)/n) + 1/(2n))
    - wilson: the score interval, (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    - wilson_continuity: the score interval with continuity correction (Newcombe 1998, method 4;
      R's ``prop.test`` gives it except at k = n/2, where R drops the correction)
    - agresti_coull: wald at (k + z²/2) / (n + z²)
    - clopper_pearson: the exact interval, from quantiles of the beta distribution
    - mid_p: the exact interval with half the probability of k itself
    - jeffreys: quantiles of Beta(k + ½, n - k + ½), with 0 at k = 0 and 1 at k = n
    - arcsine: sin²(arcsin √((k + 3/8)/(n + 3/4)) ± z / (2√n))
    - logit: expit(log(k/(n-k)) ± z √(1/k + 1/(n-k))); NaN at k = 0 and k = n, where it does not
      exist
    - bootstrap: the percentile interval of infinitely many resamples, which are binomial: the a/2
      and 1 - a/2 quantiles of Binomial(n, k/n), divided by n

    ``clip`` cuts the limits of wald, wald_continuity and agresti_coull at 0 and 1, as most software
    does; the others never leave [0, 1].

    Sources: Newcombe, Stat Med 1998;17:857; Brown, Cai and DasGupta, Stat Sci 2001;16:101;
    Agresti and Coull, Am Stat 1998;52:119; Berry and Armitage, Statistician 1995;44:417 (mid-p).
    Raises ValueError for k outside 0..n, n < 1, or a level outside (0, 1).
    Does not do: clustered observations (:func:`clustered_proportion`), one-sided limits.
    """
    successes, trials = _counts(k, n)
    z = float(ndtri(0.5 + confidence_level(level) / 2.0))
    low, high = _FORMULAS[choice(ProportionInterval, method, "method")](
        successes, trials, z, (1.0 - level) / 2.0
    )
    if clip:
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    return ProportionIntervals(np.asarray(low), np.asarray(high), float(level))


def _counts(k: ArrayLike, n: ArrayLike) -> tuple[FloatArray, FloatArray]:
    successes, trials = whole_numbers(k, "k"), whole_numbers(n, "n", 1)
    try:
        successes, trials = np.broadcast_arrays(successes, trials)
    except ValueError as error:
        raise ValueError(
            f"k, n: got shapes {successes.shape} and {trials.shape}; takes shapes that broadcast"
        ) from error
    if (successes > trials).any():
        at = np.argmax((successes > trials).ravel())
        raise ValueError(f"k: got {successes.ravel()[at]}; takes 0..n, n = {trials.ravel()[at]}")
    return successes.astype(np.float64), trials.astype(np.float64)


_Limits = tuple[FloatArray, FloatArray]


def _wald(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    p = k / n
    half = z * np.sqrt(p * (1.0 - p) / n)
    return p - half, p + half


def _wald_continuity(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    low, high = _wald(k, n, z, _tail)
    return low - 0.5 / n, high + 0.5 / n


def _wilson(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    centre = k + z * z / 2.0
    half = z * np.sqrt(k * (n - k) / n + z * z / 4.0)
    total = n + z * z
    # Exactly 0 and 1 at the ends, where the difference only rounds to them.
    low = np.where(k == 0, 0.0, (centre - half) / total)
    high = np.where(k == n, 1.0, (centre + half) / total)
    return low, high


def _wilson_continuity(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    p = k / n
    total = 2.0 * (n + z * z)
    root_low = np.maximum(z * z - 2.0 - 1.0 / n + 4.0 * p * (n * (1.0 - p) + 1.0), 0.0)
    root_high = np.maximum(z * z + 2.0 - 1.0 / n + 4.0 * p * (n * (1.0 - p) - 1.0), 0.0)
    low = (2.0 * k + z * z - 1.0 - z * np.sqrt(root_low)) / total
    high = (2.0 * k + z * z + 1.0 + z * np.sqrt(root_high)) / total
    low = np.where(k == 0, 0.0, np.maximum(low, 0.0))
    high = np.where(k == n, 1.0, np.minimum(high, 1.0))
    return low, high


def _agresti_coull(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    return _wald(k + z * z / 2.0, n + z * z, z, _tail)


def _clopper_pearson(k: FloatArray, n: FloatArray, _z: float, tail: float) -> _Limits:
    low = np.where(k == 0, 0.0, betaincinv(np.where(k == 0, 1.0, k), n - k + 1.0, tail))
    high = np.where(k == n, 1.0, betaincinv(k + 1.0, np.where(k == n, 1.0, n - k), 1.0 - tail))
    return low, high


def _jeffreys(k: FloatArray, n: FloatArray, _z: float, tail: float) -> _Limits:
    low = np.where(k == 0, 0.0, betaincinv(k + 0.5, n - k + 0.5, tail))
    high = np.where(k == n, 1.0, betaincinv(k + 0.5, n - k + 0.5, 1.0 - tail))
    return low, high


def _mid_p_limit(k: FloatArray, n: FloatArray, target: FloatArray) -> FloatArray:
    """The p at which P(X > k) + P(X = k)/2, which rises with p, equals ``target``; all (c,)."""
    # Jeffreys' limit is close by.
    p = betaincinv(k + 0.5, n - k + 0.5, target)
    ways = -betaln(k + 1.0, n - k + 1.0) - np.log(n + 1.0)
    low, high = np.zeros(p.shape), np.ones(p.shape)
    open_ = np.arange(p.size)
    for _ in range(80):
        hits, misses, at = k[open_], n[open_] - k[open_], p[open_]
        # P(X >= k) and P(X > k).
        reached = np.where(hits > 0, betainc(np.maximum(hits, 0.5), misses + 1.0, at), 1.0)
        passed = np.where(misses > 0, betainc(hits + 1.0, np.maximum(misses, 0.5), at), 0.0)
        excess = reached + passed - 2.0 * target[open_]
        at_k = np.exp(ways[open_] + xlogy(hits, at) + xlog1py(misses, -at))
        up, down = hits / at, misses / (1.0 - at)
        step = excess / np.maximum(at_k * (up + down), 1e-300)
        bend = up - down + (down / (1.0 - at) - up / at) / (up + down)
        low[open_] = np.where(excess < 0.0, at, low[open_])
        high[open_] = np.where(excess < 0.0, high[open_], at)
        # Halley's step where it stays inside the bracket, halving where it does not; it is cubic,
        # so that after one as small as this nothing is left.
        goal = at - step / np.clip(1.0 - 0.5 * step * bend, 0.5, 2.0)
        last = np.abs(step) <= 1e-5 * np.minimum(at, np.sqrt(at * (1.0 - at) / n[open_]))
        inside = last | ((goal > low[open_]) & (goal < high[open_]))
        p[open_] = np.where(inside, goal, 0.5 * (low[open_] + high[open_]))
        open_ = open_[~last]
        if open_.size == 0:
            break
    return np.asarray(p)


def _mid_p(k: FloatArray, n: FloatArray, _z: float, tail: float) -> _Limits:
    hits, trials = k.ravel(), n.ravel()
    # Where a limit is 0 or 1 the equation has no root; one that has takes its place meanwhile.
    wanted = np.concatenate([np.maximum(hits, 1.0), np.minimum(hits, trials - 1.0)])
    target = np.repeat([tail, 1.0 - tail], hits.size)
    low, high = np.split(_mid_p_limit(wanted, np.tile(trials, 2), target), 2)
    return (
        np.where(k == 0, 0.0, low.reshape(k.shape)),
        np.where(k == n, 1.0, high.reshape(k.shape)),
    )


def _arcsine(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    angle = np.arcsin(np.sqrt((k + 0.375) / (n + 0.75)))
    half = z / (2.0 * np.sqrt(n))
    low = np.sin(np.maximum(angle - half, 0.0)) ** 2
    high = np.sin(np.minimum(angle + half, np.pi / 2.0)) ** 2
    return low, high


def _logit(k: FloatArray, n: FloatArray, z: float, _tail: float) -> _Limits:
    inside = (k > 0) & (k < n)
    hits, misses = np.where(inside, k, 1.0), np.where(inside, n - k, 1.0)
    centre = np.log(hits / misses)
    half = z * np.sqrt(1.0 / hits + 1.0 / misses)
    return (
        np.where(inside, expit(centre - half), np.nan),
        np.where(inside, expit(centre + half), np.nan),
    )


def _binomial_quantile(n: FloatArray, p: FloatArray, q: float) -> FloatArray:
    """Smallest x with P(X <= x) >= q, X binomial, by bisection over the whole numbers."""
    low = np.full(n.shape, -1.0)
    high = n.copy()
    while np.any(high - low > 1.0):
        middle = np.floor((low + high) / 2.0)
        enough = bdtr(np.maximum(middle, 0.0), n.astype(np.int64), p) >= q
        enough &= middle >= 0
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _bootstrap(k: FloatArray, n: FloatArray, _z: float, tail: float) -> _Limits:
    p = k / n
    low, high = _binomial_quantile(n, p, tail) / n, _binomial_quantile(n, p, 1.0 - tail) / n
    return np.where(k == n, 1.0, low), np.where(k == n, 1.0, high)


_FORMULAS = {
    ProportionInterval.WALD: _wald,
    ProportionInterval.WALD_CONTINUITY: _wald_continuity,
    ProportionInterval.WILSON: _wilson,
    ProportionInterval.WILSON_CONTINUITY: _wilson_continuity,
    ProportionInterval.AGRESTI_COULL: _agresti_coull,
    ProportionInterval.CLOPPER_PEARSON: _clopper_pearson,
    ProportionInterval.MID_P: _mid_p,
    ProportionInterval.JEFFREYS: _jeffreys,
    ProportionInterval.ARCSINE: _arcsine,
    ProportionInterval.LOGIT: _logit,
    ProportionInterval.BOOTSTRAP: _bootstrap,
}


def proportion(
    k: int,
    n: int,
    method: ProportionInterval = ProportionInterval.WILSON,
    level: float = 0.95,
) -> Estimate:
    """k/n with √(p(1-p)/n) and the interval; the interval is None, with a note, where none is."""
    many = proportion_intervals(k, n, method, level)
    if many.low.ndim != 0:
        raise ValueError("k, n: got arrays; proportion takes one k and one n")
    p = k / n
    se = float(np.sqrt(p * (1.0 - p) / n))
    if np.isnan(many.low):
        return Estimate(p, se, None, f"the {method} interval does not exist at k = {k}, n = {n}")
    return Estimate(p, se, Interval(float(many.low), float(many.high), many.level))


def clustered_proportion(
    outcome: ArrayLike,
    cluster: ArrayLike,
    method: ClusteredProportionInterval = ClusteredProportionInterval.WALD_T,
    level: float = 0.95,
) -> ClusteredProportion:
    """A proportion of 0/1 ``outcome`` (n,) observed in clusters, by the ratio estimator.

    p = Σ k_i / Σ n_i over m clusters, var = m/(m-1) Σ (k_i - p n_i)² / (Σ n_i)², which is the
    cluster-robust (sandwich) variance of the mean with the factor m/(m-1).

    - wald: p ± z se; wald_t: p ± t_{m-1} se; both cut at 0 and 1
    - logit: expit(logit p ± t_{m-1} se / (p(1-p)))
    - wilson_effective, agresti_coull_effective, jeffreys_effective: those intervals at the
      effective size p(1-p)/var, at most n
    - korn_graubard: the Clopper-Pearson interval at the effective size times
      (t_{n-1} / t_{m-1})², not cut at n, as ``svyciprop(method = "beta")`` of R's survey

    Where every outcome is the same, the variance is 0 and says nothing: the effective size is then
    taken as m, and methods without one return no interval, with a note. The bootstrap of whole
    clusters is :func:`recohort.estimators.diagnostic_accuracy.bootstrap_diagnostic_accuracy`.

    Sources: Cochran, Sampling Techniques (3rd ed.), ch. 6; Rao and Scott, Biometrics 1992;48:577;
    Korn and Graubard, Surv Methodol 1998;24:193; Dean and Pagano, J Surv Stat Methodol 2015;3:484.
    Raises ValueError for fewer than two clusters, outcomes other than 0/1, or wrong shapes.
    """
    y = binary_vector(outcome, "outcome")
    group, m = codes(cluster, "cluster", y.size)
    hits = np.bincount(group, weights=y, minlength=m)
    sizes = np.bincount(group, minlength=m)
    return clustered_proportion_from_counts(
        hits.astype(np.int64), sizes.astype(np.int64), method, level
    )


def clustered_proportion_from_counts(
    k: ArrayLike,
    n: ArrayLike,
    method: ClusteredProportionInterval = ClusteredProportionInterval.WALD_T,
    level: float = 0.95,
) -> ClusteredProportion:
    """As :func:`clustered_proportion`, from ``k`` successes in ``n`` for each cluster (m,)."""
    hits, sizes = _counts(k, n)
    if hits.ndim != 1 or hits.size < 2:
        raise ValueError(
            f"cluster: got {hits.size} cluster{'' if hits.size == 1 else 's'}; takes at least 2"
        )
    confidence_level(level)
    m, total = hits.size, float(sizes.sum())
    p = float(hits.sum()) / total
    variance = m / (m - 1) * float(np.sum((hits - p * sizes) ** 2)) / total**2
    se, naive = float(np.sqrt(variance)), float(np.sqrt(p * (1.0 - p) / total))
    interval, note = _clustered_interval(
        p, variance, m, total, choice(ClusteredProportionInterval, method, "method"), float(level)
    )
    return ClusteredProportion(
        estimate=Estimate(p, se, interval, note),
        successes=int(hits.sum()),
        observations=int(total),
        clusters=m,
        naive_se=naive,
        design_effect=variance / naive**2 if naive > 0 else None,
    )


_AT_EFFECTIVE_SIZE = {
    ClusteredProportionInterval.WILSON_EFFECTIVE: _wilson,
    ClusteredProportionInterval.AGRESTI_COULL_EFFECTIVE: _agresti_coull,
    ClusteredProportionInterval.JEFFREYS_EFFECTIVE: _jeffreys,
    ClusteredProportionInterval.KORN_GRAUBARD: _clopper_pearson,
}


def _clustered_interval(
    p: float, variance: float, m: int, n: float, method: ClusteredProportionInterval, level: float
) -> tuple[Interval | None, str]:
    z, t = float(ndtri(0.5 + level / 2.0)), float(stdtrit(m - 1, 0.5 + level / 2.0))
    constant = p in (0.0, 1.0)
    if method in _AT_EFFECTIVE_SIZE:
        size, note = float(m), "all outcomes are the same: the effective size is taken as m"
        if not constant:
            size, note = p * (1.0 - p) / variance if variance > 0.0 else np.inf, ""
            if method is ClusteredProportionInterval.KORN_GRAUBARD:
                size *= (float(stdtrit(n - 1, 0.5 + level / 2.0)) / t) ** 2
        if method is not ClusteredProportionInterval.KORN_GRAUBARD or variance == 0.0:
            size = min(size, n)
        # The formulas hold at a size that need not be a whole number.
        formula = _AT_EFFECTIVE_SIZE[method]
        low, high = formula(np.asarray(p * size), np.asarray(size), z, (1.0 - level) / 2.0)
        return Interval(max(float(low), 0.0), min(float(high), 1.0), level), note
    if constant:
        return None, "all outcomes are the same: the robust variance is 0 and gives no interval"
    se = float(np.sqrt(variance))
    if method is ClusteredProportionInterval.LOGIT:
        centre, half = float(logit(p)), t * se / (p * (1.0 - p))
        return Interval(float(expit(centre - half)), float(expit(centre + half)), level), ""
    half = (z if method is ClusteredProportionInterval.WALD else t) * se
    return Interval(max(p - half, 0.0), min(p + half, 1.0), level), ""
