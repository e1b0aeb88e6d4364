"""The area under the ROC curve (AUC) of one cohort, with its intervals and the paired test.

A = P(score of a case > score of a control) + ½ P(they are equal): cases are ``y`` = 1 and are
expected to score higher, so an AUC below 0.5 is possible and is never turned over. Thousands of
cohorts in one call: :mod:`recohort.estimators.auc_batch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtr, ndtri

from recohort.estimators.arguments import (
    FloatArray,
    choice,
    codes,
    confidence_level,
    number,
    scores_and_cases,
    vector,
    whole_number,
)
from recohort.estimators.auc_variance import AucVarianceModel, auc_variance
from recohort.estimators.result import Estimate, HypothesisTest, Interval


class AucScale(StrEnum):
    """The scale on which the interval is symmetric."""

    PLAIN = "plain"
    LOGIT = "logit"


@dataclass(frozen=True, slots=True)
class Auc:
    """An AUC with its standard error (plain scale), its interval, and the two group sizes."""

    estimate: Estimate
    cases: int
    controls: int


@dataclass(frozen=True, slots=True)
class Placements:
    """DeLong's components, which average to the AUC.

    ``cases`` (n1,): the share of controls below each case, equal ones counting half;
    ``controls`` (n0,): the share of cases above each control; both in the order of the data.
    """

    cases: FloatArray
    controls: FloatArray


@dataclass(frozen=True, slots=True)
class PairedAuc:
    """Two AUCs on the same people, the difference (first - second) and its test."""

    first: float
    second: float
    difference: Estimate
    correlation: float | None
    test: HypothesisTest


def placements(scores: ArrayLike, y: ArrayLike) -> Placements:
    """DeLong's components of the AUC (DeLong et al. 1988, eq. 4-5); ties count half, exactly."""
    score, case = scores_and_cases(scores, y)
    return _placements(score[case], score[~case])


def _placements(cases: FloatArray, controls: FloatArray) -> Placements:
    low, high = np.sort(controls), np.sort(cases)
    below = low.searchsorted(cases, "left") + low.searchsorted(cases, "right")
    above = high.searchsorted(controls, "left") + high.searchsorted(controls, "right")
    return Placements(below / (2.0 * low.size), 1.0 - above / (2.0 * high.size))


def auc(scores: ArrayLike, y: ArrayLike) -> float:
    """The AUC of ``scores`` (n,) for the outcome ``y`` (n,), ties counting half."""
    return float(placements(scores, y).cases.mean())


def auc_interval(
    value: float, se: float, level: float = 0.95, scale: AucScale = AucScale.PLAIN
) -> Interval | None:
    """The normal interval around an AUC; None on the logit scale at 0 and 1, where none exists.

    plain: A ± z se, cut at 0 and 1 as pROC does; logit: expit(logit A ± z se / (A (1 - A))).
    """
    z = float(ndtri(0.5 + confidence_level(level) / 2.0))
    value, se = number(value, "value", 0.0, 1.0), number(se, "se", 0.0)
    if choice(AucScale, scale, "scale") is AucScale.PLAIN:
        return Interval(max(value - z * se, 0.0), min(value + z * se, 1.0), float(level))
    if value <= 0.0 or value >= 1.0:
        return None
    centre, half = float(logit(value)), z * se / (value * (1.0 - value))
    return Interval(float(expit(centre - half)), float(expit(centre + half)), float(level))


def _estimate(value: float, variance: float, level: float, scale: AucScale) -> Estimate:
    se = float(np.sqrt(max(variance, 0.0)))
    interval = auc_interval(value, se, level, scale)
    if interval is None:
        return Estimate(value, se, None, f"AUC {value:g}: no interval on the logit scale")
    note = "" if se > 0.0 else "the estimated variance is 0: the interval has no width"
    return Estimate(value, se, interval, note)


