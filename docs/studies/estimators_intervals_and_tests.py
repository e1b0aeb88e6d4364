"""Coverage of the intervals and size of the tests of ``recohort.estimators``.

    python docs/studies/estimators_intervals_and_tests.py

writes ``estimators_intervals_and_tests.csv`` and ``.svg`` beside itself, the same bytes each time:
every study has its own random stream, spawned from one seed. ``--only NAME`` runs one study and
prints its table.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from coverage_of_accuracy import (
    accuracy,
    aucs,
    bootstraps,
    calibrations,
    clustered_accuracy,
    clustered_aucs,
    clustered_proportions,
    likelihood_ratios,
    paired_aucs,
    proportions,
    roc_bands,
)
from coverage_of_survival import (
    clustered_survival,
    cox_models,
    follow_up,
    survival,
    unequal_log_rank,
)
from coverage_result import Result, Rng, rejected, values
from scipy.stats import binom

from recohort.estimators.auc import (
    auc_paired_delong,
)
from recohort.estimators.chi_square import chi_square
from recohort.estimators.cox import cox
from recohort.estimators.fisher_exact import fisher_exact
from recohort.estimators.linear_mixed import (
    DegreesOfFreedom,
    linear_mixed_batch,
    treatment_design,
)
from recohort.estimators.log_rank import log_rank
from recohort.estimators.mann_whitney import MannWhitneyMethod, mann_whitney, mann_whitney_batch
from recohort.estimators.mcnemar import McNemarMethod, mcnemar
from recohort.estimators.paired_t import paired_t_batch
from recohort.estimators.two_sample_t import TwoSampleVariance, two_sample_t_batch
from recohort.estimators.wilcoxon_signed_rank import (
    SignedRankMethod,
    wilcoxon_signed_rank,
    wilcoxon_signed_rank_batch,
)

SEED = 20_261_121
HERE = Path(__file__).parent


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
    accuracy,
    clustered_accuracy,
    paired_aucs,
    roc_bands,
    bootstraps,
    follow_up,
    clustered_survival,
    cox_models,
    unequal_log_rank,
)


def draw(results: list[Result], path: Path) -> None:
    """One row a family, one point a setting; grey: within 0.9 to 1.1 times the nominal error."""
    import matplotlib as mpl

    mpl.use("Agg")
    # The same bytes each time.
    mpl.rcParams["svg.hashsalt"] = "recohort"
    import matplotlib.pyplot as plt

    def names(kind: str) -> list[str]:
        chosen = [r for r in results if r.kind == kind and "worst" not in r.setting]
        return list(dict.fromkeys(f"{r.family}: {r.method}" for r in chosen))

    coverage = names("coverage")
    half = (len(coverage) + 1) // 2
    panels = (
        ("coverage", 0.95, coverage[:half]),
        ("coverage", 0.95, coverage[half:]),
        ("size", 0.05, names("size")),
    )
    figure, axes = plt.subplots(1, 3, figsize=(16, 0.22 * half), layout="constrained")
    for axis, (kind, nominal, shown) in zip(axes, panels, strict=True):
        for r in results:
            name = f"{r.family}: {r.method}"
            if r.kind == kind and "worst" not in r.setting and name in shown:
                row = shown.index(name)
                axis.plot(r.rate, row, "o", ms=4, alpha=0.6, color="#1f4e79", mec="none")
        axis.axvspan(nominal - 0.005, nominal + 0.005, color="0.9", zorder=0)
        axis.axvline(nominal, color="0.4", lw=0.8)
        axis.set_yticks(range(len(shown)), shown, fontsize=8)
        axis.set_ylim(half - 0.5, -0.5)
        axis.set_xlabel(f"{kind} (nominal {nominal})")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run every study and write its table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[study.__name__ for study in STUDIES])
    only = parser.parse_args().only
    streams = np.random.SeedSequence(SEED).spawn(len(STUDIES))
    results = [
        result
        for study, stream in zip(STUDIES, streams, strict=True)
        if only in (None, study.__name__)
        for result in study(np.random.default_rng(stream))
    ]
    if only is not None:
        for r in results:
            print(f"{r.family:28} {r.method:28} {r.setting:44} {r.unanswered:5} {r.rate:.4f}")
        return
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
