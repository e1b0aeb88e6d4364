"""What papers say of a score between two arms, held out: tests, areas, accuracy, quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from verdict_paper import Bools, Floats, Paper, equals, p_text, swapped, text_of

from recohort.estimators.auc import auc_delong, auc_hanley_mcneil
from recohort.estimators.mann_whitney import mann_whitney
from recohort.estimators.proportion import ProportionInterval, proportion_interval


def hold_tests(paper: Paper, x: Floats, arm: Floats, note: str) -> None:
    """Tests of x between arms, held out."""
    first, second = x[arm == 1], x[arm == 0]
    analysis = {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)]}
    difference = text_of(first.mean() - second.mean())
    paper.hold(
        f"difference of means{note}", "p_student_t", "all", {**analysis, "test": "student_t"},
        "difference", difference, digits_swapped=swapped(difference),
        turned=text_of(second.mean() - first.mean()),
    )  # fmt: skip
    found = {
        "student_t": float(stats.ttest_ind(first, second).pvalue),
        "welch_t": float(stats.ttest_ind(first, second, equal_var=False).pvalue),
        "mann_whitney": float(mann_whitney(first, second).p_value or 1.0),
    }
    for test, p in found.items():
        paper.hold(
            f"p, {test.replace('_', ' ')}{note}", f"p_{test}", "all", {**analysis, "test": test},
            "p_value", p_text(p), one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
        )  # fmt: skip


def hold_auc(
    paper: Paper, x: Floats, arm: Floats, note: str, limits: bool = True, hanley: bool = False
) -> None:
    """The area under the curve of x for arm 1, held out with its limits (DeLong's, or Hanley's)."""
    found = (auc_hanley_mcneil if hanley else auc_delong)(x, arm).estimate
    if found.interval is None or min(found.interval.low, 1 - found.interval.high) <= 0.0:
        return
    low, high, area = found.interval.low, found.interval.high, found.value
    analysis = {"kind": "auc", "column": "x", "outcome": [equals("arm", 1)]}
    analysis |= {"interval": "hanley_mcneil"} if hanley else {}
    paper.hold(
        f"AUC{note}", "auc", "all", analysis, "auc", text_of(area, 2),
        optimistic_by_0_05=text_of(min(area + 0.05, 1.0), 2),
        optimistic_by_0_10=text_of(min(area + 0.10, 1.0), 2),
    )  # fmt: skip
    if limits:
        for name, limit in (("ci95_lower", low), ("ci95_upper", high)):
            paper.hold(
                f"AUC limit{note}", "auc", "all", analysis, name, text_of(limit, 2),
                one_SE_interval=text_of(area + (limit - area) / 1.96, 2),
                interval_of_90=text_of(area + (limit - area) * 1.645 / 1.96, 2),
            )  # fmt: skip


def hold_accuracy(paper: Paper, x: Floats, arm: Floats, cut: int, note: str) -> None:
    """Sensitivity to predictive values of x at or above a cut-point for arm 1, held out."""
    hold_measures(
        paper, x >= cut, arm == 1, [{"column": "x", "at_least": cut}], [equals("arm", 1)], note
    )


MEASURES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "positive_predictive_value": "predictive value",
    "negative_predictive_value": "predictive value",
}
"""Measures of a test, and the kind that each belongs to."""


def measured(test: Bools, truth: Bools, measure: str) -> tuple[int, int]:
    """How many are right, of how many, by a measure of a test."""
    base, right = {
        "sensitivity": (truth, test),
        "specificity": (~truth, ~test),
        "positive_predictive_value": (test, truth),
        "negative_predictive_value": (~test, ~truth),
    }[measure]
    return int((base & right).sum()), int(base.sum())


def hold_measures(
    paper: Paper,
    test: Bools,
    truth: Bools,
    test_says: list[Any],
    truth_says: list[Any],
    note: str,
    without: str = "",
) -> None:
    """Measures of a yes-or-no test, with their limits, held out."""
    for measure, kind in MEASURES.items():
        k, n = measured(test, truth, measure)
        if measure == without or not 0 < k < n:
            continue
        found = proportion_interval(k, n, ProportionInterval.WILSON)
        analysis = {
            "kind": "diagnostic", "measure": measure, "reference": truth_says, "test": test_says,
        }  # fmt: skip
        percent = text_of(100 * k / n)
        paper.hold(
            f"{kind}{note}", measure, "all", analysis, "percent", percent,
            wrong_denominator=text_of(100 * k / test.size), digits_swapped=swapped(percent),
            one_case_more=text_of(100 * (k + 1) / n),
        )  # fmt: skip
        for name, limit in (("ci95_lower", found.low), ("ci95_upper", found.high)):
            paper.hold(
                f"{kind} limit{note}", measure, "all", analysis, name, text_of(100 * limit),
                one_SE_interval=text_of(100 * (k / n + (limit - k / n) / 1.96)),
            )  # fmt: skip


def hold_order(
    paper: Paper, x: Floats, name: str, population: str, note: str, which: tuple[str, ...]
) -> None:
    """Median, quartiles and extremes of x, held out."""
    found = {
        "median": float(np.median(x)),
        "q1": float(np.quantile(x, 0.25)),
        "q3": float(np.quantile(x, 0.75)),
        "min": float(x.min()),
        "max": float(x.max()),
    }
    label = {"q1": "quartile", "q3": "quartile", "min": "extreme", "max": "extreme"}
    for key in which:
        text = text_of(found[key], 0 if key in ("min", "max") else 1)
        paper.hold(
            f"{label.get(key, key)}{note}", name, population, {"kind": "summary", "column": "x"},
            key, text, digits_swapped=swapped(text),
        )  # fmt: skip
