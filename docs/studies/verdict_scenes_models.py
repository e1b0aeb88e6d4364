"""Scenes of a regression: one of its numbers held out, or what it foretells of its predictor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from verdict_held_out import hold_accuracy, hold_auc, hold_order, hold_tests
from verdict_paper import (
    Bools,
    Floats,
    Paper,
    add_arms,
    equals,
    guess,
    on_grid,
    p_text,
    score,
    standard,
    swapped,
    text_of,
)
from verdict_scenes_scores import Scene

from recohort.estimators.auc import auc_delong
from recohort.estimators.cox import cox
from recohort.estimators.mixed_logistic import fit_mixed_logistic

Z = 1.959964
TERM: dict[str, Any] = {"kind": "model_term", "model": "risk", "term": "x"}
LABELS = {
    "odds_ratio": "odds ratio", "hazard_ratio": "hazard ratio", "ci95_upper": "limit",
    "p_value": "p",
}  # fmt: skip


def _term_printed(paper: Paper, b: float, se: float, held: str, ratio: str, note: str) -> None:
    """Print a term's ratio, limits and p; hold one of them out, or none."""
    p = float(2 * stats.norm.sf(abs(b / se)))
    printed = {
        ratio: text_of(math.exp(b), 2), "ci95_lower": text_of(math.exp(b - Z * se), 2),
        "ci95_upper": text_of(math.exp(b + Z * se), 2), "p_value": p_text(p),
    }  # fmt: skip
    wrong = {
        ratio: {
            "coefficient_as_ratio": text_of(abs(b), 2), "inverted": text_of(math.exp(-b), 2)
        },
        "ci95_upper": {
            "one_SE_interval": text_of(math.exp(b + se), 2),
            "interval_of_90": text_of(math.exp(b + 1.645 * se), 2),
        },
        "p_value": {"one_sided": p_text(p / 2), "digit_lost": p_text(p / 10)},
    }  # fmt: skip
    if held in printed:
        kind = LABELS[held]
        if held != ratio:
            kind = f"{LABELS[ratio]} {kind}" if held == "ci95_upper" else f"p, {LABELS[ratio]}"
        paper.hold(f"{kind}{note}", "ratio", "all", TERM, held, printed.pop(held), **wrong[held])
    paper.print("ratio", "all", TERM, **printed)


