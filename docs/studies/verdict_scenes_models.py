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
    add_glands,
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
HELD: dict[str, tuple[tuple[str, ...], str]] = {
    "limit": (("ci95_upper",), "its other numbers printed"),
    "p": (("p_value",), "its other numbers printed"),
    "value": (("ratio", "p_value"), "limits printed"),
    "lower": (("ci95_lower", "p_value"), "ratio and other limit printed"),
    "upper": (("ci95_upper", "p_value"), "ratio and other limit printed"),
    "auc": ((), ""),
}
"""Which numbers of a term are held out, and what is told of the others."""


def _term_printed(
    paper: Paper,
    b: float,
    se: float,
    held: str,
    ratio: str,
    where: str = "",
    population: str = "all",
) -> None:
    """Print a term's ratio, limits and p; hold out those that ``held`` names.

    ``where`` is told of each, such as that there are centres.
    """
    p = float(2 * stats.norm.sf(abs(b / se)))
    printed = {
        ratio: text_of(math.exp(b), 2), "ci95_lower": text_of(math.exp(b - Z * se), 2),
        "ci95_upper": text_of(math.exp(b + Z * se), 2), "p_value": p_text(p),
    }  # fmt: skip
    wrong = {
        ratio: {
            "coefficient_as_ratio": text_of(abs(b), 2), "inverted": text_of(math.exp(-b), 2)
        },
        **{
            end: {
                "one_SE_interval": text_of(math.exp(b + sign * se), 2),
                "interval_of_90": text_of(math.exp(b + sign * 1.645 * se), 2),
            }
            for end, sign in (("ci95_lower", -1), ("ci95_upper", 1))
        },
        "p_value": {"one_sided": p_text(p / 2), "digit_lost": p_text(p / 10)},
    }  # fmt: skip
    several, told = HELD[held]
    name = ratio.replace("_", " ")
    labels = {ratio: name, "p_value": f"p, {name}"}
    labels |= dict.fromkeys(("ci95_lower", "ci95_upper"), f"{name} limit")
    for statistic in (ratio if one == "ratio" else one for one in several):
        paper.hold(
            f"{labels[statistic]}{where}, {told}", "ratio", population, TERM, statistic,
            printed.pop(statistic), **wrong[statistic],
        )  # fmt: skip
    paper.print("ratio", population, TERM, **printed)


def ratio(held: str, margin: bool = False) -> Scene:
    """A logistic regression on one score; ``auc`` holds out what it foretells of the score."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        most = 151 if held in ("limit", "p") else 101 if held == "auc" else 71
        n = int(rng.integers(50 if most == 151 else 40, most))
        x = on_grid(50 + 12 * standard(rng, n, off))
        slope = rng.normal(0.7, 0.3) / 12
        y = (rng.random(n) < 1 / (1 + np.exp(0.6 - slope * (x - 50)))).astype(float)
        if not 8 <= y.sum() <= n - 8:
            return make(rng, off)
        b, se = slope_and_error(x / 10, y)
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
        _term_printed(paper, b, se, held, "odds_ratio")
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
        _term_printed(paper, b, se, held, "odds_ratio", ", centres")
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


def hazard(held: str, clustered: bool = False) -> Scene:
    """A Cox regression on one score; the score's mean and SD and the follow-up's are printed.

    ``clustered``: one to three glands a person, errors robust to that; in misdescribed papers their
    fates go together.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(12, 26) if clustered else rng.integers(25, 51))
        parent = np.repeat(np.arange(n), rng.integers(1, 4, n)) if clustered else np.arange(n)
        size = parent.size
        x = on_grid(50 + 12 * standard(rng, size, off))
        hardy = np.exp(0.8 * rng.normal(size=n))[parent] if clustered and off else 1.0
        fails = hardy * rng.exponential(45 * np.exp(-rng.normal(0.4, 0.25) / 12 * (x - 50)))
        leaves = rng.uniform(12, 60, size)
        event = fails <= leaves
        time = np.clip(np.rint(np.minimum(fails, leaves)), 1, 60)
        if not 8 <= event.sum() <= size - 5:
            return make(rng, off)
        fit = cox(time, event.astype(float), x[:, None] / 10, parent if clustered else None)
        b, se = float(fit.coefficients[0]), float(fit.standard_errors[0])
        if not fit.converged:
            return make(rng, off)
        unit, where = ("glands", "glands") if clustered else ("people", "all")
        paper = Paper({"x": score(**guess(rng, 50, 12, off), unit=unit)}, n)
        if clustered:
            add_glands(paper, size)
        paper.columns["t"] = {
            "kind": "numeric", "unit": unit, "step": 1, "low": 1, "high": 60,
            "plausible": {"mean": 25, "sd": 14},
        }  # fmt: skip
        paper.columns["ill"] = {"kind": "binary", "unit": unit}
        having = {"kind": "proportion", "having": [equals("ill", 1)]}
        paper.print("ill", where, having, count=str(int(event.sum())))
        for name, values in (("x", x), ("t", time)):
            paper.print(
                name, where, {"kind": "summary", "column": name},
                mean=text_of(values.mean()), sd=text_of(values.std(ddof=1)),
            )  # fmt: skip
        paper.models["risk"] = {
            "kind": "cox", "population": where, "outcome": [equals("ill", 1)], "time": "t",
            "terms": {"x": {"column": "x", "coding": {"per": 10}}},
        }  # fmt: skip
        if clustered:
            paper.models["risk"]["group"] = "people"
        told = ", by clusters" if clustered else ""
        _term_printed(paper, b, se, held, "hazard_ratio", told, where)
        return paper

    return make
