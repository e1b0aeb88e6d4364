"""Seven families of made-up clinical papers: data are drawn, analysed, and printed.

Each family draws a data set of n participants, lays it out as a study card, and lists what the
paper (:mod:`unseen_paper`) prints.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from unseen_paper import Json, Paper, Redraw, equals, needs_both, skewed


def trial(paper: Paper) -> None:
    """Two arms: a baseline table, a score before and after, a response and a complication."""
    rng, n = paper.rng, paper.n
    arm = rng.permutation(np.arange(n) % 2)
    paper.binary("arm", arm)
    arms = [paper.group("arm", "arm", value) for value in (1, 0)]
    paper.numeric("age", rng.normal(rng.uniform(40, 70), rng.uniform(8, 15), n), "1", 18, 95)
    paper.binary("female", rng.random(n) < rng.uniform(0.3, 0.7))
    paper.numeric("lab", skewed(rng, n, 10 ** rng.uniform(0.7, 2.3), 0.5), "0.1", 0)
    top = 10 if rng.random() < 0.6 else 100
    person = rng.normal(0, 0.1, n)
    before = top * (rng.uniform(0.55, 0.75) + person + rng.normal(0, 0.1, n))
    effect = rng.uniform(0.05, 0.3) + rng.normal(0, 0.08) * arm
    after = before - top * (effect + rng.normal(0, 0.12, n))
    paper.numeric("pain", {"before": before, "after": after}, "1", 0, top)
    paper.binary("unwell", rng.random(n) < rng.uniform(0.03, 0.12))
    people = paper.frames["people"]
    span = bool(rng.random() < 0.4)
    for population in arms:
        paper.summarise("age", population, median=False, span=span)
        paper.share("female", population)
        paper.summarise("lab", population, median=True)
        paper.summarise("pain@before", population, median=False)
        paper.summarise("pain@after", population, median=False, span=span)
        paper.share("unwell", population)
        analysis = {"kind": "paired_test", "column": "pain@after", "baseline": "pain@before"}
        test = "paired_t" if n > 60 else "wilcoxon"
        paper.add(f"change_in_{population}", population, {**analysis, "test": test}, "p_value")
    test = ("student_t", "welch_t")[rng.integers(2)]
    if rng.random() < 0.7:
        paper.compare("age", "arm", test)
        paper.compare("female", "arm", "chi_square")
        paper.compare("lab", "arm", "mann_whitney")
        paper.compare("pain@before", "arm", test)
    paper.compare("pain@after", "arm", "mann_whitney" if rng.random() < 0.4 else test)
    if rng.random() < 0.5:
        limit = {"column": "pain@after", "at_most": f"{round(0.4 * top)}"}
        rule = {"kind": "derived", "unit": "people", "all_of": [limit]}
        paper.card["columns"]["responder"] = rule
    else:
        paper.binary("responder", rng.random(n) < 0.4 + 0.2 * arm)
        needs_both(people["responder"])
    for population in arms:
        paper.share("responder", population)
    paper.compare("responder", "arm", "chi_square")
    needs_both(people["unwell"])
    paper.compare("unwell", "arm", "fisher")


def _predictors(paper: Paper, count: int) -> tuple[Json, np.ndarray]:
    """Predictors of several codings, as terms, and their linear predictor."""
    rng, n = paper.rng, paper.n
    terms, score = {}, np.zeros(n)
    for index in range(count):
        name = f"x{index + 1}"
        kind = rng.choice(
            ["binary", "years", "score", "lab", "cut"], p=(0.35, 0.2, 0.15, 0.15, 0.15)
        )
        if kind == "binary":
            paper.binary(name, rng.random(n) < rng.uniform(0.2, 0.6))
            terms[name] = {"column": name}
        elif kind == "years":
            paper.numeric(name, rng.normal(60, 12, n), "1", 18, 95)
            terms[name] = {"column": name, "coding": {"kind": "linear", "per": "10"}}
        elif kind == "score":
            paper.numeric(name, rng.normal(5, 2.2, n), "1", 0, 10)
            terms[name] = {"column": name}
        elif kind == "lab":
            paper.numeric(name, skewed(rng, n, 8.0, 0.5) + 0.5, "0.1", 0.5)
            terms[name] = {"column": name, "coding": {"kind": "log", "per": "2"}}
        else:
            paper.numeric(name, skewed(rng, n, 50.0, 0.5), "1", 0)
            cut = float(np.median(paper.frames["people"][name]))
            coding = {"kind": "at_least", "threshold": f"{math.ceil(cut)}"}
            terms[name] = {"column": name, "coding": coding}
        from unseen_judge import design

        x = design(paper.card, {"terms": {name: terms[name]}}, paper.frames["people"])[name]
        score += rng.normal(0.3, 0.5) * ((x - x.mean()) / max(x.std(), 1e-9)).to_numpy()
    return terms, score


def _describe(paper: Paper, terms: Json, population: str = "everyone") -> None:
    """The predictors' row of a table: n (%) or mean and SD or median and quartiles."""
    for name, term in terms.items():
        kind = term.get("coding", {}).get("kind")
        if paper.card["columns"][name]["kind"] == "binary":
            paper.share(name, population)
        elif kind == "at_least":
            having = [{"column": name, "at_least": term["coding"]["threshold"]}]
            analysis = {"kind": "proportion", "having": having}
            paper.add(f"{name}_high_in_{population}", population, analysis, "count", "percent")
        else:
            paper.summarise(name, population, median=kind == "log")


