"""Scenes of a score: summarised by arm or over all, measured once or before and after."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from verdict_held_out import hold_accuracy, hold_auc, hold_order, hold_tests
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

from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank

Scene = Callable[[np.random.Generator, bool], Paper]


def groups_by_mean(rng: np.random.Generator, off: bool, tried: bool = False) -> Paper:
    """Two arms, mean and SD of each printed; tests, AUC, quantiles and shares held out.

    ``tried``: the card gives a skewed and a flat shape as alternatives.
    """
    n = drawn_size(rng)
    arm = drawn_arms(rng, n)
    effect = rng.normal(0.0, 0.6)
    x = on_grid(50 + 12 * (effect * arm + standard(rng, n, off) * np.exp(0.2 * rng.normal() * arm)))
    column = score(**guess(rng, 50, 12, off))
    paper = Paper({"x": column}, n)
    if tried:
        shape = column["plausible"]
        column["plausible"] = {"assume": "shape"}
        paper.assumptions["shape"] = {
            "label": "Shape", "value": shape,
            "alternatives": [{**shape, "family": "lognormal"}, {**shape, "family": "uniform"}],
            "reason": "Usual", "source": "None", "question": "What shape?",
        }  # fmt: skip
    add_arms(paper, arm)
    note = ", means and SDs printed" + (", shapes tried" if tried else "")
    for value in (0, 1):
        part = x[arm == value]
        paper.print(
            f"x_{value}", f"arm_{value}", {"kind": "summary", "column": "x"},
            mean=text_of(part.mean()), sd=text_of(part.std(ddof=1)),
        )  # fmt: skip
    hold_tests(paper, x, arm, note)
    hold_auc(paper, x, arm, note)
    hold_accuracy(paper, x, arm, 55, note)
    hold_order(paper, x[arm == 1], "x_1", "arm_1", note, ("median", "q1", "q3", "min", "max"))
    k = int((x >= 60).sum())
    paper.hold(
        f"share beyond a threshold{note}", "high", "all",
        {"kind": "proportion", "having": [{"column": "x", "at_least": 60}]}, "percent",
        text_of(100 * k / n), wrong_denominator=text_of(100 * k / arm.sum()),
        digits_swapped=swapped(text_of(100 * k / n)),
    )  # fmt: skip
    return paper


def groups_by_median(rng: np.random.Generator, off: bool) -> Paper:
    """Two arms, medians, quartiles and range printed; means, SDs, tests and AUC held out."""
    n = drawn_size(rng)
    arm = drawn_arms(rng, n)
    spread = rng.uniform(0.5, 0.9) if off else math.sqrt(math.log1p(0.25))
    logs = math.log(30 / math.sqrt(1.25)) + spread * rng.normal(size=n)
    x = on_grid(np.exp(logs + 0.3 * rng.normal() * arm), 0, 400)
    shape: dict[str, Any] = {"mean": 30, "sd": 15}
    if not off:
        shape["family"] = "lognormal"
    paper = Paper({"x": {**score(high=400), "plausible": shape}}, n)
    add_arms(paper, arm)
    note = ", medians and quartiles printed"
    for value in (0, 1):
        part = x[arm == value]
        q1, median, q3 = np.quantile(part, (0.25, 0.5, 0.75))
        paper.print(
            f"x_{value}", f"arm_{value}", {"kind": "summary", "column": "x"},
            median=text_of(median), q1=text_of(q1), q3=text_of(q3),
            min=text_of(part.min(), 0), max=text_of(part.max(), 0),
        )  # fmt: skip
    part = x[arm == 1]
    mean, sd = float(part.mean()), float(part.std(ddof=1))
    paper.hold(
        f"mean{note}", "x_1", "arm_1", {"kind": "summary", "column": "x"}, "mean", text_of(mean),
        digits_swapped=swapped(text_of(mean)), of_the_other_arm=text_of(x[arm == 0].mean()),
    )  # fmt: skip
    paper.hold(
        f"SD{note}", "x_1", "arm_1", {"kind": "summary", "column": "x"}, "sd", text_of(sd),
        SE_as_SD=text_of(sd / math.sqrt(part.size)), digits_swapped=swapped(text_of(sd)),
    )  # fmt: skip
    hold_tests(paper, x, arm, note)
    hold_auc(paper, x, arm, note, limits=False)
    return paper


def margin(which: str) -> Scene:
    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = drawn_size(rng)
        x = on_grid(50 + 12 * standard(rng, n, off))
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        summary = {"kind": "summary", "column": "x"}
        mean, sd = float(x.mean()), float(x.std(ddof=1))
        alone = which.endswith("alone")
        printed = {
            "mean": text_of(mean), "sd": text_of(sd), "median": text_of(float(np.median(x))),
            "min": text_of(x.min(), 0), "max": text_of(x.max(), 0),
        }  # fmt: skip
        note = ", nothing else of its kind printed" if alone else ", other statistics printed"
        if which.startswith("mean"):
            paper.hold(
                f"mean{note}", "x", "all", summary, "mean", printed.pop("mean"),
                digits_swapped=swapped(text_of(mean)), median_as_mean=printed["median"],
            )  # fmt: skip
            if alone:
                printed = {"sd": printed["sd"]}
        elif which.startswith("sd"):
            paper.hold(
                f"SD{note}", "x", "all", summary, "sd", printed.pop("sd"),
                SE_as_SD=text_of(sd / math.sqrt(n)), digits_swapped=swapped(text_of(sd)),
            )  # fmt: skip
            if alone:
                printed = {"mean": printed["mean"]}
        else:
            hold_order(paper, x, "x", "all", note, ("median",))
            del printed["median"]
        paper.print("x", "all", summary, **printed)
        return paper

    return make


def paired(tried: bool = False, tested: bool = False) -> Scene:
    """A score before and after, means and SDs printed; tests and changes held out.

    ``tried``: the card gives alternatives of the correlation; ``tested``: the p-value of a paired
    t-test is printed too, which all but fixes it.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = drawn_size(rng)
        r = rng.uniform(0.1, 0.85) if off else 0.5
        common = standard(rng, n, off)
        fresh = standard(rng, n, off)
        before = on_grid(60 + 13 * common, 5)
        drop = rng.uniform(0, 5 if tested else 12)
        after = on_grid(60 - drop + 15 * (r * common + math.sqrt(1 - r * r) * fresh), 5)
        likeness: Any = {"assume": "likeness"} if tried else 0.5
        column = score(correlation=likeness, times=["before", "after"])
        column["low"] = 5
        column["plausible"] = {"before": {"mean": 60, "sd": 13}, "after": {"mean": 54, "sd": 15}}
        paper = Paper({"x": column}, n)
        if tried:
            paper.assumptions["likeness"] = {
                "label": "Likeness", "value": 0.5, "alternatives": [0.2, 0.8],
                "reason": "Usual", "source": "None", "question": "How alike?",
            }  # fmt: skip
        for name, values in (("before", before), ("after", after)):
            paper.print(
                f"x_{name}", "all", {"kind": "summary", "column": f"x@{name}"},
                mean=text_of(values.mean()), sd=text_of(values.std(ddof=1)),
            )  # fmt: skip
        note = ", paired t printed" if tested else ", likeness tried" if tried else ""
        pair = {"column": "x@after", "baseline": "x@before"}
        p_t = float(stats.ttest_rel(after, before).pvalue)
        p_w = float(wilcoxon_signed_rank(after - before).p_value or 1.0)
        if tested and p_t < 0.001:
            return make(rng, off)
        for test, p in (("paired_t", p_t), ("wilcoxon", p_w)):
            if tested and test == "paired_t":
                analysis = {"kind": "paired_test", **pair, "test": test}
                paper.print(f"p_{test}", "all", analysis, p_value=p_text(p))
                continue
            paper.hold(
                f"p, {test.replace('_', ' ')}{note}", f"p_{test}", "all",
                {"kind": "paired_test", **pair, "test": test}, "p_value", p_text(p),
                one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
            )  # fmt: skip
        mean_change = text_of(after.mean() - before.mean())
        paper.hold(
            f"difference, paired{note}", "change", "all",
            {"kind": "paired_test", **pair, "test": "paired_t"}, "difference", mean_change,
            digits_swapped=swapped(mean_change), turned=text_of(before.mean() - after.mean()),
        )  # fmt: skip
        changes = 100 * (after - before) / before
        found = {
            "of_means": 100 * (after.mean() - before.mean()) / before.mean(),
            "mean_of_changes": float(changes.mean()),
            "median_of_changes": float(np.median(changes)),
        }
        for of, value in found.items():
            wrong = 100 * (after.mean() - before.mean()) / after.mean()
            paper.hold(
                f"percent change, {of.replace('_', ' ')}{note}", f"change_{of}", "all",
                {"kind": "percent_change", **pair, "of": of}, "percent_change", text_of(value),
                wrong_base=text_of(wrong), digits_swapped=swapped(text_of(value)),
            )  # fmt: skip
        return paper

    return make


