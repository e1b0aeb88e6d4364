"""Scenes of counts: an outcome in two arms, a test against a truth, glands in people."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from verdict_held_out import hold_measures, measured
from verdict_paper import (
    Paper,
    add_arms,
    add_glands,
    drawn_arms,
    drawn_size,
    equals,
    p_text,
    swapped,
    text_of,
)
from verdict_scenes_scores import Scene


def counts(known: str) -> Scene:
    """A yes-or-no outcome in two arms: both counts printed, all but one, the total, or none.

    ``tried``: none, and the card gives alternatives of the share.
    """

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = drawn_size(rng)
        arm = drawn_arms(rng, n)
        rate = 0.3
        chance = np.full(n, rate)
        if off:
            chance = np.where(arm == 1, rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.7))
        ill = rng.random(n) < chance
        column: dict[str, Any] = {"kind": "binary", "unit": "people"}
        if known in ("none", "tried"):
            column["prevalence"] = rate if known == "none" else {"assume": "share"}
        paper = Paper({"ill": column}, n)
        if known == "tried":
            paper.assumptions["share"] = {
                "label": "Share", "value": rate, "alternatives": [0.15, 0.5],
                "reason": "Usual", "source": "None", "question": "How many?",
            }  # fmt: skip
        add_arms(paper, arm)
        having = {"kind": "proportion", "having": [equals("ill", 1)]}
        one, other = int(ill[arm == 1].sum()), int(ill[arm == 0].sum())
        size = int(arm.sum())
        percent = text_of(100 * one / size)
        wrong = {
            "wrong_denominator": text_of(100 * one / n),
            "digits_swapped": swapped(percent),
            "one_case_more": text_of(100 * min(one + 1, size) / size),
        }
        if known == "both":
            paper.print("ill_1", "arm_1", having, count=str(one))
            paper.print("ill_0", "arm_0", having, count=str(other))
            table = np.array([[one, size - one], [other, n - size - other]])
            if (table.sum(axis=0) == 0).any():
                return make(rng, off)
            found = {
                "chi_square": float(stats.chi2_contingency(table, correction=False).pvalue),
                "fisher": float(stats.fisher_exact(table).pvalue),
            }
            for test, p in found.items():
                group = {"column": "ill", "group": [equals("arm", 1)], "test": test}
                paper.hold(
                    f"p, {test.replace('_', ' ')}, counts printed", f"p_{test}", "all",
                    {"kind": "two_sample_test", **group}, "p_value", p_text(p),
                    one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
                )  # fmt: skip
            paper.hold(
                "percent, count printed", "ill_1", "arm_1", having, "percent", percent, **wrong
            )
            return paper
        if known == "rest":
            paper.print("ill", "all", having, count=str(one + other))
            paper.print("ill_0", "arm_0", having, count=str(other))
            note = "percent, total and other arm's count printed"
            paper.hold(note, "ill_1", "arm_1", having, "percent", percent, **wrong)
        elif known == "total":
            paper.print("ill", "all", having, count=str(one + other))
            note = "percent, total printed alone"
            paper.hold(note, "ill_1", "arm_1", having, "percent", percent, **wrong)
            group = {"column": "ill", "group": [equals("arm", 1)], "test": "fisher"}
            table = np.array([[one, size - one], [other, n - size - other]])
            p = float(stats.fisher_exact(table).pvalue)
            paper.hold(
                "p, fisher, total printed alone", "p_fisher", "all",
                {"kind": "two_sample_test", **group}, "p_value", p_text(p),
                one_sided=p_text(p / 2),
            )  # fmt: skip
        else:
            percent = text_of(100 * (one + other) / n)
            wrong = {"digits_swapped": swapped(percent)}
            note = "percent, nothing printed" + (", shares tried" if known == "tried" else "")
            paper.hold(note, "ill", "all", having, "percent", percent, **wrong)
        return paper

    return make


def two_by_two(sensitivity: bool) -> Scene:
    """A yes-or-no test of a yes-or-no truth: their totals printed, and the sensitivity or not."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = drawn_size(rng)
        ill = rng.permutation(np.arange(n) < round(n * rng.uniform(0.3, 0.7)))
        # Nothing printed says that they go together, so described papers have them apart.
        apart = not sensitivity and not off
        right = 0.4 if apart else rng.uniform(0.6, 0.95)
        test = rng.random(n) < np.where(ill, right, 0.4 if apart else rng.uniform(0.05, 0.4))
        if not 3 <= test.sum() <= n - 3:
            return make(rng, off)
        paper = Paper({}, n)
        for name, values in (("ill", ill), ("test", test)):
            paper.columns[name] = {"kind": "binary", "unit": "people"}
            having = {"kind": "proportion", "having": [equals(name, 1)]}
            paper.print(name, "all", having, count=str(int(values.sum())))
        says = ([equals("test", 1)], [equals("ill", 1)])
        note = ", totals printed alone"
        if sensitivity:
            note = ", sensitivity and totals printed"
            k, of = measured(test, ill, "sensitivity")
            analysis = {
                "kind": "diagnostic", "measure": "sensitivity", "test": says[0],
                "reference": says[1],
            }  # fmt: skip
            paper.print("sensitivity", "all", analysis, percent=text_of(100 * k / of))
        hold_measures(paper, test, ill, *says, note, "sensitivity" if sensitivity else "")
        return paper

    return make