def _enough(paper: Paper, outcome: str, terms: Json) -> None:
    """Cells that a logistic model can be fitted on."""
    people = paper.frames["people"]
    needs_both(people[outcome], 5 * len(terms) + 5)
    for name in terms:
        is_binary = paper.card["columns"][name]["kind"] == "binary"
        if is_binary and pd.crosstab(people[outcome], people[name]).to_numpy().min() < 3:
            raise Redraw(f"{name}: hardly any with or without the outcome")


def cohort(paper: Paper) -> None:
    """Univariable and multivariable logistic regression, and the model's AUC."""
    rng, n = paper.rng, paper.n
    count = int(rng.integers(2, 9 if n > 250 else 5 if n > 100 else 3))
    terms, score = _predictors(paper, count)
    chance = 1 / (1 + np.exp(-(score + rng.normal(-0.6, 0.4))))
    paper.binary("event", rng.random(n) < chance)
    _enough(paper, "event", terms)
    paper.share("event", "everyone")
    if rng.random() < 0.4:
        for population in [paper.group("event", "event", value) for value in (1, 0)]:
            _describe(paper, terms, population)
        for name, term in terms.items():
            kind = term.get("coding", {}).get("kind")
            if paper.card["columns"][name]["kind"] == "binary":
                paper.compare(name, "event", "chi_square")
            elif kind != "at_least":
                paper.compare(name, "event", "mann_whitney" if kind == "log" else "student_t")
    else:
        _describe(paper, terms)
    for name, term in terms.items():
        if term.get("coding", {}).get("kind") == "at_least":
            paper.guess(name)
    if rng.random() < 0.6:
        for name, term in terms.items():
            paper.model(f"only_{name}", "event", {name: term})
            paper.ratios(f"only_{name}")
    paper.model("full", "event", terms)
    paper.ratios("full", "adjusted_odds_ratio")
    if rng.random() < 0.7:
        analysis = {"kind": "auc", "model": "full"}
        paper.add("auc", "everyone", analysis, "auc", "ci95_lower", "ci95_upper")


