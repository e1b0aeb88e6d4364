"""Sensitivity, specificity, predictive values and likelihood ratios of a yes/no test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from recohort.estimators.arguments import (
    BoolArray,
    FloatArray,
    IntArray,
    binary_vector,
    choice,
    codes,
    confidence_level,
    whole_number,
)
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    clustered_proportion_from_counts,
    proportion,
)
from recohort.estimators.result import Estimate, Interval


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Counts of a test against the truth: true/false positives and negatives."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True, slots=True)
class DiagnosticAccuracy:
    """Accuracy of a test; an entry is None where its denominator is 0.

    The standard errors of the likelihood ratios are those of their logarithms. A likelihood ratio
    whose divisor is 0 is infinite, and NaN if both rates are 0.
    """

    sensitivity: Estimate | None
    specificity: Estimate | None
    positive_predictive_value: Estimate | None
    negative_predictive_value: Estimate | None
    accuracy: Estimate | None
    positive_likelihood_ratio: Estimate | None
    negative_likelihood_ratio: Estimate | None


def two_by_two(predicted: ArrayLike, truth: ArrayLike) -> TwoByTwo:
    """Cross-tabulate 0/1 ``predicted`` (n,) against 0/1 ``truth`` (n,)."""
    test = binary_vector(predicted, "predicted")
    disease = binary_vector(truth, "truth", test.size)
    return TwoByTwo(
        int((test & disease).sum()),
        int((test & ~disease).sum()),
        int((~test & disease).sum()),
        int((~test & ~disease).sum()),
    )


def diagnostic_accuracy(
    table: TwoByTwo,
    method: ProportionInterval = ProportionInterval.WILSON,
    level: float = 0.95,
) -> DiagnosticAccuracy:
    """Every measure of ``table``, proportions under ``method`` and ratios by the log method.

    LR+ = sensitivity / (1 - specificity), LR- = (1 - sensitivity) / specificity, and
    var(log LR+) = 1/TP - 1/(TP+FN) + 1/FP - 1/(FP+TN), likewise LR- with FN and TN
    (Simel, Samsa and Matchar, J Clin Epidemiol 1991;44:763).
    Predictive values are those at the sample's own prevalence.
    """
    confidence_level(level)
    tp = whole_number(table.true_positive, "table.true_positive")
    fp = whole_number(table.false_positive, "table.false_positive")
    fn = whole_number(table.false_negative, "table.false_negative")
    tn = whole_number(table.true_negative, "table.true_negative")

    def share(k: int, n: int) -> Estimate | None:
        return proportion(k, n, method, level) if n > 0 else None

    diseased, healthy = tp + fn, fp + tn
    both = diseased > 0 and healthy > 0
    return DiagnosticAccuracy(
        sensitivity=share(tp, diseased),
        specificity=share(tn, healthy),
        positive_predictive_value=share(tp, tp + fp),
        negative_predictive_value=share(tn, tn + fn),
        accuracy=share(tp + tn, diseased + healthy),
        positive_likelihood_ratio=_ratio(tp, diseased, fp, healthy, level) if both else None,
        negative_likelihood_ratio=_ratio(fn, diseased, tn, healthy, level) if both else None,
    )


def _ratio(k1: int, n1: int, k0: int, n0: int, level: float) -> Estimate:
    """(k1/n1) / (k0/n0) with the log-method interval."""
    if k1 == 0 or k0 == 0:
        value = np.nan if k1 == 0 and k0 == 0 else (np.inf if k0 == 0 else 0.0)
        return Estimate(float(value), None, None, "a count of 0: no log-method interval exists")
    value = (k1 / n1) / (k0 / n0)
    se = float(np.sqrt(1 / k1 - 1 / n1 + 1 / k0 - 1 / n0))
    return Estimate(value, se, _log_interval(value, se, float(ndtri(0.5 + level / 2)), level))


def _log_interval(value: float, se: float, quantile: float, level: float) -> Interval:
    factor = float(np.exp(quantile * se))
    return Interval(value / factor, value * factor, float(level))


def clustered_diagnostic_accuracy(
    predicted: ArrayLike,
    truth: ArrayLike,
    cluster: ArrayLike,
    method: ClusteredProportionInterval = ClusteredProportionInterval.WALD_T,
    level: float = 0.95,
) -> DiagnosticAccuracy:
    """As :func:`diagnostic_accuracy` for several observations a cluster (lesions in patients).

    Proportions by :func:`clustered_proportion` over the clusters that contribute to the
    denominator (an entry is without interval where fewer than two do). Likelihood ratios: the
    cluster-robust delta method on log(rate of cases) - log(rate of controls), with the factor
    m/(m-1) over all m clusters, and t quantiles with m - 1 degrees of freedom (normal ones
    under ``wald``).
    """
    confidence_level(level)
    test = binary_vector(predicted, "predicted")
    disease = binary_vector(truth, "truth", test.size)
    group, m = codes(cluster, "cluster", test.size)
    if m < 2:
        raise ValueError(f"cluster: got {m} cluster; takes at least 2")
    kind = choice(ClusteredProportionInterval, method, "method")

    def count(selected: BoolArray) -> IntArray:
        return np.bincount(group[selected], minlength=m).astype(np.int64)

    tp, fp = count(test & disease), count(test & ~disease)
    fn, tn = count(~test & disease), count(~test & ~disease)

    def share(k: IntArray, n: IntArray) -> Estimate | None:
        used = n > 0
        if not used.any():
            return None
        if used.sum() < 2:
            note = "a single cluster contributes: the robust variance does not exist"
            return Estimate(float(k.sum() / n.sum()), None, None, note)
        return clustered_proportion_from_counts(k[used], n[used], kind, level).estimate

    def ratio(k1: IntArray, n1: IntArray, k0: IntArray, n0: IntArray) -> Estimate | None:
        if n1.sum() == 0 or n0.sum() == 0:
            return None
        if k1.sum() == 0 or k0.sum() == 0:
            return _ratio(int(k1.sum()), int(n1.sum()), int(k0.sum()), int(n0.sum()), level)
        rate1, rate0 = k1.sum() / n1.sum(), k0.sum() / n0.sum()
        pull = (k1 - rate1 * n1) / k1.sum() - (k0 - rate0 * n0) / k0.sum()
        se = float(np.sqrt(m / (m - 1) * np.sum(pull**2)))
        normal = kind is ClusteredProportionInterval.WALD
        tail = 0.5 + level / 2
        quantile = float(ndtri(tail) if normal else stdtrit(m - 1, tail))
        value = float(rate1 / rate0)
        return Estimate(value, se, _log_interval(value, se, quantile, level))

    diseased, healthy = tp + fn, fp + tn
    return DiagnosticAccuracy(
        sensitivity=share(tp, diseased),
        specificity=share(tn, healthy),
        positive_predictive_value=share(tp, tp + fp),
        negative_predictive_value=share(tn, tn + fn),
        accuracy=share(tp + tn, diseased + healthy),
        positive_likelihood_ratio=ratio(tp, diseased, fp, healthy),
        negative_likelihood_ratio=ratio(fn, diseased, tn, healthy),
    )


def bootstrap_diagnostic_accuracy(
    predicted: ArrayLike,
    truth: ArrayLike,
    rng: np.random.Generator,
    cluster: ArrayLike | None = None,
    resamples: int = 2000,
    level: float = 0.95,
) -> DiagnosticAccuracy:
    """As :func:`diagnostic_accuracy` with percentile intervals over resampled observations.

    Whole clusters are resampled where ``cluster`` (n,) is given. Numbers of cases and controls vary
    between resamples, unlike under ``ProportionInterval.BOOTSTRAP``, which keeps a denominator.
    Limits are type-7 quantiles and standard errors SDs of the draws (of their logarithms for the
    likelihood ratios; None where one of them is 0 or infinite). Resamples in which a measure does
    not exist are left out, and a note says how many. The result depends on ``rng`` alone.
    Source: Davison and Hinkley, Bootstrap Methods (1997), 2.4 and 3.8; Rutter, Acad Radiol
    2000;7:413 (clusters).
    """
    tail = (1.0 - confidence_level(level)) / 2.0
    count = whole_number(resamples, "resamples", 2)
    test = binary_vector(predicted, "predicted")
    disease = binary_vector(truth, "truth", test.size)
    cell = 2 * (~test).astype(np.int64) + (~disease)
    table = np.bincount(cell, minlength=4)
    if cluster is None:
        draws = rng.multinomial(test.size, table / test.size, size=count)
    else:
        group, m = codes(cluster, "cluster", test.size)
        if m < 2:
            raise ValueError(f"cluster: got {m} cluster; takes at least 2")
        own = np.bincount(4 * group + cell, minlength=4 * m).reshape(m, 4)
        draws = np.empty((count, 4), dtype=np.int64)
        block = max(1, 2_000_000 // m)
        for start in range(0, count, block):
            size = min(block, count - start)
            draws[start : start + size] = rng.multinomial(m, np.full(m, 1.0 / m), size=size) @ own
    observed, sampled = _measures(table[None, :]), _measures(draws)
    both = disease.any() and not disease.all()

    def measure(i: int) -> Estimate | None:
        value, ratio = float(observed[i][0]), i >= 5
        if not both if ratio else np.isnan(value):
            return None
        return _percentile(value, sampled[i], tail, float(level), ratio)

    return DiagnosticAccuracy(*(measure(i) for i in range(7)))


def _measures(table: IntArray) -> tuple[FloatArray, ...]:
    """The seven measures, in the order of :class:`DiagnosticAccuracy`, of tables (c, 4).

    Columns are true and false positives, false and true negatives; NaN where nothing is counted.
    """
    tp, fp, fn, tn = table.T.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        return (
            sensitivity,
            specificity,
            tp / (tp + fp),
            tn / (tn + fn),
            (tp + tn) / table.sum(axis=1),
            sensitivity / (fp / (tn + fp)),
            (fn / (tp + fn)) / specificity,
        )


def _percentile(
    value: float, draws: FloatArray, tail: float, level: float, ratio: bool
) -> Estimate:
    known = np.sort(draws[~np.isnan(draws)])
    if known.size < 2:
        return Estimate(value, None, None, "it exists in fewer than two resamples")
    missing = draws.size - known.size
    note = f"it does not exist in {missing} of {draws.size} resamples" if missing else ""
    spread = known
    if ratio:
        with np.errstate(divide="ignore"):
            spread = np.log(known)
    se = float(spread.std(ddof=1)) if np.isfinite(spread).all() else None
    limits = [_quantile(known, share) for share in (tail, 1.0 - tail)]
    return Estimate(value, se, Interval(limits[0], limits[1], level), note)


def _quantile(ordered: FloatArray, share: float) -> float:
    """Type-7 quantile of ordered values, of which the last may be infinite."""
    at = share * (ordered.size - 1)
    below = int(at)
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    return low if at == below or low == high else low + (at - below) * (high - low)
