"""Small made-up papers whose truth is known, for the study of the verdicts.

A scene says what a paper prints, which of it is imposed and which held out. Each scene comes with
two truths: ``described``, where the data come from what the card assumes, and ``misdescribed``,
where the card's author guessed wrong as happens in reality: data more skewed, means and SDs off by
a good part of an SD, another correlation, groups that differ though nothing printed says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recohort.estimators.auc import auc_delong
from recohort.estimators.kaplan_meier import median_follow_up
from recohort.estimators.mann_whitney import mann_whitney
from recohort.estimators.proportion import ProportionInterval, proportion_interval
from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank
from recohort.printed import round_text

Floats = NDArray[np.float64]


@dataclass
class Paper:
    """A card being written, its held-out values by kind, and mistakes that a paper could make."""

    columns: dict[str, Any]
    n: int
    quantities: dict[str, Any] = field(default_factory=dict)
    populations: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    assumptions: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.populations["all"] = {"unit": "people", "label": "all"}
        self.print("people", "all", {"kind": "size"}, count=str(self.n))

    def print(self, name: str, population: str, analysis: dict[str, Any], **values: str) -> None:
        """A quantity whose values are imposed."""
        item = self.quantities.setdefault(
            name, {"label": name, "population": population, "analysis": analysis, "values": {}}
        )
        for statistic, text in values.items():
            item["values"][statistic] = {
                "printed": text,
                "role": "input" if analysis["kind"] == "size" else "imposed",
            }

    def hold(
        self,
        kind: str,
        name: str,
        population: str,
        analysis: dict[str, Any],
        statistic: str,
        text: str,
        **mistakes: str,
    ) -> None:
        """A held-out value of a kind; mistakes that change nothing are left out."""
        self.print(name, population, analysis, **{statistic: text})
        self.quantities[name]["values"][statistic]["role"] = "held_out"
        self.kinds[f"{name}.{statistic}"] = kind
        self.mistakes[f"{name}.{statistic}"] = {k: v for k, v in mistakes.items() if v != text}

    def card(self) -> dict[str, Any]:
        """The card's content."""
        return {
            "format": "recohort-card-1",
            "study": "paper",
            "name": "A made-up paper",
            "citation": {"authors": "A", "title": "T", "journal": "J", "year": 2000},
            "summary": "Made up.",
            "units": {"people": {"label": "People", "n": self.n}},
            "columns": self.columns,
            "populations": self.populations,
            "models": self.models,
            "quantities": self.quantities,
            "assumptions": self.assumptions,
        }


def equals(column: str, value: int) -> dict[str, Any]:
    """A condition of a card."""
    return {"column": column, "equals": value}


def text_of(value: float, decimals: int = 1) -> str:
    """A number as printed."""
    return round_text(float(f"{value:.12g}"), decimals)


def p_text(p: float) -> str:
    """A p-value as printed."""
    return "<0.001" if p < 0.001 else text_of(p, 3)


def swapped(text: str) -> str:
    """The two leading digits exchanged, as a typist does."""
    at = [i for i, c in enumerate(text) if c.isdigit()][:2]
    if len(at) < 2 or text.startswith("0"):
        return text
    letters = list(text)
    letters[at[0]], letters[at[1]] = letters[at[1]], letters[at[0]]
    return "".join(letters) if letters[0] != "0" else text


def standard(rng: np.random.Generator, n: int, skewed: bool) -> Floats:
    """Values of mean 0 and SD 1: normal, or gamma with a skewness of 0.7 to 2."""
    if not skewed:
        return rng.standard_normal(n)
    shape = (2.0 / rng.uniform(0.7, 2.0)) ** 2
    return np.asarray((rng.gamma(shape, size=n) - shape) / math.sqrt(shape))


def on_grid(values: Floats, low: float = 0.0, high: float = 100.0) -> Floats:
    """Whole numbers within a scale."""
    return np.clip(np.rint(values), low, high)


def score(mean: float = 50.0, sd: float = 12.0, **more: Any) -> dict[str, Any]:
    """A column of whole numbers from 0 to 100 and the shape that the card guesses."""
    column = {"kind": "numeric", "unit": "people", "step": 1, "low": 0, "high": 100}
    return {**column, "plausible": {"mean": mean, "sd": sd}, **more}