def centres(paper: Paper) -> None:
    """A mixed logistic model with centres, and AUCs in the development and validation cohorts."""
    rng, n = paper.rng, paper.n
    terms, score = _predictors(paper, int(rng.integers(2, 5)))
    count = int(rng.integers(4, 13))
    centre = rng.integers(count, size=n)
    paper.frames["people"]["centre"] = centre + 1.0
    if np.unique(centre).size < count:
        raise Redraw("an empty centre")
    paper.card["columns"]["centre"] = {"kind": "group", "unit": "people", "groups": f"{count}"}
    shift = rng.normal(0, rng.uniform(0.1, 0.8), count)[centre]
    chance = 1 / (1 + np.exp(-(score + shift - 0.5)))
    paper.binary("event", rng.random(n) < chance)
    paper.binary("development", rng.random(n) < 0.7)
    parts = [paper.group("development", "development", value) for value in (1, 0)]
    _enough(paper, "event", terms)
    for population in parts:
        paper.share("event", population)
    _describe(paper, terms)
    for name, term in terms.items():
        if term.get("coding", {}).get("kind") == "at_least":
            paper.guess(name)
    paper.model(
        "full", "event", terms, kind="mixed_logistic", group="centre", population="development_1"
    )
    paper.ratios("full", "adjusted_odds_ratio")
    for population in parts:
        analysis = {"kind": "auc", "model": "full"}
        paper.add(f"auc_{population}", population, analysis, "auc", "ci95_lower", "ci95_upper")


def accuracy(paper: Paper) -> None:
    """Lesions in patients: two tests of a disease, a score with a cut-off, and its AUC."""
    rng, n = paper.rng, paper.n
    sizes = 1 + rng.poisson(rng.uniform(0.1, 0.9), n)
    total = int(sizes.sum())
    paper.card["units"]["lesions"] = {"label": "Lesions", "n": f"{total}", "within": "people"}
    paper.frames["lesions"] = pd.DataFrame(
        {"lesions_id": np.arange(1, total + 1), "people_id": np.repeat(np.arange(1, n + 1), sizes)}
    )
    paper.card["populations"]["lesions"] = {"unit": "lesions", "label": "lesions"}
    paper.add("lesions", "lesions", {"kind": "size"}, "count")
    person = np.repeat(rng.normal(0, 0.7, n), sizes)
    disease = rng.random(total) < 1 / (1 + np.exp(-(person - rng.uniform(-0.5, 1))))
    paper.binary("disease", disease, "lesions")
    paper.binary("test", rng.random(total) < np.where(disease, 0.85, 0.2), "lesions")
    paper.binary("other", rng.random(total) < np.where(disease, 0.7, 0.1), "lesions")
    paper.numeric("size", skewed(rng, total, 18, 0.45), "1", 3, 150, unit="lesions")
    marker = np.exp(rng.normal(0, 0.5, total) + 0.8 * disease)
    paper.numeric("marker", marker, "0.01", 0, unit="lesions")
    lesions = paper.frames["lesions"]
    needs_both(lesions["disease"], 4)
    paper.share("disease", "lesions")
    paper.summarise("size", "lesions", median=bool(rng.random() < 0.5), span=True)
    diseased = paper.group("disease", "disease", 1, "lesions")
    healthy = paper.group("disease", "disease", 0, "lesions")
    paper.add("with_disease", diseased, {"kind": "parents"}, "count")
    paper.summarise("marker", diseased, median=True)
    paper.summarise("marker", healthy, median=True)
    interval = ("wilson", "clopper_pearson", "wald")[rng.integers(3)]
    reference = [equals("disease", 1)]
    cut = f"{float(lesions['marker'].quantile(1 - lesions['disease'].mean())):.1f}"
    limits = ("count", "percent", "ci95_lower", "ci95_upper")
    for test, condition in (
        ("test", equals("test", 1)),
        ("other", equals("other", 1)),
        ("marker", {"column": "marker", "at_least": cut}),
    ):
        for measure in ("sensitivity", "specificity", "positive_predictive_value",
                        "negative_predictive_value"):  # fmt: skip
            analysis = {"kind": "diagnostic", "measure": measure, "test": [condition],
                        "reference": reference, "interval": interval}  # fmt: skip
            paper.add(f"{test}_{measure}", "lesions", analysis, *limits)
    small = [{"column": "size", "below": "20"}]
    paper.card["populations"]["small"] = {"unit": "lesions", "label": "small", "where": small}
    paper.add("small", "small", {"kind": "size"}, "count")
    analysis = {"kind": "diagnostic", "measure": "sensitivity", "test": [equals("test", 1)],
                "reference": reference, "interval": interval}  # fmt: skip
    paper.add("test_sensitivity_small", "small", analysis, *limits)
    auc = {"kind": "auc", "column": "marker", "outcome": reference}
    paper.add("marker_auc", "lesions", auc, "auc", "ci95_lower", "ci95_upper")
    paper.compare("marker", "disease", "mann_whitney", "lesions")


