"""Coverage of intervals for proportions, diagnostic accuracy, ROC curves and calibration.

Studies of ``estimators_intervals_and_tests.py``, which runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from coverage_result import Result, Rng, covered, limits
from scipy.special import ndtri
from scipy.stats import binom, norm

from recohort.estimators.auc import (
    AucScale,
    auc_bootstrap,
    auc_clustered,
    auc_delong,
    auc_paired_delong,
)
from recohort.estimators.auc_batch import auc_delong_batch
from recohort.estimators.auc_variance import AucVarianceModel, auc_variance
from recohort.estimators.bootstrap import (
    BootstrapInterval,
    bca_interval,
    bootstrap_interval,
    resample_indices,
)
from recohort.estimators.calibration import calibration
from recohort.estimators.diagnostic_accuracy import (
    DiagnosticAccuracy,
    TwoByTwo,
    bootstrap_diagnostic_accuracy,
    clustered_diagnostic_accuracy,
    diagnostic_accuracy,
    two_by_two,
)
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    clustered_proportion_from_counts,
    proportion_intervals,
)
from recohort.estimators.result import Interval
from recohort.estimators.roc import RocBand, roc_band


def proportions(_rng: Rng) -> Iterator[Result]:
    """Exact: coverage summed over all k, averaged over p; and its worst p."""
    grid = np.linspace(0.01, 0.99, 197)
    for n in (15, 50, 150):
        k = np.arange(n + 1)
        weight = binom.pmf(k[:, None], n, grid)
        for method in ProportionInterval:
            many = proportion_intervals(k, n, method)
            low, high = many.low[:, None], many.high[:, None]
            hit = ((low <= grid) & (grid <= high)) | np.isnan(low)
            coverage = (weight * hit).sum(axis=0)
            width = np.nan_to_num(many.high - many.low)
            mean_width = float((weight * width[:, None]).sum(axis=0).mean())
            for name, rate in (("mean over p", coverage.mean()), ("worst p", coverage.min())):
                yield Result(
                    "coverage",
                    "proportion",
                    method,
                    f"n={n}, {name}",
                    0,
                    0,
                    float(rate),
                    mean_width,
                )


def clustered_proportions(rng: Rng) -> Iterator[Result]:
    """Beta-binomial clusters of 1 to 6."""
    replicates, p = 2000, 0.25
    for clusters in (10, 30):
        for correlation in (0.0, 0.3):
            sizes = rng.integers(1, 7, size=(replicates, clusters))
            if correlation:
                scale = 1 / correlation - 1
                chance = rng.beta(p * scale, (1 - p) * scale, size=sizes.shape)
            else:
                chance = np.full(sizes.shape, p)
            k = rng.binomial(sizes, chance)
            setting = f"{clusters} clusters, correlation {correlation:g}"
            for method in ClusteredProportionInterval:
                found = [
                    clustered_proportion_from_counts(a, b, method).estimate.interval
                    for a, b in zip(k, sizes, strict=True)
                ]
                yield covered("clustered proportion", method, setting, p, *limits(found))
            naive = proportion_intervals(k.sum(axis=1), sizes.sum(axis=1))
            yield covered(
                "clustered proportion",
                "wilson, clusters ignored",
                setting,
                p,
                naive.low,
                naive.high,
            )


def likelihood_ratios(rng: Rng) -> Iterator[Result]:
    """LR+ of sensitivity 0.8 and specificity 0.7."""
    for n in (20, 60):
        tp, fp = rng.binomial(n, 0.8, 4000), rng.binomial(n, 0.3, 4000)
        found = []
        for a, b in zip(tp, fp, strict=True):
            ratio = diagnostic_accuracy(TwoByTwo(int(a), int(b), n - int(a), n - int(b)))
            estimate = ratio.positive_likelihood_ratio
            found.append(None if estimate is None else estimate.interval)
        yield covered("likelihood ratio", "log", f"{n} + {n}", 0.8 / 0.3, *limits(found))


def aucs(rng: Rng) -> Iterator[Result]:
    """Normal scores; also rounded to a five-point scale, whose AUC is computed exactly."""
    replicates = 4000
    z = float(ndtri(0.975))
    for n1, n0 in ((8, 60), (30, 100), (60, 155)):
        y = np.arange(n1 + n0) < n1
        for area in (0.7, 0.9):
            shift = norm.ppf(area) * 2**0.5
            scores = rng.normal(size=(replicates, n1 + n0)) + shift * y
            setting = f"{n1} cases, {n0} controls, AUC {area}"
            for scale in AucScale:
                many = auc_delong_batch(scores, y, scale=scale)
                yield covered("AUC", f"DeLong, {scale}", setting, area, many.low, many.high)
            se = np.sqrt(auc_variance(many.auc, n1, n0, AucVarianceModel.HANLEY_MCNEIL))
            low, high = np.maximum(many.auc - z * se, 0), np.minimum(many.auc + z * se, 1)
            yield covered("AUC", "Hanley-McNeil", setting, area, low, high)
            boot = [auc_bootstrap(s, y, rng, 400).estimate.interval for s in scores[:600]]
            yield covered("AUC", "bootstrap", setting, area, *limits(boot))
    cuts = np.array([-0.5, 0.3, 0.9, 1.6])
    share = np.diff(norm.cdf(np.append(np.insert(cuts, 0, -np.inf), np.inf)))
    moved = np.diff(norm.cdf(np.append(np.insert(cuts - 1.0, 0, -np.inf), np.inf)))
    truth = float(moved @ (np.cumsum(share) - share / 2))
    y = np.arange(130) < 30
    scores = np.searchsorted(cuts, rng.normal(size=(replicates, 130)) + y).astype(float)
    many = auc_delong_batch(scores, y)
    yield covered("AUC", "DeLong, plain", "30 + 100, five-point scale", truth, many.low, many.high)


def clustered_aucs(rng: Rng) -> Iterator[Result]:
    """Clusters of three that share half of the variance, and mostly have one outcome."""
    area, clusters = 0.8, 40
    shift = norm.ppf(area) * 2**0.5
    who = np.repeat(np.arange(clusters), 3)
    robust: list[Interval | None] = []
    logit: list[Interval | None] = []
    naive: list[Interval | None] = []
    for _ in range(1500):
        y = rng.random(who.size) < rng.beta(0.2, 0.4, size=clusters)[who]
        shared = rng.normal(size=clusters)[who]
        scores = (shared + rng.normal(size=who.size)) / 2**0.5 + shift * y
        robust.append(auc_clustered(scores, y, who).estimate.interval)
        logit.append(auc_clustered(scores, y, who, scale=AucScale.LOGIT).estimate.interval)
        naive.append(auc_delong(scores, y).estimate.interval)
    for name, found in (
        ("Obuchowski, plain", robust),
        ("Obuchowski, logit", logit),
        ("DeLong, clusters ignored", naive),
    ):
        yield covered("clustered AUC", name, "40 clusters of 3", area, *limits(found))


def calibrations(rng: Rng) -> Iterator[Result]:
    """Predictions that are right."""
    for n in (60, 200):
        found: list[list[Interval | None]] = [[], []]
        for _ in range(1500):
            p = 1 / (1 + np.exp(1 - rng.normal(size=n)))
            ours = calibration(p, rng.random(n) < p)
            found[0].append(ours.slope.interval)
            found[1].append(ours.intercept.interval)
        yield covered("calibration", "slope", f"n={n}", 1.0, *limits(found[0]))
        yield covered("calibration", "intercept", f"n={n}", 0.0, *limits(found[1]))


def accuracy(rng: Rng) -> Iterator[Result]:
    """One test a person: prevalence 0.35, sensitivity 0.8, specificity 0.75."""
    wilson, exact = ProportionInterval.WILSON, ProportionInterval.CLOPPER_PEARSON
    for n in (40, 150):
        found: Found = {}
        for _ in range(1500):
            disease = rng.random(n) < 0.35
            test = rng.random(n) < np.where(disease, 0.8, 0.25)
            table = two_by_two(test, disease)
            _keep(found, diagnostic_accuracy(table, wilson), "wilson", "log")
            _keep(found, diagnostic_accuracy(table, exact), "clopper_pearson", None)
            again = bootstrap_diagnostic_accuracy(test, disease, rng, resamples=500)
            _keep(found, again, "bootstrap", "bootstrap")
        yield from _covered(found, f"n={n}")


def clustered_accuracy(rng: Rng) -> Iterator[Result]:
    """One to four tests a person, disease and both kinds of error each correlated by 0.3."""
    scale, clustered = 1 / 0.3 - 1, ClusteredProportionInterval
    ratio = {
        clustered.WALD_T: "log, clustered",
        clustered.LOGIT: None,
        clustered.KORN_GRAUBARD: None,
    }
    for clusters in (20, 60):
        found: Found = {}
        for _ in range(1500):
            who = np.repeat(np.arange(clusters), rng.integers(1, 5, size=clusters))
            chance = [
                rng.beta(p * scale, (1 - p) * scale, size=clusters)[who] for p in (0.35, 0.8, 0.25)
            ]
            disease, hit, alarm = (rng.random(who.size) < each for each in chance)
            test = np.where(disease, hit, alarm)
            for method, name in ratio.items():
                robust = clustered_diagnostic_accuracy(test, disease, who, method)
                _keep(found, robust, f"{method}, clustered", name)
            again = bootstrap_diagnostic_accuracy(test, disease, rng, who, resamples=500)
            _keep(found, again, "bootstrap, clustered", "bootstrap, clustered")
            naive = diagnostic_accuracy(two_by_two(test, disease))
            _keep(found, naive, "wilson, clusters ignored", "log, clusters ignored")
        yield from _covered(found, f"{clusters} clusters")


def _truth(prevalence: float, sensitivity: float, specificity: float) -> dict[str, float]:
    tp, fn = prevalence * sensitivity, prevalence * (1 - sensitivity)
    tn, fp = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "positive predictive value": tp / (tp + fp),
        "negative predictive value": tn / (tn + fn),
        "positive likelihood ratio": sensitivity / (1 - specificity),
        "negative likelihood ratio": (1 - sensitivity) / specificity,
    }


MEASURES = _truth(0.35, 0.8, 0.75)
Found = dict[tuple[str, str], list[Interval | None]]


def _keep(found: Found, ours: DiagnosticAccuracy, share: str, ratio: str | None) -> None:
    """Keep the intervals of proportions as ``share``, those of ratios as ``ratio``."""
    for measure in MEASURES:
        method = ratio if measure.endswith("ratio") else share
        if method is not None:
            estimate = getattr(ours, measure.replace(" ", "_"))
            interval = None if estimate is None else estimate.interval
            found.setdefault((measure, method), []).append(interval)


def _covered(found: Found, setting: str) -> Iterator[Result]:
    for (measure, method), several in sorted(found.items(), key=lambda item: item[0][0]):
        yield covered(measure, method, setting, MEASURES[measure], *limits(several))


def paired_aucs(rng: Rng) -> Iterator[Result]:
    """The difference of two AUCs, 0.85 and 0.75, of scores that correlate by 0.5."""
    first, second = (norm.ppf(area) * 2**0.5 for area in (0.85, 0.75))
    for n1, n0 in ((15, 60), (60, 150)):
        y = np.arange(n1 + n0) < n1
        found = []
        for _ in range(2000):
            shared = rng.normal(size=y.size)
            one, two = ((shared + rng.normal(size=y.size)) / 2**0.5 for _ in range(2))
            paired = auc_paired_delong(one + first * y, two + second * y, y)
            found.append(paired.difference.interval)
        setting = f"{n1} cases, {n0} controls"
        yield covered("AUC difference", "DeLong", setting, 0.1, *limits(found))


def roc_bands(rng: Rng) -> Iterator[Result]:
    """Normal scores, AUC 0.8: at one specificity, and along the whole curve."""
    shift, at = norm.ppf(0.8) * 2**0.5, np.array([0.5, 0.9])
    grid = np.linspace(0.02, 0.98, 49)
    whole = norm.cdf(shift - ndtri(grid))
    for n1, n0 in ((20, 60), (60, 155)):
        y = np.arange(n1 + n0) < n1
        bands: dict[RocBand, list[tuple[np.ndarray, np.ndarray]]] = {}
        inside = 0
        replicates = 500
        for _ in range(replicates):
            scores = rng.normal(size=y.size) + shift * y
            for method in (RocBand.POINTWISE_BINOMIAL, RocBand.POINTWISE_BOOTSTRAP):
                band = roc_band(scores, y, rng, method, at, resamples=300)
                bands.setdefault(method, []).append((band.low, band.high))
            band = roc_band(scores, y, rng, RocBand.SIMULTANEOUS_KOLMOGOROV, grid)
            inside += bool(((band.low <= whole) & (whole <= band.high)).all())
        setting = f"{n1} cases, {n0} controls"
        for method, several in bands.items():
            low, high = (np.array(side) for side in zip(*several, strict=True))
            for i, specificity in enumerate(at):
                truth = float(norm.cdf(shift - ndtri(specificity)))
                where = f"{setting}, specificity {specificity:g}"
                yield covered("ROC band", method, where, truth, low[:, i], high[:, i])
        method = RocBand.SIMULTANEOUS_KOLMOGOROV
        rate = inside / replicates
        yield Result("coverage", "ROC band", method, setting, replicates, 0, rate, np.nan)


def bootstraps(rng: Rng) -> Iterator[Result]:
    """The mean of skewed (exponential) values."""
    for n in (20, 80):
        found: dict[str, list[Interval | None]] = {}
        for _ in range(1500):
            x = rng.exponential(size=n)
            draws = x[resample_indices(n, 1000, rng)].mean(axis=1)
            for method in BootstrapInterval:
                interval = bootstrap_interval(draws, x.mean(), method)
                found.setdefault(method, []).append(interval)
            left_out = (x.sum() - x) / (n - 1)
            found.setdefault("bca", []).append(bca_interval(draws, x.mean(), left_out))
        for name, several in found.items():
            yield covered("bootstrapped mean", name, f"n={n}", 1.0, *limits(several))