def auc_delong(
    scores: ArrayLike, y: ArrayLike, level: float = 0.95, scale: AucScale = AucScale.PLAIN
) -> Auc:
    """AUC with DeLong's variance: S10/n1 + S01/n0, the sample variances of the placements.

    With a single case or a single control that variance does not exist: ``se`` and ``interval``
    are then None and ``note`` says so. Where the groups are perfectly separated it is 0, and
    ``note`` says so too.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837; logit scale: Pepe, The
    Statistical Evaluation of Medical Tests (2003), p. 107.
    Raises ValueError for y other than 0/1 or without both, NaN, or wrong shapes.
    Does not do: clustered data (:func:`auc_clustered`), partial areas.
    """
    confidence_level(level)
    score, case = scores_and_cases(scores, y)
    part = _placements(score[case], score[~case])
    n1, n0 = part.cases.size, part.controls.size
    value = float(part.cases.mean())
    if n1 < 2 or n0 < 2:
        which = "case" if n1 < 2 else "control"
        note = f"a single {which}: DeLong's variance does not exist"
        return Auc(Estimate(value, None, None, note), n1, n0)
    variance = float(part.cases.var(ddof=1) / n1 + part.controls.var(ddof=1) / n0)
    return Auc(_estimate(value, variance, level, scale), n1, n0)


def auc_hanley_mcneil(
    scores: ArrayLike, y: ArrayLike, level: float = 0.95, scale: AucScale = AucScale.PLAIN
) -> Auc:
    """AUC with the variance of Hanley and McNeil (Radiology 1982;143:29), at the estimate."""
    confidence_level(level)
    score, case = scores_and_cases(scores, y)
    value, n1 = float(_placements(score[case], score[~case]).cases.mean()), int(case.sum())
    variance = float(auc_variance(value, n1, case.size - n1, AucVarianceModel.HANLEY_MCNEIL))
    return Auc(_estimate(value, variance, level, scale), n1, case.size - n1)


def auc_clustered(
    scores: ArrayLike,
    y: ArrayLike,
    cluster: ArrayLike,
    level: float = 0.95,
    scale: AucScale = AucScale.PLAIN,
) -> Auc:
    """AUC of clustered observations, with Obuchowski's extension of DeLong's variance.

    Clusters may hold cases, controls or both. Source: Obuchowski, Biometrics 1997;53:567, eq. 3-6,
    with I, I10 and I01 the numbers of clusters, of clusters with a case, and with a control.
    """
    confidence_level(level)
    score, case = scores_and_cases(scores, y)
    group, m = codes(cluster, "cluster", score.size)
    part = _placements(score[case], score[~case])
    n1, n0 = part.cases.size, part.controls.size
    value = float(part.cases.mean())
    in_case, in_control = group[case], group[~case]
    with_case, with_control = np.unique(in_case).size, np.unique(in_control).size
    if with_case < 2 or with_control < 2:
        which = "a case" if with_case < 2 else "a control"
        note = f"a single cluster with {which}: the clustered variance does not exist"
        return Auc(Estimate(value, None, None, note), n1, n0)
    ten = np.bincount(in_case, weights=part.cases - value, minlength=m)
    one = np.bincount(in_control, weights=part.controls - value, minlength=m)
    variance = (
        with_case / (with_case - 1) * float(ten @ ten) / n1**2
        + with_control / (with_control - 1) * float(one @ one) / n0**2
        + 2.0 * m / (m - 1) * float(ten @ one) / (n1 * n0)
    )
    return Auc(_estimate(value, variance, level, scale), n1, n0)