def unspoken(rng: np.random.Generator, off: bool) -> Paper:
    """A score summarised over both arms together; its tests between arms held out."""
    n = drawn_size(rng)
    arm = drawn_arms(rng, n)
    effect = rng.normal(0.0, 0.6) if off else 0.0
    x = on_grid(50 + 12 * (effect * arm + standard(rng, n, off)))
    paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
    add_arms(paper, arm)
    paper.print(
        "x", "all", {"kind": "summary", "column": "x"},
        mean=text_of(x.mean()), sd=text_of(x.std(ddof=1)),
    )  # fmt: skip
    note = ", nothing printed by arm"
    hold_tests(paper, x, arm, note)
    hold_auc(paper, x, arm, note, limits=False)
    return paper


def tested_mean(rng: np.random.Generator, off: bool) -> Paper:
    """A mean held out beside the other arm's, both SDs and the printed p-value of a t-test."""
    n = int(rng.integers(30, 61))
    arm = drawn_arms(rng, n)
    x = on_grid(50 + 12 * (rng.normal(0.0, 0.5) * arm + standard(rng, n, off)))
    paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
    add_arms(paper, arm)
    part = [x[arm == value] for value in (0, 1)]
    p = float(stats.ttest_ind(part[1], part[0]).pvalue)
    if p < 0.01:
        return tested_mean(rng, off)
    summary = {"kind": "summary", "column": "x"}
    paper.print(
        "x_0", "arm_0", summary, mean=text_of(part[0].mean()), sd=text_of(part[0].std(ddof=1))
    )
    paper.print("x_1", "arm_1", summary, sd=text_of(part[1].std(ddof=1)))
    analysis = {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)],
                "test": "student_t"}  # fmt: skip
    paper.print("p", "all", analysis, p_value=text_of(p, 2))
    mean = float(part[1].mean())
    paper.hold(
        "mean, other arm's and a p-value printed", "x_1", "arm_1", summary, "mean", text_of(mean),
        digits_swapped=swapped(text_of(mean)), of_the_other_arm=text_of(part[0].mean()),
    )  # fmt: skip
    return paper


