"""Coverage of the intervals and size of the tests of ``recohort.estimators``.

    python docs/studies/estimators_intervals_and_tests.py

writes ``estimators_intervals_and_tests.csv`` and ``.svg`` beside itself, the same bytes each time:
every setting has its own random stream, spawned from one seed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
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
from recohort.estimators.calibration import calibration
from recohort.estimators.chi_square import chi_square
from recohort.estimators.cox import cox
from recohort.estimators.diagnostic_accuracy import TwoByTwo, diagnostic_accuracy
from recohort.estimators.fisher_exact import fisher_exact
from recohort.estimators.kaplan_meier import (
    SurvivalInterval,
    kaplan_meier,
    landmark_rate_batch,
    survival_quantile,
)
from recohort.estimators.linear_mixed import (
    DegreesOfFreedom,
    linear_mixed_batch,
    treatment_design,
)
from recohort.estimators.log_rank import log_rank
from recohort.estimators.mann_whitney import MannWhitneyMethod, mann_whitney, mann_whitney_batch
from recohort.estimators.mcnemar import McNemarMethod, mcnemar
from recohort.estimators.paired_t import paired_t_batch
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    clustered_proportion_from_counts,
    proportion_intervals,
)
from recohort.estimators.result import Interval
from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t_batch
from recohort.estimators.wilcoxon_signed_rank import (
    SignedRankMethod,
    wilcoxon_signed_rank,
    wilcoxon_signed_rank_batch,
)

SEED = 20_261_121
HERE = Path(__file__).parent
Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Result:
    """Coverage (nominal 0.95) or size (nominal 0.05) of one method in one setting.

    ``unanswered`` counts replicates in which the method says that it does not exist; they count as
    covered (the method makes no claim) and as not rejected.
    """

    kind: str
    family: str
    method: str
    setting: str
    replicates: int
    unanswered: int
    rate: float
    mean_width: float


def covered(
    family: str, method: str, setting: str, truth: float, low: Floats, high: Floats
) -> Result:
    """Coverage from limits, NaN where there are none."""
    known = ~(np.isnan(low) | np.isnan(high))
    inside = (low <= truth) & (truth <= high)
    rate = float(np.where(known, inside, True).mean())
    width = float((high - low)[known].mean()) if known.any() else float("nan")
    return Result("coverage", family, method, setting, low.size, int((~known).sum()), rate, width)


def rejected(family: str, method: str, setting: str, p: Floats) -> Result:
    """Size at 5% from p-values, NaN where there is none."""
    known = ~np.isnan(p)
    rate = float(np.where(known, p < 0.05, False).mean())
    missing = int((~known).sum())
    return Result("size", family, method, setting, p.size, missing, rate, float("nan"))


def limits(intervals: list[Interval | None]) -> tuple[Floats, Floats]:
    """Limits as arrays; NaN for None."""
    low = np.array([np.nan if i is None else i.low for i in intervals])
    return low, np.array([np.nan if i is None else i.high for i in intervals])


def values(p_values: list[float | None]) -> Floats:
    """p-values as an array; NaN for None."""
    return np.array([np.nan if p is None else p for p in p_values])


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
    naive: list[Interval | None] = []
    for _ in range(1500):
        y = rng.random(who.size) < rng.beta(0.2, 0.4, size=clusters)[who]
        shared = rng.normal(size=clusters)[who]
        scores = (shared + rng.normal(size=who.size)) / 2**0.5 + shift * y
        robust.append(auc_clustered(scores, y, who).estimate.interval)
        naive.append(auc_delong(scores, y).estimate.interval)
    for name, found in (("Obuchowski", robust), ("DeLong, clusters ignored", naive)):
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


def survival(rng: Rng) -> Iterator[Result]:
    """Exponential survival, uniform censoring; survival 0.75 at the landmark."""
    at = float(-np.log(0.75))
    for n in (25, 100):
        event_time = rng.exponential(size=(3000, n))
        censored = rng.uniform(0.2, 2.5, size=(3000, n))
        time, event = np.minimum(event_time, censored), event_time <= censored
        for method in SurvivalInterval:
            many = landmark_rate_batch(time, event, at, method)
            yield covered("landmark rate", method, f"n={n}", 0.75, many.low, many.high)
            low, high = [], []
            for t, e in zip(time[:1000], event[:1000], strict=True):
                median = survival_quantile(kaplan_meier(t, e, method))
                # A limit that is not reached lies beyond the data.
                low.append(np.inf if median.low is None else median.low)
                high.append(np.inf if median.high is None else median.high)
            inside = (np.array(low) <= np.log(2)) & (np.log(2) <= np.array(high))
            open_ = int(np.isinf(high).sum())
            yield Result(
                "coverage", "median survival", method, f"n={n}", 1000, open_, inside.mean(), np.nan
            )


def paired_tests(rng: Rng) -> Iterator[Result]:
    """Differences without a shift: normal, on a five-point scale, and skewed with mean 0."""
    replicates = 10_000
    for n in (10, 40):
        zero = np.zeros((replicates, n))
        for name, gap in (
            ("normal", rng.normal(size=(replicates, n))),
            ("five-point", np.rint(rng.normal(size=(replicates, n)))),
            ("skewed", rng.exponential(size=(replicates, n)) - 1.0),
        ):
            setting = f"n={n}, {name}"
            yield rejected("paired t", "t", setting, paired_t_batch(zero, gap).p_value)
            if name == "skewed":
                continue
            for method in (SignedRankMethod.NORMAL, SignedRankMethod.NORMAL_CONTINUITY):
                p = wilcoxon_signed_rank_batch(gap, method).p_value
                yield rejected("Wilcoxon signed-rank", method, setting, p)
            exact = [
                wilcoxon_signed_rank(row, SignedRankMethod.EXACT).p_value for row in gap[:4000]
            ]
            yield rejected("Wilcoxon signed-rank", "exact", setting, values(exact))


def two_sample_tests(rng: Rng) -> Iterator[Result]:
    """Two groups with one mean."""
    replicates = 10_000
    for m, n in ((6, 8), (20, 40)):
        for name, x, y in (
            ("normal", rng.normal(size=(replicates, m)), rng.normal(size=(replicates, n))),
            ("SD 3 : 1", 3 * rng.normal(size=(replicates, m)), rng.normal(size=(replicates, n))),
        ):
            for variance in TwoSampleVariance:
                p = two_sample_t_batch(x, y, variance).p_value
                yield rejected("two-sample t", variance, f"{m} + {n}, {name}", p)
        for name, digits in (("continuous", 9), ("five-point", 0)):
            x = np.round(rng.normal(size=(replicates, m)), digits)
            y = np.round(rng.normal(size=(replicates, n)), digits)
            setting = f"{m} + {n}, {name}"
            for method in (MannWhitneyMethod.NORMAL, MannWhitneyMethod.NORMAL_CONTINUITY):
                p = mann_whitney_batch(x, y, method).p_value
                yield rejected("Mann-Whitney", method, setting, p)
            count = 4000 if m < 10 else 2000
            exact = [
                mann_whitney(a, b, MannWhitneyMethod.EXACT).p_value
                for a, b in zip(x[:count], y[:count], strict=True)
            ]
            yield rejected("Mann-Whitney", "exact", setting, values(exact))


def tables(_rng: Rng) -> Iterator[Result]:
    """Exact sizes: every table with its probability."""
    for n, share in ((12, 0.3), (40, 0.3), (40, 0.1)):
        law = binom.pmf(np.arange(n + 1), n, share)
        tests: dict[str, Callable[[list[list[int]]], float | None]] = {
            "chi-square": lambda t: chi_square(t).test.p_value,
            "chi-square, Yates": lambda t: chi_square(t, continuity=True).test.p_value,
            "Fisher": lambda t: fisher_exact(t).test.p_value,
        }
        for name, test in tests.items():
            size = 0.0
            for a in range(n + 1):
                for b in range(n + 1):
                    p = test([[a, n - a], [b, n - b]])
                    if p is not None and p < 0.05:
                        size += law[a] * law[b]
            yield Result("size", "2×2 table", name, f"{n} + {n}, {share:g}", 0, 0, size, np.nan)
    for n, share in ((30, 0.3), (100, 0.2)):
        discordant = binom.pmf(np.arange(n + 1), n, share)
        for method in McNemarMethod:
            size = 0.0
            for total in range(1, n + 1):
                law = binom.pmf(np.arange(total + 1), total, 0.5)
                for b in range(total + 1):
                    p = mcnemar(b, total - b, method).p_value
                    if p is not None and p < 0.05:
                        size += discordant[total] * law[b]
            setting = f"{n} pairs, {share:g} discordant"
            yield Result("size", "McNemar", method, setting, 0, 0, float(size), np.nan)


def other_tests(rng: Rng) -> Iterator[Result]:
    """Paired DeLong, log-rank and Cox, without an effect."""
    for n1, n0 in ((15, 60), (60, 150)):
        y = np.arange(n1 + n0) < n1
        p: list[float | None] = []
        for _ in range(2000):
            shared = rng.normal(size=y.size)
            one, two = (shared + rng.normal(size=y.size) + y for _ in range(2))
            p.append(auc_paired_delong(one, two, y).test.p_value)
        yield rejected("paired DeLong", "z", f"{n1} cases, {n0} controls", values(p))
    for n in (20, 80):
        p = []
        for _ in range(2000):
            event_time, censored = rng.exponential(size=n), rng.uniform(0.2, 3, size=n)
            time = np.minimum(event_time, censored)
            p.append(log_rank(time, event_time <= censored, np.arange(n) % 2).test.p_value)
        yield rejected("log-rank", "chi-square", f"{n // 2} + {n // 2}", values(p))
    found: dict[str, list[float]] = {"model": [], "cluster-robust": []}
    who = np.repeat(np.arange(30), 4)
    for _ in range(3000):
        frailty = rng.gamma(2.0, 0.5, size=30)[who]
        event_time = rng.exponential(size=120) / frailty
        censored = rng.uniform(0.2, 3, size=120)
        time, event = np.minimum(event_time, censored), event_time <= censored
        # A covariate of the cluster, where ignoring clusters does most harm.
        x = rng.normal(size=30)[who][:, None]
        found["model"].append(float(cox(time, event, x).p_values[0]))
        found["cluster-robust"].append(float(cox(time, event, x, who).p_values[0]))
    for name, several in found.items():
        yield rejected("Cox", name, "30 clusters of 4, covariate of the cluster", np.array(several))


def mixed_models(rng: Rng) -> Iterator[Result]:
    """Fixed effects of a time point and of a group of clusters, without an effect."""
    for groups in (6, 20):
        who = np.repeat(np.arange(groups), 4)
        design, _ = treatment_design(np.tile(np.arange(4), groups))
        between = np.column_stack([np.ones(who.size), np.repeat(np.arange(groups) % 2, 4)])
        y = rng.normal(size=(4000, who.size)) + rng.normal(size=(4000, groups))[:, who]
        for df in DegreesOfFreedom:
            for name, x in (("time point", design), ("group of clusters", between)):
                p = linear_mixed_batch(y, x, who, df=df).p_values[:, 1]
                yield rejected("linear mixed model", df, f"{groups} clusters, {name}", p)


STUDIES = (
    proportions,
    clustered_proportions,
    likelihood_ratios,
    aucs,
    clustered_aucs,
    calibrations,
    survival,
    paired_tests,
    two_sample_tests,
    tables,
    other_tests,
    mixed_models,
)


def draw(results: list[Result], path: Path) -> None:
    """One row a family, one point a setting; grey: within 0.9 to 1.1 times the nominal error."""
    import matplotlib as mpl

    mpl.use("Agg")
    # The same bytes each time.
    mpl.rcParams["svg.hashsalt"] = "recohort"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 9), layout="constrained")
    for axis, kind, nominal in zip(axes, ("coverage", "size"), (0.95, 0.05), strict=True):
        chosen = [r for r in results if r.kind == kind and "worst" not in r.setting]
        names = list(dict.fromkeys(f"{r.family}: {r.method}" for r in chosen))
        for r in chosen:
            row = names.index(f"{r.family}: {r.method}")
            axis.plot(r.rate, row, "o", ms=4, alpha=0.6, color="#1f4e79", mec="none")
        axis.axvspan(nominal - 0.005, nominal + 0.005, color="0.9", zorder=0)
        axis.axvline(nominal, color="0.4", lw=0.8)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_xlabel(f"{kind} (nominal {nominal})")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run every study and write its table and figure."""
    streams = np.random.SeedSequence(SEED).spawn(len(STUDIES))
    results = [
        result
        for study, stream in zip(STUDIES, streams, strict=True)
        for result in study(np.random.default_rng(stream))
    ]
    with (HERE / "estimators_intervals_and_tests.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "kind",
                "family",
                "method",
                "setting",
                "replicates",
                "unanswered",
                "rate",
                "monte_carlo_error",
                "mean_width",
            ]
        )
        for r in results:
            error = (r.rate * (1 - r.rate) / r.replicates) ** 0.5 if r.replicates else 0.0
            width = "" if np.isnan(r.mean_width) else f"{r.mean_width:.4f}"
            writer.writerow(
                [
                    r.kind,
                    r.family,
                    str(r.method),
                    r.setting,
                    r.replicates or "exact",
                    r.unanswered,
                    f"{r.rate:.4f}",
                    f"{error:.4f}",
                    width,
                ]
            )
    draw(results, HERE / "estimators_intervals_and_tests.svg")


if __name__ == "__main__":
    main()