def auc_bootstrap(
    scores: ArrayLike,
    y: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> Auc:
    """AUC with the percentile interval of a bootstrap that keeps the numbers of cases and controls.

    ``se`` is the SD of the resampled AUCs; the limits are their type-7 quantiles, as in pROC's
    ``ci.auc(method = "bootstrap")``. The result depends on ``rng`` and on nothing else.
    """
    tail = (1.0 - confidence_level(level)) / 2.0
    count = whole_number(resamples, "resamples", 2)
    score, case = scores_and_cases(scores, y)
    value = float(_placements(score[case], score[~case]).cases.mean())
    draws = _resampled_aucs(np.sort(score[case]), np.sort(score[~case]), rng, count)
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    se = float(draws.std(ddof=1))
    note = "" if se > 0.0 else "every resample gives the same AUC: the interval has no width"
    interval = Interval(float(low), float(high), float(level))
    return Auc(Estimate(value, se, interval, note), int(case.sum()), int((~case).sum()))


def _resampled_aucs(
    cases: FloatArray, controls: FloatArray, rng: np.random.Generator, resamples: int
) -> FloatArray:
    """AUCs of resamples given as multiplicities, so that nothing is sorted again. Inputs ordered.

    With w the multiplicities of the controls, the share of controls below a case is read from the
    running sums of w at two places that never change.
    """
    left, right = controls.searchsorted(cases, "left"), controls.searchsorted(cases, "right")
    n1, n0 = cases.size, controls.size
    result = np.empty(resamples)
    block = max(1, 2_000_000 // (n1 + n0))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        of_cases = rng.multinomial(n1, np.full(n1, 1.0 / n1), size=rows)
        of_controls = rng.multinomial(n0, np.full(n0, 1.0 / n0), size=rows)
        running = np.zeros((rows, n0 + 1), dtype=np.int64)
        np.cumsum(of_controls, axis=1, out=running[:, 1:])
        twice = (of_cases * (running[:, left] + running[:, right])).sum(axis=1)
        result[start : start + rows] = twice / (2.0 * n1 * n0)
    return result


def auc_paired_delong(
    first: ArrayLike, second: ArrayLike, y: ArrayLike, level: float = 0.95
) -> PairedAuc:
    """DeLong's test of two scores on the same people: z = (A1 - A2) / √var(A1 - A2), two-sided.

    ``correlation`` is that of the two AUCs. Where the variance of the difference is 0 or does not
    exist (identical rankings, one case, one control), the test does not either, and notes say so.
    Source: DeLong et al. 1988, eq. 6-8; agrees with pROC's ``roc.test(paired = TRUE)``.
    """
    confidence_level(level)
    score_a, case = scores_and_cases(first, y)
    score_b = vector(second, "second")
    if score_b.size != score_a.size:
        raise ValueError(f"second: got {score_b.size} values; takes {score_a.size}, as first")
    a = _placements(score_a[case], score_a[~case])
    b = _placements(score_b[case], score_b[~case])
    n1, n0 = a.cases.size, a.controls.size
    auc_a, auc_b = float(a.cases.mean()), float(b.cases.mean())
    gap = auc_a - auc_b
    if n1 < 2 or n0 < 2:
        note = f"a single {'case' if n1 < 2 else 'control'}: DeLong's variance does not exist"
        none = HypothesisTest(None, None, note=note)
        return PairedAuc(auc_a, auc_b, Estimate(gap, None, None, note), None, none)
    covariance = np.cov(a.cases, b.cases) / n1 + np.cov(a.controls, b.controls) / n0
    variance = float(
        (a.cases - b.cases).var(ddof=1) / n1 + (a.controls - b.controls).var(ddof=1) / n0
    )
    spread = float(covariance[0, 0] * covariance[1, 1])
    correlation = float(covariance[0, 1]) / spread**0.5 if spread > 0.0 else None
    se = float(np.sqrt(variance))
    z = float(ndtri(0.5 + level / 2.0))
    interval = Interval(gap - z * se, gap + z * se, float(level))
    # Rounding in the placements leaves about 1e-17 where the two rankings agree.
    if variance < 1e-24:
        note = "the difference has no estimated variance: the test does not exist"
        none = HypothesisTest(None, None, note=note)
        return PairedAuc(auc_a, auc_b, Estimate(gap, 0.0, None, note), correlation, none)
    statistic = gap / se
    test = HypothesisTest(statistic, float(2.0 * ndtr(-abs(statistic))))
    return PairedAuc(auc_a, auc_b, Estimate(gap, se, interval), correlation, test)
