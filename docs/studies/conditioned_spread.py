"""How evenly the conditioned cohorts spread over all cohorts that print the imposed values.

    python docs/studies/conditioned_spread.py        (ten minutes)

It writes ``conditioned_spread.csv``, ``conditioned_distance.csv`` and the figure.

Small cards, for which the right answer can be had by brute force (:mod:`conditioned_cases`).
Cohorts are drawn straight from what the card says (its shapes, group sizes and correlations,
everything else independent), without looking at anything printed; those that happen to print every
imposed value are kept. They are an exact sample of the conditional distribution. The held-out
estimates of the product's conditioned cohorts are compared with theirs, analysis by analysis, and
so is how different cohorts are from each other: rows that two cohorts do not share, of all rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from conditioned_cases import CASES, HELD, Case, Columns, Floats
from scipy.stats import ks_2samp

from recohort.analysis.estimate import Analyst
from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, Table
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.search import Plan, reconstruct
from recohort.reconstruct.target import targets_of

COHORTS = 500
ALIKE = 60
WANTED = 2000
MOST_DRAWS = 3_000_000


def _cohort(study: StudyCard, columns: Columns) -> Cohort:
    table = Table(study.units["people"].n)
    unit_of = {key.partition("@")[0]: "people" for key in columns}
    return Cohort({"people": table}, columns, unit_of)


def exact(
    case: Case, study: StudyCard, rng: np.random.Generator, wanted: int | None = None
) -> tuple[list[Cohort], list[dict[str, float]], int]:
    """Cohorts drawn without looking that print every imposed value, and the number of draws."""
    targets = targets_of(study, [Role.INPUT, Role.IMPOSED])
    wanted = WANTED if wanted is None else wanted
    cohorts: list[Cohort] = []
    estimates: list[dict[str, float]] = []
    draws = 0
    while len(cohorts) < wanted and draws < MOST_DRAWS:
        columns = case.prior(rng, case.batch)
        draws += case.batch
        for row in np.flatnonzero(case.sieve(columns)):
            if len(cohorts) == wanted:
                break
            cohort = _cohort(study, {key: values[row] for key, values in columns.items()})
            found = Analyst(study, cohort).reported()
            if all(one.met(found[one.id]) for one in targets):
                cohorts.append(cohort)
                estimates.append(found)
    return cohorts, estimates, draws


def rows_of(cohort: Cohort) -> Counter[tuple[float, ...]]:
    """A cohort's rows, whatever their order."""
    table = np.stack([cohort.columns[key] for key in sorted(cohort.columns)], axis=1)
    return Counter(map(tuple, table.tolist()))


def apart(cohorts: Iterable[Cohort]) -> tuple[float, float]:
    """Mean share of rows that two cohorts do not have in common, and the smallest such share."""
    rows = [rows_of(cohort) for cohort in cohorts]
    n = sum(rows[0].values())
    gaps = [1.0 - sum((rows[i] & rows[j]).values()) / n for i in range(len(rows)) for j in range(i)]
    return float(np.mean(gaps)), float(np.min(gaps))


def compare(mine: Floats, right: Floats) -> list[float]:
    """How a sample's spread stands to the exact one's.

    Shift of the median in exact SDs; ratio of SDs; ratio of the widths of the middle 95%; share
    of exact estimates outside the middle 95% of the sample (5% if the sample is right) and outside
    the range of 150 of it (1.3%); Kolmogorov's distance; its p-value.
    """
    seen, true = mine[np.isfinite(mine)], right[np.isfinite(right)]
    sd = float(true.std())
    low, high = np.quantile(seen, (0.025, 0.975))
    first, last = np.quantile(true, (0.025, 0.975))
    scale = 1e-9 * max(1.0, abs(float(true.mean())))
    beyond = float(((true < low - scale) | (true > high + scale)).mean())
    blocks = [seen[i : i + 150] for i in range(0, seen.size - 149, 150)] or [seen]
    alarms = [((true < b.min() - scale) | (true > b.max() + scale)).mean() for b in blocks]
    test_ = ks_2samp(np.round(seen, 9), np.round(true, 9), method="asymp")
    steady = sd > scale
    return [
        float(np.median(seen) - np.median(true)) / sd if steady else 0.0,
        float(seen.std()) / sd if steady else 1.0,
        float(high - low) / float(last - first) if last - first > scale else 1.0,
        beyond,
        float(np.mean(alarms)),
        float(test_.statistic),
        float(test_.pvalue),
    ]