AREA = {
    "area": ((), ", AUC printed"),
    "limit": (("ci95_lower",), ", AUC and other limit printed"),
    "limits": (("ci95_lower", "ci95_upper"), ", both limits printed"),
    "hanley": ((), ", Hanley and McNeil's, AUC printed"),
}
"""What is printed beside the area, or in its place, and how it is told."""


def area(known: str) -> Scene:
    """The AUC of a score is printed: its limits and a rank test held out; or what ``known`` says.

    The score's mean and SD are printed over both arms together.
    """
    imposed, note = AREA[known]

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(30, 151))
        arm = drawn_arms(rng, n)
        x = on_grid(50 + 12 * (rng.normal(0.0, 0.6) * arm + standard(rng, n, off)))
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        add_arms(paper, arm)
        paper.print(
            "x", "all", {"kind": "summary", "column": "x"},
            mean=text_of(x.mean()), sd=text_of(x.std(ddof=1)),
        )  # fmt: skip
        hold_auc(paper, x, arm, note, hanley=known == "hanley")
        if "auc" not in paper.quantities:
            return make(rng, off)
        for name in imposed if known == "limits" else ("auc", *imposed):
            paper.impose(f"auc.{name}")
        if known == "area":
            hold_tests(paper, x, arm, note)
        return paper

    return make
