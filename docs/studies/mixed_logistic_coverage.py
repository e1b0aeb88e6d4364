"""Coverage of the intervals and size of the tests of the logistic models, by simulation.

    python docs/studies/mixed_logistic_coverage.py [--replicates 1000] [--seed 1]

Fresh cohorts of 215 rows, 15 groups of unequal size and two predictors are drawn for standard
deviations 0, 0.5 and 1 of the random intercept and for base risks of 10% and 35%. Counted are how
often the 95% intervals hold the truth and how often tests of a coefficient that is 0 reject at 5%.
Writes mixed_logistic_coverage.csv and mixed_logistic_coverage.svg beside this file.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recohort.estimators.firth import fit_firth_data
from recohort.estimators.logistic import LogisticFit, fit_logistic_data
from recohort.estimators.logistic_data import LogisticData, logistic_data
from recohort.estimators.logistic_inference import (
    likelihood_ratio_test,
    profile_interval,
    sd_profile_interval,
    sd_test,
    wald_interval,
    wald_test,
)
from recohort.estimators.mixed_logistic import fit_mixed_data

ROWS, GROUPS, SLOPE = 215, 15, 0.6
NODES = 9
NO_START = np.full((1, 4), np.nan)


def draw(rng: np.random.Generator, base: float, sd: float) -> LogisticData:
    """One cohort: a predictor of rows with slope 0.6, and one of groups with slope 0."""
    group = rng.choice(GROUPS, ROWS, p=rng.dirichlet(np.full(GROUPS, 4.0)))
    arm = rng.permutation(GROUPS) % 2
    x = np.column_stack([np.ones(ROWS), rng.normal(size=ROWS), arm[group]])
    eta = base + SLOPE * x[:, 1] + sd * rng.normal(size=GROUPS)[group]
    y = rng.random(ROWS) < 1.0 / (1.0 + np.exp(-eta))
    return logistic_data(y, x, group, None, None, None, ["one", "row", "group"])


def outcomes(data: LogisticData, sd: float) -> Iterator[tuple[str, str, str, float]]:
    """(model, quantity, method, whether the interval holds the truth or the test rejects)."""
    mixed = fit_mixed_data(data, NODES, NO_START)
    plain = fit_logistic_data(data)
    firth = fit_firth_data(data)
    if not (mixed.converged and plain.converged and firth.converged):
        yield "mixed", "fit", "not complete", 1.0
        return
    yield "mixed", "fit", "not complete", 0.0
    for name, fit in (("mixed", mixed), ("ordinary", plain), ("firth", firth)):
        for column, truth in (("row", SLOPE), ("group", 0.0)):
            held = truth in wald_interval(fit, column)
            yield name, f"{column} covered", "Wald", float(held)
            if not (isinstance(fit, LogisticFit) and fit.penalised):
                held = truth in profile_interval(fit, data, column)
                yield name, f"{column} covered", "profile", float(held)
        yield name, "group rejected", "Wald", float(wald_test(fit, "group").p_value < 0.05)
        ratio = likelihood_ratio_test(fit, data, "group")
        if ratio.p_value is not None:
            yield name, "group rejected", "likelihood ratio", float(ratio.p_value < 0.05)
    df = float(GROUPS - 2)
    yield "mixed", "group covered", "Wald t", float(0.0 in wald_interval(mixed, "group", df=df))
    p_value = wald_test(mixed, "group", df=df).p_value
    yield "mixed", "group rejected", "Wald t", float(p_value < 0.05)
    yield "mixed", "sd covered", "profile", float(sd in sd_profile_interval(mixed, data))
    if sd == 0.0:
        p_value = sd_test(mixed, data).p_value
        yield "mixed", "sd rejected", "likelihood ratio", float(p_value < 0.05)


def study(replicates: int, seed: int) -> list[tuple[float, float, str, str, str, int, float]]:
    """One row a setting, model, quantity and method: how many, and what share."""
    rows = []
    for setting, (base, sd) in enumerate(
        (base, sd) for base in (-2.2, -0.6) for sd in (0.0, 0.5, 1.0)
    ):
        tally: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for index in range(replicates):
            sequence = np.random.SeedSequence(seed, spawn_key=(setting, index))
            for *key, value in outcomes(draw(np.random.default_rng(sequence), base, sd), sd):
                tally[key[0], key[1], key[2]].append(value)
        rows += [
            (base, sd, *key, len(values), float(np.mean(values)))
            for key, values in sorted(tally.items())
        ]
    return rows


def plot(rows: list[tuple[float, float, str, str, str, int, float]], path: Path) -> None:
    """Shares by setting, one panel a quantity, with the band of Monte Carlo error."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "recohort"
    import matplotlib.pyplot as plt

    quantities = [("row covered", 0.95), ("group covered", 0.95), ("group rejected", 0.05)]
    settings = sorted({row[:2] for row in rows})
    labels = [f"{100 / (1 + np.exp(-b)):.0f}%, SD {s:g}" for b, s in settings]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    marks = {"Wald": "o", "profile": "s", "likelihood ratio": "s", "Wald t": "^"}
    colours = {"mixed": "#1b6ca8", "ordinary": "#c44e52", "firth": "#7a7a7a"}
    for axis, (quantity, nominal) in zip(axes, quantities, strict=True):
        chosen = [row for row in rows if row[3] == quantity]
        error = 1.96 * np.sqrt(nominal * (1 - nominal) / min(row[5] for row in chosen))
        axis.axhspan(nominal - error, nominal + error, color="0.9")
        axis.axhline(nominal, color="0.5", linewidth=0.8)
        for model, method in sorted({(row[2], row[4]) for row in chosen}):
            shares: NDArray[np.float64] = np.array(
                [
                    row[6]
                    for s in settings
                    for row in chosen
                    if (*row[:2], row[2], row[4]) == (*s, model, method)
                ]
            )
            axis.plot(
                shares,
                marks[method],
                color=colours[model],
                markersize=5,
                label=f"{model}, {method}",
                alpha=0.85,
            )
        axis.set_xticks(range(len(settings)), labels, rotation=35, ha="right", fontsize=8)
        axis.set_title(quantity, fontsize=10)
        axis.legend(fontsize=6.5, frameon=False)
    axes[0].set_ylabel("share of cohorts")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run the study, write its table and its figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = study(options.replicates, options.seed)
    path = Path(__file__).with_suffix(".csv")
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["base_logit", "sd", "model", "quantity", "method", "cohorts", "share"])
        table.writerows((*row[:6], f"{row[6]:.4f}") for row in rows)
    plot(rows, path.with_suffix(".svg"))
    print(path.read_text())


if __name__ == "__main__":
    main()
