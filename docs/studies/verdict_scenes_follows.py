"""Scenes of numbers that follow from printed ones, all but for rounding: parts and their whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from verdict_held_out import MEASURES, measured
from verdict_paper import (
    Paper,
    add_arms,
    drawn_arms,
    drawn_size,
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

from recohort.estimators.proportion import ProportionInterval, proportion_interval

SUMMARY: dict[str, Any] = {"kind": "summary", "column": "x"}


def shares(rng: np.random.Generator, off: bool, large: bool = False) -> Paper:
    """An outcome in two arms, in percent: counts, limits of any level and a test held out.

    ``large``: 400 to 900 people and no decimals, so that several counts go with a percentage.
    """
    n = int(rng.integers(400, 901)) if large else int(rng.integers(30, 151))
    arm = drawn_arms(rng, n)
    size = int(arm.sum())
    ill = rng.random(n) < np.where(arm == 1, *rng.uniform(0.1, 0.7, 2))
    one, other = int(ill[arm == 1].sum()), int(ill[arm == 0].sum())
    if not (0 < one < size and 0 < other < n - size):
        return shares(rng, off, large)
    decimals = 0 if large else 1
    paper = Paper({"ill": {"kind": "binary", "unit": "people"}}, n)
    add_arms(paper, arm)
    having = {"kind": "proportion", "having": [equals("ill", 1)]}
    printed = text_of(100 * one / size, decimals)
    paper.print("ill_1", "arm_1", having, percent=printed)
    paper.print("ill_0", "arm_0", having, percent=text_of(100 * other / (n - size), decimals))
    told = ", percentage printed" + (" that several counts have" if large else "")
    paper.hold(
        f"count{told}", "ill_1", "arm_1", having, "count", str(one), one_more=str(one + 1),
        one_less=str(one - 1), digits_swapped=swapped(str(one)), of_the_other_arm=str(other),
    )  # fmt: skip
    level = int(rng.choice((90, 95, 99)))
    found = proportion_interval(one, size, ProportionInterval.WILSON, level / 100)
    for end, limit in (("lower", found.low), ("upper", found.high)):
        paper.hold(
            f"percent limit{told}", "ill_1", "arm_1", having, f"ci{level}_{end}",
            text_of(100 * limit),
            one_SE_interval=text_of(
                100 * (one / size + (limit - one / size) / stats.norm.ppf(0.5 + level / 200))
            ),
        )  # fmt: skip
    table = np.array([[one, size - one], [other, n - size - other]])
    p = float(stats.chi2_contingency(table, correction=True).pvalue)
    group = {"column": "ill", "group": [equals("arm", 1)], "test": "chi_square_yates"}
    paper.hold(
        f"p, chi square with correction{told}", "p", "all", {"kind": "two_sample_test", **group},
        "p_value", p_text(p), one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
    )  # fmt: skip
    return paper


def accuracy(rng: np.random.Generator, off: bool) -> Paper:
    """A test's measures, printed in percent beside totals: counts and limits held out."""
    n = drawn_size(rng)
    ill = rng.permutation(np.arange(n) < round(n * rng.uniform(0.3, 0.7)))
    test = rng.random(n) < np.where(ill, rng.uniform(0.6, 0.95), rng.uniform(0.05, 0.4))
    paper = Paper({}, n)
    for name, values in (("ill", ill), ("test", test)):
        paper.columns[name] = {"kind": "binary", "unit": "people"}
        having = {"kind": "proportion", "having": [equals(name, 1)]}
        paper.print(name, "all", having, count=str(int(values.sum())))
    told = ", percentage printed"
    for measure in ("sensitivity", "specificity"):
        kind = MEASURES[measure]
        k, of = measured(test, ill, measure)
        if not 0 < k < of:
            return accuracy(rng, off)
        analysis = {
            "kind": "diagnostic", "measure": measure, "test": [equals("test", 1)],
            "reference": [equals("ill", 1)],
        }  # fmt: skip
        paper.print(measure, "all", analysis, percent=text_of(100 * k / of))
        paper.hold(
            f"{kind}, count{told}", measure, "all", analysis, "count", str(k),
            one_more=str(k + 1), digits_swapped=swapped(str(k)),
        )  # fmt: skip
        found = proportion_interval(k, of, ProportionInterval.WILSON)
        for name, limit in (("ci95_lower", found.low), ("ci95_upper", found.high)):
            paper.hold(
                f"{kind} limit{told}", measure, "all", analysis, name, text_of(100 * limit),
                one_SE_interval=text_of(100 * (k / of + (limit - k / of) / 1.96)),
            )  # fmt: skip
    return paper