def guess(rng: np.random.Generator, mean: float, sd: float, off: bool) -> dict[str, Any]:
    """A guessed mean and SD: the true ones, or off by some half an SD and a fourth."""
    if off:
        mean += 0.5 * sd * float(rng.normal())
        sd *= math.exp(0.25 * float(rng.normal()))
    return {"mean": float(text_of(mean, 1)), "sd": float(text_of(sd, 1))}


def _size(rng: np.random.Generator) -> int:
    return int(rng.integers(30, 151))


def _arms(rng: np.random.Generator, n: int) -> Floats:
    ones = round(n * rng.uniform(0.35, 0.65))
    return np.asarray(rng.permutation(np.arange(n) < ones), float)


def _with_arms(paper: Paper, arm: Floats) -> None:
    paper.columns["arm"] = {"kind": "binary", "unit": "people"}
    for value in (0, 1):
        paper.populations[f"arm_{value}"] = {
            "unit": "people", "label": f"arm {value}", "where": [equals("arm", value)],
        }  # fmt: skip
    having = {"kind": "proportion", "having": [equals("arm", 1)]}
    paper.print("arm", "all", having, count=str(int(arm.sum())))


def _tests(paper: Paper, x: Floats, arm: Floats, note: str) -> None:
    """Tests of x between arms, held out."""
    first, second = x[arm == 1], x[arm == 0]
    found = {
        "student_t": float(stats.ttest_ind(first, second).pvalue),
        "welch_t": float(stats.ttest_ind(first, second, equal_var=False).pvalue),
        "mann_whitney": float(mann_whitney(first, second).p_value or 1.0),
    }
    for test, p in found.items():
        analysis = {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)]}
        paper.hold(
            f"p, {test.replace('_', ' ')}{note}", f"p_{test}", "all", {**analysis, "test": test},
            "p_value", p_text(p), one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
        )  # fmt: skip


def _auc(paper: Paper, x: Floats, arm: Floats, note: str, limits: bool = True) -> None:
    """The area under the curve of x for arm 1, held out with its limits."""
    found = auc_delong(x, arm).estimate
    if found.interval is None or min(found.interval.low, 1 - found.interval.high) <= 0.0:
        return
    low, high, area = found.interval.low, found.interval.high, found.value
    analysis = {"kind": "auc", "column": "x", "outcome": [equals("arm", 1)]}
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


def _accuracy(paper: Paper, x: Floats, arm: Floats, cut: int, note: str) -> None:
    """Sensitivity of x at or above a cut-point for arm 1, with its limits, held out."""
    k, n = int((x[arm == 1] >= cut).sum()), int(arm.sum())
    if not 0 < k < n:
        return
    found = proportion_interval(k, n, ProportionInterval.WILSON)
    analysis = {
        "kind": "diagnostic", "measure": "sensitivity", "reference": [equals("arm", 1)],
        "test": [{"column": "x", "at_least": cut}],
    }  # fmt: skip
    paper.hold(
        f"sensitivity{note}", "sensitivity", "arm_1", analysis, "percent", text_of(100 * k / n),
        wrong_denominator=text_of(100 * k / x.size), digits_swapped=swapped(text_of(100 * k / n)),
    )  # fmt: skip
    for name, limit in (("ci95_lower", found.low), ("ci95_upper", found.high)):
        paper.hold(
            f"sensitivity limit{note}", "sensitivity", "arm_1", analysis, name,
            text_of(100 * limit),
            one_SE_interval=text_of(100 * (k / n + (limit - k / n) / 1.96)),
        )  # fmt: skip