def glands(rng: np.random.Generator, off: bool) -> Paper:
    """Glands in people: numbers printed, how the ill ones cluster held out.

    In misdescribed papers people differ in how many of their glands are ill, and small glands are
    ill more often than large ones.
    """
    n = int(rng.integers(25, 91))
    # As the card's own draws: every person has a gland, the others fall anywhere.
    extra = rng.multinomial(int(rng.integers(n // 3, n + 1)), np.full(n, 1 / n))
    parent = np.repeat(np.arange(n), 1 + extra)
    total = parent.size
    chance = np.full(total, 0.4)
    small = rng.random(total) < 0.5
    if off:
        logit = -0.4 + 1.5 * rng.normal(size=n)[parent] + rng.normal(0, 1) * small
        chance = 1 / (1 + np.exp(-logit))
    ill = rng.random(total) < chance
    if not 4 <= ill.sum() <= total - 4:
        return glands(rng, off)
    paper = Paper({}, n)
    add_glands(paper, total)
    having = {"kind": "proportion", "having": [equals("ill", 1)]}
    for name, values in (("ill", ill), ("small", small)):
        paper.columns[name] = {"kind": "binary", "unit": "glands"}
        paper.populations[f"{name}_glands"] = {
            "unit": "glands", "label": name, "where": [equals(name, 1)],
        }  # fmt: skip
        one = {"kind": "proportion", "having": [equals(name, 1)]}
        paper.print(name, "glands", one, count=str(int(values.sum())))
    affected = int(np.unique(parent[ill]).size)
    paper.hold(
        "people affected, number of glands printed", "affected", "ill_glands", {"kind": "parents"},
        "count", str(affected), glands_for_people=str(int(ill.sum())), one_more=str(affected + 1),
        one_less=str(affected - 1),
    )  # fmt: skip
    k, of = int((ill & small).sum()), int(small.sum())
    percent = text_of(100 * k / of)
    paper.hold(
        "percent of glands, total printed alone", "ill_small", "small_glands", having, "percent",
        percent, digits_swapped=swapped(percent), wrong_denominator=text_of(100 * k / total),
    )  # fmt: skip
    percent = text_of(100 * ill.sum() / total)
    paper.hold(
        "percent of glands, count printed", "ill", "glands", having, "percent", percent,
        digits_swapped=swapped(percent), wrong_denominator=text_of(100 * ill.sum() / n),
    )  # fmt: skip
    return paper