def parts(whole: bool) -> Scene:
    """Means and SDs of both arms printed and those of all held out; or the other way, ``whole``."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = drawn_size(rng)
        arm = drawn_arms(rng, n)
        effect, wider = rng.normal(0.0, 0.6), np.exp(0.2 * rng.normal() * arm)
        x = on_grid(50 + 12 * (effect * arm + standard(rng, n, off) * wider))
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        add_arms(paper, arm)
        rows = {"x": ("all", x), "x_0": ("arm_0", x[arm == 0]), "x_1": ("arm_1", x[arm == 1])}
        held = "x_1" if whole else "x"
        for name, (population, part) in rows.items():
            if name != held:
                paper.print(
                    name, population, SUMMARY, mean=text_of(part.mean()),
                    sd=text_of(part.std(ddof=1)),
                )  # fmt: skip
        population, part = rows[held]
        mean, sd = float(part.mean()), float(part.std(ddof=1))
        told = ", of all and the other arm printed" if whole else ", of both arms printed"
        paper.hold(
            f"mean{told}", held, population, SUMMARY, "mean", text_of(mean),
            digits_swapped=swapped(text_of(mean)), of_the_other_arm=text_of(rows["x_0"][1].mean()),
        )  # fmt: skip
        paper.hold(
            f"SD{told}", held, population, SUMMARY, "sd", text_of(sd),
            SE_as_SD=text_of(sd / math.sqrt(part.size)), digits_swapped=swapped(text_of(sd)),
        )  # fmt: skip
        other = rows["x_0"][1]
        se = float(other.std(ddof=1)) / math.sqrt(other.size)
        paper.hold(
            "SE, SD printed", "x_0", "arm_0", SUMMARY, "se", text_of(se, 2),
            SD_as_SE=text_of(other.std(ddof=1), 2),
            wrong_number=text_of(other.std(ddof=1) / math.sqrt(n), 2),
        )  # fmt: skip
        return paper

    return make


def tested_sd(rng: np.random.Generator, off: bool) -> Paper:
    """An SD held out beside both means, the other arm's SD and the p-value of a t-test."""
    n = int(rng.integers(30, 61))
    arm = drawn_arms(rng, n)
    x = on_grid(50 + 12 * (rng.normal(0.0, 0.6) * arm + standard(rng, n, off)))
    part = [x[arm == value] for value in (0, 1)]
    p = float(stats.ttest_ind(part[1], part[0]).pvalue)
    if p < 0.005:
        return tested_sd(rng, off)
    paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
    add_arms(paper, arm)
    paper.print(
        "x_0", "arm_0", SUMMARY, mean=text_of(part[0].mean()), sd=text_of(part[0].std(ddof=1))
    )
    paper.print("x_1", "arm_1", SUMMARY, mean=text_of(part[1].mean()))
    analysis = {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)],
                "test": "student_t"}  # fmt: skip
    paper.print("p", "all", analysis, p_value=p_text(p))
    sd = float(part[1].std(ddof=1))
    paper.hold(
        "SD, other arm's, means and a p-value printed", "x_1", "arm_1", SUMMARY, "sd", text_of(sd),
        SE_as_SD=text_of(sd / math.sqrt(part[1].size)), digits_swapped=swapped(text_of(sd)),
    )  # fmt: skip
    return paper