HEAD = (
    "case", "kind", "value", "cohorts", "exact", "shift_in_sd", "sd_ratio", "width_ratio",
    "exact_outside_95", "exact_outside_150", "kolmogorov", "p_value",
)  # fmt: skip


def study_case(
    name: str, folder: Path, cohorts: int = COHORTS
) -> tuple[list[list[Any]], list[Any]]:
    """The rows of one case, and how different its cohorts are."""
    case = CASES[name]()
    path = folder / name / "case.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    number = list(CASES).index(name)
    study = StudyCard.model_validate(case.card)
    right, right_estimates, draws = exact(case, study, np.random.default_rng([5, number]))
    for item in case.card["quantities"].values() if right else ():
        for statistic, reported in item["values"].items():
            if reported["printed"] == HELD:
                key = next(k for k, v in case.card["quantities"].items() if v is item)
                reported["printed"] = f"{right_estimates[0][f'{key}.{statistic}']:.2f}"
    path.write_text(json.dumps(case.card), encoding="utf-8")
    card_file = load_card(path)
    study = card_file.base
    began = time.process_time()
    found = reconstruct(card_file, Plan(seed=5, conditioned=cohorts))
    spent = time.process_time() - began
    rows = []
    for value in study.values:
        if value.role is not Role.HELD_OUT or not found.conditioned:
            continue
        mine = np.array([one.estimates[value.id] for one in found.conditioned])
        true = np.array([one[value.id] for one in right_estimates])
        kind = study.quantities[value.quantity].analysis.kind
        rows.append(
            [name, kind, value.id, mine.size, true.size] + [f"{x:.4f}" for x in compare(mine, true)]
        )
    targets = targets_of(study, [Role.INPUT, Role.IMPOSED])
    drawn = []
    for index in range(ALIKE if found.conditioned else 0):
        one = draw_cohort(study, targets, np.random.default_rng([6, index]), Effort())
        if not one.unmet:
            drawn.append(one.cohort)
    mine_apart = apart(drawn) if len(drawn) > 1 else (math.nan, math.nan)
    true_apart = apart(right[:ALIKE]) if len(right) > 1 else (math.nan, math.nan)
    print(
        f"{name}: {len(found.conditioned)} cohorts in {spent:.0f} s; {len(right)} of {draws} draws"
        f" print; unmet {found.settings[0].unmet}",
        file=sys.stderr,
        flush=True,
    )
    told = [name, len(found.conditioned), len(right), draws]
    return rows, [*told, *(f"{x:.3f}" for x in (*mine_apart, *true_apart))]


def figure(out: Path) -> None:
    """Draw each value's ratio of SDs and the share of right values outside the middle 95%."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "recohort"
    with (out / "conditioned_spread.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::-1]
    names = [f"{row['case']}: {row['value']}".replace("_", " ") for row in rows]
    axes: Any
    drawn, axes = plt.subplots(1, 2, sharey=True, figsize=(8.0, 0.17 * len(rows) + 1.2))
    for axis, column, right, title in (
        (axes[0], "sd_ratio", 1.0, "SD over that of exact sampling"),
        (axes[1], "exact_outside_95", 0.05, "Right values outside the middle 95%"),
    ):
        axis.scatter([float(row[column]) for row in rows], range(len(rows)), s=14, color="#2166ac")
        axis.axvline(right, color="#888888", lw=0.8, ls=":")
        axis.set_xlim(left=0.0)
        axis.set_title(title, fontsize=9)
    axes[0].set_yticks(range(len(rows)), names, fontsize=7)
    drawn.tight_layout()
    drawn.savefig(out / "conditioned_spread.svg", metadata={"Date": None})


def main() -> None:
    """Study some or all cases, and write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    rows, alike = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.cases:
            mine, told = study_case(name, Path(folder))
            rows += mine
            alike.append(told)
    for file, head, table in (
        ("conditioned_spread.csv", HEAD, rows),
        (
            "conditioned_distance.csv",
            ("case", "cohorts", "exact", "draws", "apart", "least_apart", "exact_apart",
             "exact_least_apart"),
            alike,
        ),
    ):  # fmt: skip
        with (options.out / file).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(table)
    figure(options.out)


if __name__ == "__main__":
    main()