def repeated(paper: Paper) -> None:
    """A score at three to six visits with dropout; changes and paired tests against the first."""
    rng, n = paper.rng, paper.n
    visits = ["baseline", "1_week", "1_month", "3_months", "6_months", "12_months"]
    visits = visits[: int(rng.integers(3, 7))]
    top, step = ((10, "1"), (10, "0.1"), (100, "1"))[rng.integers(3)]
    person = rng.normal(0, 0.12, n)
    falls = np.sort(rng.uniform(0.1, 0.5, len(visits) - 1))
    leaves = np.where(rng.random(n) < 0.3, rng.integers(1, len(visits) + 1, n), len(visits) + 1)
    values = {}
    for index, visit in enumerate(visits):
        level = 0.65 - (falls[index - 1] if index else 0) + person + rng.normal(0, 0.13, n)
        values[visit] = np.where(leaves > index, top * level, np.nan)
        if np.isfinite(values[visit]).sum() < 6:
            raise Redraw("hardly anyone left")
    paper.numeric("pain", values, step, 0, top)
    paper.numeric("age", rng.normal(55, 12, n), "1", 18, 95)
    paper.summarise("age", "everyone", median=False, span=True)
    paper.binary("female", rng.random(n) < 0.5)
    paper.share("female", "everyone")
    test = "wilcoxon" if n < 60 or rng.random() < 0.3 else "paired_t"
    for index, visit in enumerate(visits):
        key = f"pain@{visit}"
        paper.summarise(key, "everyone", median=False, span=bool(rng.random() < 0.2))
        if index:
            pair = {"column": key, "baseline": "pain@baseline"}
            change = {"kind": "percent_change", **pair}
            paper.add(f"fall_{visit}", "everyone", change, "percent_reduction_from_baseline")
            paired = {"kind": "paired_test", **pair, "test": test}
            paper.add(f"test_{visit}", "everyone", paired, "p_value")


def survival(paper: Paper) -> None:
    """Time to an event: Kaplan-Meier rates with intervals, follow-up, perhaps a hazard ratio."""
    rng, n = paper.rng, paper.n
    clustered = bool(rng.random() < 0.4)
    unit = "lesions" if clustered else "people"
    rows, shift = n, np.zeros(n)
    if clustered:
        sizes = 1 + rng.poisson(0.6, n)
        rows = int(sizes.sum())
        people = np.repeat(np.arange(1, n + 1), sizes)
        paper.card["units"]["lesions"] = {"label": "Lesions", "n": f"{rows}", "within": "people"}
        paper.frames["lesions"] = pd.DataFrame(
            {"lesions_id": np.arange(1, rows + 1), "people_id": people}
        )
        paper.card["populations"]["lesions"] = {"unit": "lesions", "label": "lesions"}
        paper.add("lesions", "lesions", {"kind": "size"}, "count")
        shift = np.repeat(rng.normal(0, 0.8, n), sizes)
    base = "lesions" if clustered else "everyone"
    arm = rng.random(rows) < 0.5
    fails = rng.exponential(rng.uniform(30, 150) * np.exp(shift + 0.4 * arm))
    leaves = rng.uniform(rng.uniform(3, 20), 60, rows)
    paper.numeric("months", np.minimum(fails, leaves), "0.1", 0.1, 60, unit=unit)
    paper.binary("failed", fails < leaves, unit)
    paper.binary("arm", arm, unit)
    frame = paper.frames[unit]
    needs_both(frame["failed"], 4)
    needs_both(frame["arm"], 8)
    paper.share("failed", base)
    event = [equals("failed", 1)]
    groups = [base]
    if rng.random() < 0.6:
        groups += [paper.group("arm", "arm", value, unit) for value in (1, 0)]
        for population in groups[1:]:
            paper.share("failed", population)
    else:
        paper.share("arm", base)
    for population in groups:
        for at in ("12", "24", "36"):
            analysis = {"kind": "kaplan_meier", "time": "months", "event": event, "at": at}
            limits = ("percent", "ci95_lower", "ci95_upper")
            paper.add(
                f"free_at_{at}_in_{population}", population,
                {**analysis, "clustered": "true"} if clustered else analysis, *limits,
            )  # fmt: skip
    follow_up = {"kind": "reverse_kaplan_meier", "time": "months", "event": event}
    paper.add("follow_up", base, follow_up, "median")
    if not clustered and len(groups) > 1 and rng.random() < 0.5:
        paper.model("hazard", "failed", {"arm": {"column": "arm"}}, kind="cox", time="months")
        paper.ratios("hazard", "hazard_ratio")


