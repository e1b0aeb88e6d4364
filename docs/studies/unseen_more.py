"""Three further families of made-up papers, of other designs and variables.

They are drawn, printed and judged as those of :mod:`unseen_families`, to which importing this
module adds them.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from unseen_families import FAMILIES
from unseen_paper import Json, Paper, Redraw, equals, needs_both, skewed

LIMITS = ("count", "percent", "ci95_lower", "ci95_upper")


def parallel(paper: Paper) -> None:
    """Two arms and both together: baseline, an endpoint in numbers, one of yes or no, adjusted."""
    rng, n = paper.rng, paper.n
    arm = rng.permutation((np.arange(n) < round(n * rng.choice([0.5, 0.5, 0.67]))).astype(int))
    paper.binary("drug", arm)
    parts = [paper.group("drug", "drug", value) for value in (1, 0)]
    tables = [*parts, "everyone"]
    paper.numeric("bmi", rng.normal(27, 4.5, n), "0.1", 15, 60)
    paper.numeric("pressure", rng.normal(142, 17, n), "1", 90, 220)
    paper.numeric("creatinine", skewed(rng, n, 0.95, 0.3), "0.01", 0.3)
    paper.binary("smoker", rng.random(n) < rng.uniform(0.15, 0.5))
    paper.binary("diabetes", rng.random(n) < rng.uniform(0.1, 0.4))
    walk = skewed(rng, n, 380, 0.2)
    gain = rng.normal(0.04, 0.15, n) + rng.uniform(0.0, 0.12) * arm
    paper.numeric("walk", {"start": walk, "end": walk * np.exp(gain)}, "1", 20, 900)
    score = 0.5 * (rng.random(n) < 0.5) + 0.03 * (paper.frames["people"]["bmi"] - 27)
    score += 0.5 * paper.frames["people"]["diabetes"] - rng.uniform(0, 1) * arm
    paper.binary("relapse", rng.random(n) < 1 / (1 + np.exp(-(score - 0.6))))
    people = paper.frames["people"]
    for name in ("smoker", "diabetes", "relapse"):
        needs_both(people[name], 4)
    for population in tables:
        paper.summarise("bmi", population, median=False)
        paper.summarise("pressure", population, median=False, span=population == "everyone")
        paper.summarise("creatinine", population, median=True)
        paper.share("smoker", population)
        paper.share("diabetes", population)
    for population in parts:
        for key in ("walk@start", "walk@end"):
            analysis = {"kind": "summary", "column": key}
            spread = "se" if rng.random() < 0.3 else "sd"
            name = f"{key.replace('@', '_')}_in_{population}"
            paper.add(name, population, analysis, "mean", spread)
        change = {"kind": "percent_change", "column": "walk@end", "baseline": "walk@start"}
        paper.add(f"gain_in_{population}", population, change, "percent_change")
        paper.share("relapse", population)
    test = str(rng.choice(["student_t", "welch_t", "mann_whitney"]))
    analysis = {"kind": "two_sample_test", "column": "walk@end", "group": [equals("drug", 1)]}
    told = ("p_value",) if test == "mann_whitney" else ("difference", "p_value")
    paper.add("walk_end_by_drug", "everyone", {**analysis, "test": test}, *told)
    paper.compare("bmi", "drug", "student_t")
    paper.compare("creatinine", "drug", "mann_whitney")
    paper.compare("relapse", "drug", str(rng.choice(["chi_square", "chi_square_yates", "fisher"])))
    if n < 100:
        return
    terms: Json = {"drug": {"column": "drug"}}
    others = [
        ("diabetes", {"column": "diabetes"}),
        ("bmi", {"column": "bmi", "coding": {"kind": "linear", "per": "5"}}),
        ("pressure", {"column": "pressure", "coding": {"kind": "linear", "per": "10"}}),
        ("smoker", {"column": "smoker"}),
        ("creatinine", {"column": "creatinine"}),
    ]
    terms |= dict(others[: int(rng.integers(1, min(len(others), n // 100) + 1))])
    for name, term in terms.items():
        is_binary = paper.card["columns"][name]["kind"] == "binary"
        if is_binary and pd.crosstab(people["relapse"], people[term["column"]]).min().min() < 5:
            raise Redraw(f"{name}: hardly any with or without the outcome")
    paper.model("crude", "relapse", {"drug": {"column": "drug"}})
    paper.ratios("crude")
    paper.model("adjusted", "relapse", terms)
    paper.ratios("adjusted", "adjusted_odds_ratio")


def crossover(paper: Paper) -> None:
    """Two treatments of the same people, ordinal scores, parts of the body with events in them."""
    rng, n = paper.rng, paper.n
    sides = 1 + (rng.random(n) < rng.uniform(0.3, 0.9))
    total = int(sides.sum())
    paper.card["units"]["glands"] = {
        "label": "Glands", "n": f"{total}", "within": "people", "max_per_parent": "2",
    }  # fmt: skip
    paper.frames["glands"] = pd.DataFrame(
        {"glands_id": np.arange(1, total + 1), "people_id": np.repeat(np.arange(1, n + 1), sides)}
    )
    paper.card["populations"]["glands"] = {"unit": "glands", "label": "glands"}
    paper.add("glands", "glands", {"kind": "size"}, "count")
    paper.binary("male", rng.random(n) < rng.uniform(0.3, 0.7))
    needs_both(paper.frames["people"]["male"], 6)
    parts = [paper.group("male", "male", value) for value in (1, 0)]
    grade = rng.normal(0, 0.7, n)
    worse = rng.uniform(0.0, 1.0)
    by_arm = {
        "placebo": np.round(2 + worse + grade + rng.normal(0, 0.7, n)),
        "active": np.round(2 + grade + rng.normal(0, 0.7, n)),
    }
    paper.numeric("grade", by_arm, "1", 0, 4)
    flow = skewed(rng, n, 0.6, 0.35)
    more = np.exp(rng.normal(rng.uniform(0, 0.3), 0.25, n))
    paper.numeric("flow", {"placebo": flow, "active": flow * more}, "0.01", 0.05)
    paper.numeric("age", rng.normal(48, 13, n), "1", 18, 90)
    paper.summarise("age", "everyone", median=True, span=True)
    test = "wilcoxon" if rng.random() < 0.5 else "paired_t"
    for population in ("everyone", *parts):
        for arm in ("placebo", "active"):
            paper.summarise(f"grade@{arm}", population, median=True, span=population == "everyone")
            paper.summarise(f"flow@{arm}", population, median=False)
        for key, kind in (("grade", "wilcoxon"), ("flow", test)):
            analysis = {"kind": "paired_test", "column": f"{key}@active"}
            paper.add(
                f"{key}_test_in_{population}", population,
                {**analysis, "baseline": f"{key}@placebo", "test": kind}, "p_value",
            )  # fmt: skip
    change = {"kind": "percent_change", "column": "flow@active", "baseline": "flow@placebo"}
    paper.add("flow_change", "everyone", change, "percent_change")
    person = np.repeat(rng.normal(0, 1, n), sides)
    for name, level in (("stone", 1.6), ("swelling", 1.0), ("fever", 2.2)):
        paper.binary(name, rng.random(total) < 1 / (1 + np.exp(level - person)), "glands")
        needs_both(paper.frames["glands"][name], 2)
        paper.share(name, "glands")
        with_it = paper.group(f"with_{name}", name, 1, "glands")
        paper.add(f"people_with_{name}", with_it, {"kind": "parents"}, "count")
    any_of = [equals("stone", 1), equals("swelling", 1), equals("fever", 1)]
    paper.card["columns"]["trouble"] = {"kind": "derived", "unit": "glands", "any_of": any_of}
    paper.share("trouble", "glands")
    trouble = paper.group("trouble", "trouble", 1, "glands")
    paper.add("people_with_trouble", trouble, {"kind": "parents"}, "count")
    both = {"kind": "proportion", "having": [equals("stone", 1), equals("swelling", 1)]}
    paper.add("stone_and_swelling", "glands", both, "count", "percent")


def markers(paper: Paper) -> None:
    """Markers in a development and a validation cohort: AUCs, cut-points, either of two high."""
    rng, n = paper.rng, paper.n
    paper.binary("derived_in", rng.random(n) < rng.uniform(0.5, 0.75))
    parts = [paper.group("derived_in", "derived_in", value) for value in (1, 0)]
    disease = rng.random(n) < rng.uniform(0.2, 0.6)
    paper.binary("sick", disease)
    people = paper.frames["people"]
    for value in (1, 0):
        needs_both(people.loc[people["derived_in"] == value, "sick"], 8)
    common = rng.normal(0, 1, n)
    sick = [equals("sick", 1)]
    names = ["troponin", "peptide", "ratio"][: int(rng.integers(2, 4))]
    cuts: dict[str, str] = {}
    for name, step, median in zip(names, ("1", "0.1", "0.01"), (40.0, 12.0, 1.5), strict=False):
        shift = rng.uniform(0.4, 1.6)
        latent = 0.4 * common + 0.9 * rng.normal(0, 1, n) + shift * disease
        paper.numeric(name, median * np.exp(0.6 * latent), step, 0)
        cut = float(np.median(people.loc[people["sick"] == 1, name])) * 0.8
        decimals = len(step.partition(".")[2])
        cuts[name] = f"{math.ceil(cut * 10**decimals) / 10**decimals:.{decimals}f}"
    logit = rng.random() < 0.3
    for index, population in enumerate(parts):
        paper.share("sick", population)
        for value, word in ((1, "sick"), (0, "well")):
            where = [equals("derived_in", 1 - index), equals("sick", value)]
            group = f"{word}_{population}"
            paper.card["populations"][group] = {"unit": "people", "label": group, "where": where}
            paper.add(group, group, {"kind": "size"}, "count")
            for name in names:
                paper.summarise(name, group, median=True)
        for name in names:
            auc = {"kind": "auc", "column": name, "outcome": sick}
            if logit:
                auc["interval"] = "delong_logit"
            paper.add(f"{name}_auc_{population}", population, auc,
                      "auc", "ci95_lower", "ci95_upper")  # fmt: skip
            _accuracies(paper, name, [{"column": name, "at_least": cuts[name]}], population)
        if index == 0 and rng.random() < 0.5:
            pair = {"kind": "auc_difference", "column": names[0], "other": names[1]}
            paper.add("auc_gap", population, {**pair, "outcome": sick}, "difference", "p_value")
    either = [{"column": name, "at_least": cuts[name]} for name in names[:2]]
    paper.card["columns"]["either"] = {"kind": "derived", "unit": "people", "any_of": either}
    for population in parts:
        _accuracies(paper, "either", [equals("either", 1)], population)


def _accuracies(paper: Paper, name: str, test: list[Json], population: str) -> None:
    for measure in ("sensitivity", "specificity"):
        analysis = {"kind": "diagnostic", "measure": measure, "test": test,
                    "reference": [equals("sick", 1)], "interval": "wilson"}  # fmt: skip
        paper.add(f"{name}_{measure}_{population}", population, analysis, *LIMITS)


FAMILIES.update(
    {
        "parallel": (parallel, 30, 5000),
        "crossover": (crossover, 30, 5000),
        "markers": (markers, 60, 5000),
    }
)