def ratio(held: str, margin: bool = False) -> Scene:
    """A logistic regression on one score; ``auc`` holds out what it foretells of the score."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(40, 101) if held == "auc" else rng.integers(50, 151))
        x = on_grid(50 + 12 * standard(rng, n, off))
        slope = rng.normal(0.7, 0.3) / 12
        y = (rng.random(n) < 1 / (1 + np.exp(0.6 - slope * (x - 50)))).astype(float)
        if not 8 <= y.sum() <= n - 8:
            return make(rng, off)
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        add_arms(paper, y)
        if margin:
            paper.print(
                "x", "all", {"kind": "summary", "column": "x"},
                mean=text_of(x.mean()), sd=text_of(x.std(ddof=1)),
            )  # fmt: skip
        paper.models["risk"] = {
            "kind": "logistic", "population": "all", "outcome": [equals("arm", 1)],
            "terms": {"x": {"column": "x", "coding": {"kind": "linear", "per": 10}}},
        }  # fmt: skip
        b, se = slope_and_error(x / 10, y)
        _term_printed(paper, b, se, held, "odds_ratio", ", its other numbers printed")
        if held == "auc":
            note = ", odds ratio and margin printed" if margin else ", odds ratio printed"
            hold_auc(paper, x, y, note)
            hold_accuracy(paper, x, y, 55, note)
            hold_tests(paper, x, y, note)
            hold_order(paper, x[y == 1], "x_1", "arm_1", note, ("median",))
            mean = float(x[y == 1].mean())
            paper.hold(
                f"mean{note}", "x_1", "arm_1", {"kind": "summary", "column": "x"}, "mean",
                text_of(mean), digits_swapped=swapped(text_of(mean)),
            )  # fmt: skip
        return paper

    return make


def slope_and_error(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and standard error of a logistic regression, by Newton's method."""
    design = np.column_stack([np.ones(x.size), x - x.mean()])
    beta = np.zeros(2)
    for _ in range(30):
        mean = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        beta += np.linalg.solve(information, design.T @ (y - mean))
    return float(beta[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


def centres(held: str) -> Scene:
    """A mixed logistic regression with centres; ``auc`` holds out areas in its own rows and others.

    Centres differ by 0.3 on the logit scale; in misdescribed papers by 1.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        built = int(rng.integers(50, 91))
        n = built + (int(rng.integers(25, 51)) if held == "auc" else 0)
        several = int(rng.integers(3, 7))
        centre = rng.integers(several, size=n)
        x = on_grid(50 + 12 * standard(rng, n, off))
        shift = (1.0 if off else 0.3) * rng.normal(size=several)[centre]
        chance = 1 / (1 + np.exp(0.6 - rng.normal(0.8, 0.3) / 12 * (x - 50) - shift))
        y = (rng.random(n) < chance).astype(float)
        first = np.arange(n) < built
        enough = [8 <= y[rows].sum() <= rows.sum() - 8 for rows in (first, ~first)]
        if not enough[0] or (held == "auc" and not enough[1]):
            return make(rng, off)
        if np.unique(centre[first]).size < several:
            return make(rng, off)
        design = np.column_stack([np.ones(built), x[first] / 10])
        fit = fit_mixed_logistic(y[first], design, centre[first])
        b, se = float(fit.coef[1]), float(fit.se[1])
        if not (fit.converged and 0 < se < 3):
            return make(rng, off)
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        paper.columns["centre"] = {"kind": "group", "unit": "people", "groups": several}
        add_arms(paper, y)
        paper.models["risk"] = {
            "kind": "mixed_logistic", "population": "all", "outcome": [equals("arm", 1)],
            "group": "centre", "terms": {"x": {"column": "x", "coding": {"per": 10}}},
        }  # fmt: skip
        if held == "auc":
            _split(paper, first, y)
        note = ", centres, its other numbers printed"
        _term_printed(paper, b, se, held, "odds_ratio", note)
        if held == "auc":
            for rows, name, where in ((first, "built", "own"), (~first, "checked", "other")):
                area = auc_delong(x[rows], y[rows]).estimate
                value = area.value if b > 0 else 1 - area.value
                paper.hold(
                    f"AUC in {where} rows, odds ratio with centres printed", f"auc_{name}", name,
                    {"kind": "auc", "model": "risk"}, "auc", text_of(value, 2),
                    optimistic_by_0_05=text_of(min(value + 0.05, 1.0), 2),
                    optimistic_by_0_10=text_of(min(value + 0.10, 1.0), 2),
                )  # fmt: skip
        return paper

    return make


def _split(paper: Paper, first: Bools, y: Floats) -> None:
    """Rows that the model was built on and others, with their numbers and events."""
    paper.columns["first"] = {"kind": "binary", "unit": "people"}
    paper.models["risk"]["population"] = "built"
    for value, name in ((1, "built"), (0, "checked")):
        rows = first == (value == 1)
        paper.populations[name] = {
            "unit": "people", "label": name, "where": [equals("first", value)],
        }  # fmt: skip
        paper.print(name, name, {"kind": "size"}, count=str(int(rows.sum())))
        having = {"kind": "proportion", "having": [equals("arm", 1)]}
        paper.print(f"arm_{name}", name, having, count=str(int(y[rows].sum())))


def hazard(held: str) -> Scene:
    """A Cox regression on one score; the score's mean and SD and the follow-up's are printed."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(40, 101))
        x = on_grid(50 + 12 * standard(rng, n, off))
        fails = rng.exponential(45 * np.exp(-rng.normal(0.4, 0.25) / 12 * (x - 50)))
        leaves = rng.uniform(12, 60, n)
        event = fails <= leaves
        time = np.clip(np.rint(np.minimum(fails, leaves)), 1, 60)
        if not 10 <= event.sum() <= n - 5:
            return make(rng, off)
        fit = cox(time, event.astype(float), x[:, None] / 10)
        if not fit.converged:
            return make(rng, off)
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        paper.columns["t"] = {
            "kind": "numeric", "unit": "people", "step": 1, "low": 1, "high": 60,
            "plausible": {"mean": 25, "sd": 14},
        }  # fmt: skip
        add_arms(paper, event.astype(float))
        for name, values in (("x", x), ("t", time)):
            paper.print(
                name, "all", {"kind": "summary", "column": name},
                mean=text_of(values.mean()), sd=text_of(values.std(ddof=1)),
            )  # fmt: skip
        paper.models["risk"] = {
            "kind": "cox", "population": "all", "outcome": [equals("arm", 1)], "time": "t",
            "terms": {"x": {"column": "x", "coding": {"per": 10}}},
        }  # fmt: skip
        b, se = float(fit.coefficients[0]), float(fit.standard_errors[0])
        _term_printed(paper, b, se, held, "hazard_ratio", ", its other numbers printed")
        return paper

    return make