def _order(
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


def groups_by_mean(rng: np.random.Generator, off: bool, tried: bool = False) -> Paper:
    """Two arms, mean and SD of each printed; tests, AUC, quantiles and shares held out.

    ``tried``: the card gives a skewed and a flat shape as alternatives.
    """
    n = _size(rng)
    arm = _arms(rng, n)
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
    _with_arms(paper, arm)
    note = ", means and SDs printed" + (", shapes tried" if tried else "")
    for value in (0, 1):
        part = x[arm == value]
        paper.print(
            f"x_{value}", f"arm_{value}", {"kind": "summary", "column": "x"},
            mean=text_of(part.mean()), sd=text_of(part.std(ddof=1)),
        )  # fmt: skip
    _tests(paper, x, arm, note)
    _auc(paper, x, arm, note)
    _accuracy(paper, x, arm, 55, note)
    _order(paper, x[arm == 1], "x_1", "arm_1", note, ("median", "q1", "q3", "min", "max"))
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
    n = _size(rng)
    arm = _arms(rng, n)
    spread = rng.uniform(0.5, 0.9) if off else math.sqrt(math.log1p(0.25))
    logs = math.log(30 / math.sqrt(1.25)) + spread * rng.normal(size=n)
    x = on_grid(np.exp(logs + 0.3 * rng.normal() * arm), 0, 400)
    shape: dict[str, Any] = {"mean": 30, "sd": 15}
    if not off:
        shape["family"] = "lognormal"
    paper = Paper({"x": {**score(high=400), "plausible": shape}}, n)
    _with_arms(paper, arm)
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
    _tests(paper, x, arm, note)
    _auc(paper, x, arm, note, limits=False)
    return paper


def _margin(which: str) -> Callable[[np.random.Generator, bool], Paper]:
    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = _size(rng)
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
            _order(paper, x, "x", "all", note, ("median",))
            del printed["median"]
        paper.print("x", "all", summary, **printed)
        return paper

    return make


def _counts(known: str) -> Callable[[np.random.Generator, bool], Paper]:
    """A yes-or-no outcome in two arms: both counts printed, all but one, or none."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = _size(rng)
        arm = _arms(rng, n)
        rate = 0.3
        chance = np.full(n, rate)
        if off:
            chance = np.where(arm == 1, rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.7))
        ill = rng.random(n) < chance
        column = {"kind": "binary", "unit": "people"}
        paper = Paper({"ill": {**column, "prevalence": rate} if known == "none" else column}, n)
        _with_arms(paper, arm)
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
            paper.hold(
                "percent, nothing printed", "ill", "all", having, "percent", percent, **wrong
            )
        return paper

    return make


def _paired(tried: bool) -> Callable[[np.random.Generator, bool], Paper]:
    """A score before and after, means and SDs printed; tests and changes held out."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = _size(rng)
        r = rng.uniform(0.1, 0.85) if off else 0.5
        common = standard(rng, n, off)
        fresh = standard(rng, n, off)
        before = on_grid(60 + 13 * common, 5)
        drop = rng.uniform(0, 12)
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
        note = ", likeness tried" if tried else ""
        pair = {"column": "x@after", "baseline": "x@before"}
        p_t = float(stats.ttest_rel(after, before).pvalue)
        p_w = float(wilcoxon_signed_rank(after - before).p_value or 1.0)
        for test, p in (("paired_t", p_t), ("wilcoxon", p_w)):
            paper.hold(
                f"p, {test.replace('_', ' ')}{note}", f"p_{test}", "all",
                {"kind": "paired_test", **pair, "test": test}, "p_value", p_text(p),
                one_sided=p_text(p / 2), digit_lost=p_text(p / 10),
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


def _ratio(held: str, margin: bool = False) -> Callable[[np.random.Generator, bool], Paper]:
    """A logistic regression on one score: what foretells the AUC, or one of its own numbers."""

    def make(rng: np.random.Generator, off: bool) -> Paper:
        n = int(rng.integers(50, 151))
        x = on_grid(50 + 12 * standard(rng, n, off))
        slope = rng.normal(0.7, 0.3) / 12
        y = (rng.random(n) < 1 / (1 + np.exp(0.6 - slope * (x - 50)))).astype(float)
        if not 8 <= y.sum() <= n - 8:
            return make(rng, off)
        paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
        _with_arms(paper, y)
        if margin:
            paper.print(
                "x", "all", {"kind": "summary", "column": "x"},
                mean=text_of(x.mean()), sd=text_of(x.std(ddof=1)),
            )  # fmt: skip
        paper.models["risk"] = {
            "kind": "logistic", "population": "all", "outcome": [equals("arm", 1)],
            "terms": {"x": {"column": "x", "coding": {"kind": "linear", "per": 10}}},
        }  # fmt: skip
        b, se = _logistic(x / 10, y)
        low, high = math.exp(b - 1.959964 * se), math.exp(b + 1.959964 * se)
        p = float(2 * stats.norm.sf(abs(b / se)))
        term = {"kind": "model_term", "model": "risk", "term": "x"}
        printed = {
            "odds_ratio": text_of(math.exp(b), 2), "ci95_lower": text_of(low, 2),
            "ci95_upper": text_of(high, 2), "p_value": p_text(p),
        }  # fmt: skip
        wrong = {
            "odds_ratio": {
                "coefficient_as_ratio": text_of(abs(b), 2), "inverted": text_of(math.exp(-b), 2)
            },
            "ci95_upper": {
                "one_SE_interval": text_of(math.exp(b + se), 2),
                "interval_of_90": text_of(math.exp(b + 1.645 * se), 2),
            },
            "p_value": {"one_sided": p_text(p / 2), "digit_lost": p_text(p / 10)},
        }  # fmt: skip
        if held == "auc":
            paper.print("ratio", "all", term, **printed)
            note = ", odds ratio and margin printed" if margin else ", odds ratio printed"
            _auc(paper, x, y, note)
            _accuracy(paper, x, y, 55, note)
            _tests(paper, x, y, note)
            _order(paper, x[y == 1], "x_1", "arm_1", note, ("median",))
            mean = float(x[y == 1].mean())
            paper.hold(
                f"mean{note}", "x_1", "arm_1", {"kind": "summary", "column": "x"}, "mean",
                text_of(mean), digits_swapped=swapped(text_of(mean)),
            )  # fmt: skip
        else:
            label = {"odds_ratio": "odds ratio", "ci95_upper": "odds ratio limit"}
            paper.hold(
                f"{label.get(held, 'p, odds ratio')}, its other numbers printed", "ratio", "all",
                term, held, printed.pop(held), **wrong[held],
            )  # fmt: skip
            paper.print("ratio", "all", term, **printed)
        return paper

    return make


def _logistic(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and standard error of a logistic regression, by Newton's method."""
    design = np.column_stack([np.ones(x.size), x - x.mean()])
    beta = np.zeros(2)
    for _ in range(30):
        mean = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        beta += np.linalg.solve(information, design.T @ (y - mean))
    return float(beta[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


def survival(rng: np.random.Generator, off: bool) -> Paper:
    """Follow-up and events: median follow-up time printed; survival and its limits held out."""
    n = _size(rng)
    if off:
        event_at, leave = rng.exponential(60, n), rng.uniform(6, 60, n)
        time, event = np.minimum(event_at, leave), event_at <= leave
    else:
        spread = math.sqrt(math.log1p((20 / 30) ** 2))
        time = np.exp(math.log(30) - spread**2 / 2 + spread * rng.normal(size=n))
        event = rng.permutation(np.arange(n) < round(0.4 * n))
    time = np.clip(np.rint(time), 1, 120)
    shape = {"family": "lognormal", "mean": 30, "sd": 20}
    paper = Paper(
        {
            "t": {"kind": "numeric", "unit": "people", "step": 1, "low": 1, "high": 120,
                  "plausible": shape},
            "ill": {"kind": "binary", "unit": "people"},
        },
        n,
    )  # fmt: skip
    having = {"kind": "proportion", "having": [equals("ill", 1)]}
    paper.print("ill", "all", having, count=str(int(event.sum())))
    paper.print(
        "t", "all", {"kind": "summary", "column": "t"}, median=text_of(float(np.median(time)))
    )
    rate, low, _ = _kaplan_meier(time, event, 24.0)
    if not 0.02 < rate < 0.98:
        return survival(rng, off)
    analysis = {"kind": "kaplan_meier", "time": "t", "event": [equals("ill", 1)], "at": 24,
                "interval": "log_log"}  # fmt: skip
    crude = 1 - float((event & (time <= 24)).mean())
    note = ", events and median time printed"
    paper.hold(
        f"survival rate{note}", "free", "all", analysis, "percent", text_of(100 * rate),
        crude_share=text_of(100 * crude), digits_swapped=swapped(text_of(100 * rate)),
    )  # fmt: skip
    paper.hold(
        f"survival limit{note}", "free", "all", analysis, "ci95_lower", text_of(100 * low),
        one_SE_interval=text_of(100 * (rate + (low - rate) / 1.96)),
    )  # fmt: skip
    follow = float(median_follow_up(time, event).value or math.nan)
    if not math.isnan(follow):
        paper.hold(
            f"median follow-up{note}", "follow", "all",
            {"kind": "reverse_kaplan_meier", "time": "t", "event": [equals("ill", 1)]}, "median",
            text_of(follow, 0), digits_swapped=swapped(text_of(follow, 0)),
        )  # fmt: skip
    return paper


def _kaplan_meier(time: Floats, event: NDArray[np.bool_], at: float) -> tuple[float, float, float]:
    rate, bulk = 1.0, 0.0
    for t in np.unique(time[event & (time <= at)]):
        risk, died = int((time >= t).sum()), int((event & (time == t)).sum())
        rate *= 1 - died / risk
        bulk += died / (risk * (risk - died)) if risk > died else math.inf
    if not 0 < rate < 1:
        return rate, math.nan, math.nan
    reach = 1.959964 * math.sqrt(bulk) / math.log(rate)
    return rate, rate ** math.exp(-reach), rate ** math.exp(reach)


def unspoken(rng: np.random.Generator, off: bool) -> Paper:
    """A score summarised over both arms together; its tests between arms held out."""
    n = _size(rng)
    arm = _arms(rng, n)
    effect = rng.normal(0.0, 0.6) if off else 0.0
    x = on_grid(50 + 12 * (effect * arm + standard(rng, n, off)))
    paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
    _with_arms(paper, arm)
    paper.print(
        "x", "all", {"kind": "summary", "column": "x"},
        mean=text_of(x.mean()), sd=text_of(x.std(ddof=1)),
    )  # fmt: skip
    note = ", nothing printed by arm"
    _tests(paper, x, arm, note)
    _auc(paper, x, arm, note, limits=False)
    return paper


def tested_mean(rng: np.random.Generator, off: bool) -> Paper:
    """A mean held out beside the other arm's, both SDs and the printed p-value of a t-test."""
    n = _size(rng)
    arm = _arms(rng, n)
    x = on_grid(50 + 12 * (rng.normal(0.0, 0.5) * arm + standard(rng, n, off)))
    paper = Paper({"x": score(**guess(rng, 50, 12, off))}, n)
    _with_arms(paper, arm)
    part = [x[arm == value] for value in (0, 1)]
    p = float(stats.ttest_ind(part[1], part[0]).pvalue)
    if p < 0.001:
        return tested_mean(rng, off)
    summary = {"kind": "summary", "column": "x"}
    paper.print(
        "x_0", "arm_0", summary, mean=text_of(part[0].mean()), sd=text_of(part[0].std(ddof=1))
    )
    paper.print("x_1", "arm_1", summary, sd=text_of(part[1].std(ddof=1)))
    analysis = {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)],
                "test": "student_t"}  # fmt: skip
    paper.print("p", "all", analysis, p_value=p_text(p))
    mean = float(part[1].mean())
    paper.hold(
        "mean, other arm's and a p-value printed", "x_1", "arm_1", summary, "mean", text_of(mean),
        digits_swapped=swapped(text_of(mean)), of_the_other_arm=text_of(part[0].mean()),
    )  # fmt: skip
    return paper


SCENES: dict[str, Callable[[np.random.Generator, bool], Paper]] = {
    "groups_by_mean": groups_by_mean,
    "groups_by_median": groups_by_median,
    "mean": _margin("mean"),
    "mean_alone": _margin("mean_alone"),
    "sd": _margin("sd"),
    "sd_alone": _margin("sd_alone"),
    "median": _margin("median"),
    "counts_both": _counts("both"),
    "counts_rest": _counts("rest"),
    "counts_total": _counts("total"),
    "counts_none": _counts("none"),
    "paired": _paired(tried=False),
    "paired_tried": _paired(tried=True),
    "survival": survival,
    "unspoken": unspoken,
    "tested_mean": tested_mean,
    "ratio_auc": _ratio("auc"),
    "ratio": _ratio("odds_ratio"),
    "ratio_limit": _ratio("ci95_upper"),
    "ratio_p": _ratio("p_value"),
    "ratio_auc_margin": _ratio("auc", margin=True),
    "groups_by_mean_tried": lambda rng, off: groups_by_mean(rng, off, tried=True),
}
"""What is printed and what is held out, by name."""