def pilot(paper: Paper) -> None:
    """About thirty people, one arm: everything of a small table, exact and rank tests."""
    rng, n = paper.rng, paper.n
    paper.numeric("age", rng.normal(60, 12, n), "1", 18, 95)
    paper.binary("female", rng.random(n) < 0.5)
    paper.numeric("lab", skewed(rng, n, 40, 0.5), "1", 0)
    person = rng.normal(0, 1.2, n)
    before = 7 + person + rng.normal(0, 1, n)
    after = 7 - rng.uniform(0.4, 3) + person + rng.normal(0, 1.4, n)
    paper.numeric("pain", {"before": before, "after": after}, "1", 0, 10)
    paper.binary("success", rng.random(n) < 0.6)
    people = paper.frames["people"]
    for name in ("female", "success"):
        needs_both(people[name], 3)
        paper.share(name, "everyone")
    paper.summarise("age", "everyone", median=False, span=True)
    paper.summarise("lab", "everyone", median=True, span=bool(rng.random() < 0.5))
    paper.summarise("pain@before", "everyone", median=bool(rng.random() < 0.5), span=True)
    paper.summarise("pain@after", "everyone", median=bool(rng.random() < 0.5), span=True)
    paired = {"kind": "paired_test", "column": "pain@after", "baseline": "pain@before"}
    paper.add("pain_test", "everyone", {**paired, "test": "wilcoxon"}, "p_value")
    parts = [paper.group("success", "success", value) for value in (1, 0)]
    for population in parts:
        paper.summarise("age", population, median=False)
        paper.share("female", population)
        paper.summarise("lab", population, median=True)
    paper.compare("age", "success", "student_t")
    paper.compare("female", "success", "fisher")
    paper.compare("lab", "success", "mann_whitney")


FAMILIES: dict[str, tuple[Callable[[Paper], None], int, int]] = {
    "trial": (trial, 30, 5000),
    "cohort": (cohort, 80, 5000),
    "centres": (centres, 200, 5000),
    "accuracy": (accuracy, 30, 5000),
    "repeated": (repeated, 30, 5000),
    "survival": (survival, 30, 5000),
    "pilot": (pilot, 30, 45),
}
"""Each family with the fewest and the most participants that it is drawn with."""


def draw_paper(seed: int, family: str, index: int, low: int, high: int) -> Paper:
    """A correct paper, drawn anew until its data can be analysed."""
    build, least, most = FAMILIES[family]
    number = list(FAMILIES).index(family)
    for attempt in range(200):
        rng = np.random.default_rng(np.random.SeedSequence((seed, number, index, attempt)))
        bottom = min(max(low, least), most)
        top = max(min(high, most), bottom)
        n = round(math.exp(rng.uniform(math.log(bottom), math.log(top))))
        paper = Paper(family, rng, n)
        try:
            build(paper)
            paper.print()
        except (Redraw, np.linalg.LinAlgError):
            continue
        return paper
    raise ValueError(f"{family} {index}: no data set of the sizes {low} to {high} can be analysed")
