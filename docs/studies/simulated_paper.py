"""Correct papers, made up: real analyses of simulated data, printed as clinical papers print them.

Each paper draws its own conventions (rounding rule, decimals of each number, quantile definition,
SD denominator, interval methods, tests) and becomes an in-memory study card, so that it goes
through the same door as a card read from a file. The recording step and the scale's ends that the
card states are the true ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from recohort.card.study import StudyCard
from recohort.estimators.auc import AucScale, auc_delong, auc_hanley_mcneil
from recohort.estimators.mann_whitney import MannWhitneyMethod, mann_whitney
from recohort.estimators.proportion import (
    ClusteredProportionInterval,
    ProportionInterval,
    clustered_proportion,
    proportion_interval,
)
from recohort.estimators.summary import QuantileDefinition, quantile
from recohort.estimators.wilcoxon_signed_rank import wilcoxon_signed_rank
from recohort.printed import RoundingRule, round_text

SIZES = ((8, 30), (30, 100), (100, 400), (400, 3000))
DEFINITIONS = tuple(QuantileDefinition)


@dataclass
class Printer:
    """A paper's habits: one rounding rule, one kind of SD and quartile, mixed decimals."""

    rng: np.random.Generator
    rule: RoundingRule
    sd_ddof: int
    definition: QuantileDefinition

    def number(self, value: float, low: int = 0, high: int = 2) -> str:
        """A number with ``low`` to ``high`` decimals, rounded by the paper's rule."""
        decimals = int(self.rng.integers(low, high + 1))
        # Twelve digits: the last bits of a float are no part of a computed number.
        return round_text(float(f"{value:.12g}"), decimals, self.rule)

    def p_value(self, p: float) -> str:
        """``<0.001`` and the like where small, else two or three decimals, perhaps without 0."""
        decimals = int(self.rng.integers(2, 5))
        if p < 10.0**-decimals:
            return f"<{10.0**-decimals:.{decimals}f}"
        if self.rng.random() < 0.15 and p < 0.05:
            return "<.05"
        text = round_text(float(f"{p:.12g}"), decimals, self.rule)
        return text[1:] if text.startswith("0.") and self.rng.random() < 0.3 else text

    def chance(self, share: float) -> bool:
        """True in a share of cases."""
        return bool(self.rng.random() < share)


@dataclass
class Paper:
    """A card being written: quantities as in YAML, and relations between their values."""

    printer: Printer
    n: int
    units: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    populations: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    quantities: dict[str, Any] = field(default_factory=dict)
    relations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, population: str, analysis: dict[str, Any], **values: str) -> None:
        """A quantity with printed values."""
        self.quantities[name] = {
            "label": name.replace("_", " "),
            "population": population,
            "analysis": analysis,
            "values": values,
        }

    def card(self, **changed: str) -> StudyCard:
        """The card, with single values replaced (``quantity.statistic`` to text)."""
        quantities = {
            name: {
                **quantity,
                "values": {
                    statistic: changed.get(f"{name}.{statistic}", text)
                    for statistic, text in quantity["values"].items()
                },
            }
            for name, quantity in self.quantities.items()
        }
        return StudyCard.model_validate(
            {
                "format": "recohort-card-1",
                "study": "simulated",
                "name": "A simulated paper",
                "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
                "summary": "",
                "units": self.units,
                "columns": self.columns,
                "populations": self.populations,
                "models": self.models,
                "quantities": quantities,
                "relations": self.relations,
            }
        )


def equals(column: str, value: int) -> dict[str, Any]:
    """A condition of a card."""
    return {"column": column, "equals": value}


def simulated_paper(rng: np.random.Generator) -> Paper:
    """One correct paper."""
    rules = (*(RoundingRule.HALF_UP,) * 2, *(RoundingRule.HALF_EVEN,) * 2, *list(RoundingRule)[2:])
    printer = Printer(
        rng=rng,
        rule=rules[rng.integers(len(rules))],
        sd_ddof=int(rng.integers(2)),
        definition=DEFINITIONS[rng.integers(len(DEFINITIONS))],
    )
    low, high = SIZES[rng.choice(4, p=(0.35, 0.35, 0.22, 0.08))]
    n = int(rng.integers(low, high))
    paper = Paper(printer, n)
    paper.units["patients"] = {"label": "Patients", "n": n}
    paper.populations["patients"] = {"unit": "patients", "label": "patients"}
    paper.add("patients", "patients", {"kind": "size"}, count=str(n))
    group = rng.random(n) < rng.uniform(0.2, 0.8)
    outcome = rng.random(n) < np.where(group, rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.7))
    _groups(paper, "group", group)
    _groups(paper, "outcome", outcome)
    measured = _measurement(paper, "x", group, outcome)
    _two_sample(paper, "x", measured, group)
    _repeated(paper, n)
    _accuracy(paper, outcome, rng.random(n) < np.where(outcome, 0.8, 0.25))
    _auc(paper, measured, outcome)
    _ratio(paper, outcome, group, measured)
    _criteria(paper, n)
    if printer.chance(0.5):
        _lesions(paper, n)
    return paper


def _groups(paper: Paper, column: str, values: np.ndarray) -> None:
    """A yes-or-no column, its two populations, its counts with percentages and intervals."""
    paper.columns[column] = {"kind": "binary", "unit": "patients"}
    for value in (0, 1):
        name = f"{column}_{value}"
        paper.populations[name] = {
            "unit": "patients",
            "label": name,
            "where": [equals(column, value)],
        }
        k = int((values == value).sum())
        _proportion(paper, name, "patients", [equals(column, value)], k, paper.n)
    paper.relations.append(
        {"kind": "sum", "whole": "patients.count", "parts": [f"{column}_{v}.count" for v in (0, 1)]}
    )


def _proportion(
    paper: Paper, name: str, population: str, having: list[dict[str, Any]], k: int, n: int
) -> None:
    printer = paper.printer
    values = {"count": str(k), "percent": printer.number(100 * k / n)}
    if printer.chance(0.5):
        method = list(ProportionInterval)[printer.rng.integers(len(ProportionInterval))]
        if 0 < k < n:
            values |= _limits(printer, proportion_interval(k, n, method))
    paper.add(name, population, {"kind": "proportion", "having": having}, **values)


def _limits(printer: Printer, interval: Any, scale: float = 100.0, decimals: int = 1) -> dict:
    high = int(printer.rng.integers(0, decimals + 1))
    return {
        "ci95_lower": printer.number(scale * interval.low, high, high),
        "ci95_upper": printer.number(scale * interval.high, high, high),
    }


def _measurement(paper: Paper, name: str, group: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """A measurement on a random scale, summarised overall and by group."""
    rng, n = paper.printer.rng, paper.n
    shift = 0.6 * group + 0.6 * outcome * rng.random()
    kind = rng.choice(["score", "half", "age", "lab", "days", "real"])
    if kind in ("score", "half"):
        step = 1.0 if kind == "score" else 0.5
        raw = np.clip(rng.uniform(1, 8) + shift + rng.uniform(0.5, 3.5) * rng.normal(size=n), 0, 10)
        column = {"step": f"{step:g}", "low": "0", "high": "10"}
    elif kind == "age":
        step, column = 1.0, {"step": "1"}
        raw = np.clip(rng.normal(60, rng.uniform(5, 16), n) + 5 * shift, 18, 99)
    elif kind == "lab":
        step, column = 0.1, {"step": "0.1", "low": "0"}
        raw = np.exp(rng.normal(rng.uniform(0, 3), rng.uniform(0.2, 0.8), n) + 0.2 * shift)
    elif kind == "days":
        step, column = 1.0, {"step": "1", "low": "0"}
        raw = np.exp(rng.normal(rng.uniform(2, 5), rng.uniform(0.4, 1.2), n) + 0.2 * shift)
    else:
        step, column = 0.0, {}
        raw = rng.normal(20, 6, n) + 3 * shift
    values = np.round(raw / step) * step if step else raw
    paper.columns[name] = {"kind": "numeric", "unit": "patients", **column}
    decimals = 0 if step in (0.0, 1.0) else 1
    summarise(paper, f"{name}_all", "patients", name, values, step, decimals)
    for value in (0, 1):
        part = values[group == value]
        if part.size >= 2 and paper.printer.chance(0.6):
            summarise(paper, f"{name}_{value}", f"group_{value}", name, part, step, decimals)
    if step and paper.printer.chance(0.4):
        at = float(np.median(values))
        k = int((values >= at).sum())
        condition = {"column": name, "at_least": f"{at:.4g}"}
        if float(f"{at:.4g}") == at:
            _proportion(paper, f"{name}_high", "patients", [condition], k, n)
    return np.asarray(values)


def summarise(
    paper: Paper,
    name: str,
    population: str,
    column: str,
    values: np.ndarray,
    step: float,
    decimals: int,
) -> None:
    """A random selection of mean, SD, median, quartiles and range, each with its own decimals."""
    printer = paper.printer
    printed: dict[str, str] = {}
    if printer.chance(0.75):
        printed["mean"] = printer.number(float(np.mean(values)), 0, decimals + 2)
        printed["sd"] = printer.number(float(np.std(values, ddof=printer.sd_ddof)), 0, decimals + 2)
    if printer.chance(0.6):
        printed["median"] = printer.number(float(np.median(values)), decimals, decimals + 1)
        if printer.chance(0.6) and values.size >= 4:
            for key, p in (("q1", 0.25), ("q3", 0.75)):
                found = float(quantile(values, p, printer.definition))
                printed[key] = printer.number(found, decimals, decimals + 1)
    if printer.chance(0.5) and step:
        for key, found in (("min", values.min()), ("max", values.max())):
            printed[key] = f"{found:.{decimals}f}"
    if printed:
        analysis = {"kind": "summary", "column": column}
        paper.add(f"{name}_summary", population, analysis, **printed)


def _two_sample(paper: Paper, column: str, values: np.ndarray, group: np.ndarray) -> None:
    first, second = values[group], values[~group]
    if min(first.size, second.size) < 2 or np.ptp(values) == 0:
        return
    printer = paper.printer
    test = printer.rng.choice(["student_t", "welch_t", "mann_whitney", "mann_whitney_exact"])
    if test in ("student_t", "welch_t"):
        if np.ptp(first) == 0 or np.ptp(second) == 0:
            return
        p = float(stats.ttest_ind(first, second, equal_var=test == "student_t").pvalue)
    elif test == "mann_whitney_exact" and paper.n <= 30:
        p = float(mann_whitney(first, second, MannWhitneyMethod.EXACT).p_value or 1.0)
    else:
        methods = (MannWhitneyMethod.NORMAL, MannWhitneyMethod.NORMAL_CONTINUITY)
        p = float(mann_whitney(first, second, methods[printer.rng.integers(2)]).p_value or 1.0)
    analysis = {
        "kind": "two_sample_test",
        "column": column,
        "group": [equals("group", 1)],
        "test": str(test),
    }
    paper.add(f"{column}_test", "patients", analysis, p_value=printer.p_value(p))


def _repeated(paper: Paper, n: int) -> None:
    """A score before and after, with a paired test."""
    rng, printer = paper.printer.rng, paper.printer
    personal = rng.normal(0, rng.uniform(0, 2), n)
    before = np.clip(np.round(rng.uniform(4, 8) + personal + rng.normal(0, 1.2, n)), 0, 10)
    after = np.clip(np.round(rng.uniform(1, 7) + personal + rng.normal(0, 1.2, n)), 0, 10)
    paper.columns["pain"] = {
        "kind": "numeric",
        "unit": "patients",
        "step": "1",
        "low": "0",
        "high": "10",
        "times": ["before", "after"],
    }
    if printer.chance(0.7):
        summarise(paper, "before", "patients", "pain@before", before, 1.0, 0)
        summarise(paper, "after", "patients", "pain@after", after, 1.0, 0)
    free = int((after == 0).sum())
    _proportion(paper, "pain_free", "patients", [equals("pain@after", 0)], free, n)
    gap = after - before
    if np.ptp(gap) == 0:
        return
    test = str(rng.choice(["paired_t", "wilcoxon"]))
    p = (
        float(stats.ttest_rel(after, before).pvalue)
        if test == "paired_t"
        else float(wilcoxon_signed_rank(after - before).p_value or 1.0)
    )
    analysis = {
        "kind": "paired_test",
        "column": "pain@after",
        "baseline": "pain@before",
        "test": test,
    }
    paper.add("pain_test", "patients", analysis, p_value=printer.p_value(p))


def _accuracy(paper: Paper, outcome: np.ndarray, test: np.ndarray) -> None:
    """Sensitivity and specificity of a test, each with an interval."""
    paper.columns["test"] = {"kind": "binary", "unit": "patients"}
    for measure, rows, positive in (("sensitivity", outcome, 1), ("specificity", ~outcome, 0)):
        n, k = int(rows.sum()), int((test[rows] == positive).sum())
        if not 0 < k < n:
            continue
        printer = paper.printer
        method = list(ProportionInterval)[printer.rng.integers(len(ProportionInterval))]
        paper.add(
            measure,
            f"outcome_{positive}",
            {
                "kind": "diagnostic",
                "measure": measure,
                "test": [equals("test", 1)],
                "reference": [equals("outcome", 1)],
                "interval": str(method),
            },
            count=str(k),
            percent=printer.number(100 * k / n, 0, 1),
            **_limits(printer, proportion_interval(k, n, method)),
        )


def _auc(paper: Paper, values: np.ndarray, outcome: np.ndarray) -> None:
    cases = int(outcome.sum())
    if min(cases, paper.n - cases) < 3 or np.ptp(values) == 0:
        return
    printer = paper.printer
    scale = (AucScale.PLAIN, AucScale.LOGIT)[printer.rng.integers(2)]
    found = (
        auc_delong(values, outcome, scale=scale)
        if printer.chance(0.6)
        else auc_hanley_mcneil(values, outcome)
    ).estimate
    if found.interval is None:
        return
    decimals = int(printer.rng.integers(2, 4))
    limits = {
        "ci95_lower": printer.number(max(found.interval.low, 0.0), decimals, decimals),
        "ci95_upper": printer.number(min(found.interval.high, 1.0), decimals, decimals),
    }
    analysis = {"kind": "auc", "column": "x", "outcome": [equals("outcome", 1)]}
    text = printer.number(found.value, decimals, decimals)
    paper.add("auc_x", "patients", analysis, auc=text, **limits)


def logistic(design: np.ndarray, y: np.ndarray, fixed: float | None = None) -> tuple:
    """Coefficients, covariance, log-likelihood; ``fixed`` holds the second coefficient there."""
    offset = 0.0 if fixed is None else fixed * design[:, 1]
    x = design if fixed is None else np.delete(design, 1, axis=1)
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        mu = 1 / (1 + np.exp(-np.clip(x @ beta + offset, -30, 30)))
        information = x.T @ (x * (mu * (1 - mu))[:, None])
        step = np.linalg.solve(information + 1e-12 * np.eye(x.shape[1]), x.T @ (y - mu))
        beta += np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-10:
            break
    mu = np.clip(mu, 1e-12, 1 - 1e-12)
    likelihood = float(np.sum(np.where(y == 1, np.log(mu), np.log(1 - mu))))
    return beta, np.linalg.inv(information + 1e-12 * np.eye(x.shape[1])), likelihood


def _ratio(paper: Paper, outcome: np.ndarray, group: np.ndarray, values: np.ndarray) -> None:
    """An adjusted odds ratio: Wald or profile limits; Wald, t or likelihood-ratio test."""
    printer, y = paper.printer, outcome.astype(float)
    if min(y.sum(), (1 - y).sum()) < 8 or np.ptp(values) == 0:
        return
    scaled = (values - values.mean()) / values.std()
    design = np.column_stack([np.ones(paper.n), group.astype(float), scaled])
    beta, covariance, likelihood = logistic(design, y)
    b, se = float(beta[1]), math.sqrt(abs(float(covariance[1, 1])))
    if not (se < 3 and abs(b) < 5):
        return
    interval = str(printer.rng.choice(["wald", "profile"], p=(0.8, 0.2)))
    test = str(printer.rng.choice(["wald", "wald_t", "likelihood_ratio"], p=(0.6, 0.2, 0.2)))
    low, high = b - 1.959964 * se, b + 1.959964 * se
    if interval == "profile":
        low, high = (_profile(design, y, b, se, likelihood, side) for side in (-1, 1))
    if test == "likelihood_ratio":
        without = logistic(design, y, 0.0)[2]
        p = float(stats.chi2.sf(2 * (likelihood - without), 1))
    elif test == "wald_t":
        p = float(2 * stats.t.sf(abs(b / se), paper.n - 3))
    else:
        p = float(2 * stats.norm.sf(abs(b / se)))
    decimals = int(printer.rng.integers(1, 3))
    ratio, lower, upper = (printer.number(math.exp(v), decimals, decimals) for v in (b, low, high))
    if float(lower) == 0 or float(ratio) == 0:
        return
    paper.models["model"] = {
        "kind": "logistic",
        "population": "patients",
        "outcome": [equals("outcome", 1)],
        "terms": {"group": {"column": "group"}, "x": {"column": "x"}},
    }
    paper.add(
        "ratio",
        "patients",
        {"kind": "model_term", "model": "model", "term": "group"},
        adjusted_odds_ratio=ratio,
        ci95_lower=lower,
        ci95_upper=upper,
        p_value=printer.p_value(p),
    )


def _profile(
    design: np.ndarray, y: np.ndarray, b: float, se: float, likelihood: float, side: int
) -> float:
    """A profile-likelihood limit, by bisection."""
    inner, outer = b, b + side * 8 * se
    for _ in range(40):
        middle = (inner + outer) / 2
        if 2 * (likelihood - logistic(design, y, middle)[2]) < 3.841459:
            inner = middle
        else:
            outer = middle
    return inner


def _criteria(paper: Paper, n: int) -> None:
    """An outcome by any of three criteria, which may overlap."""
    rng = paper.printer.rng
    hits = rng.random((3, n)) < 0.15
    for index in range(3):
        paper.columns[f"criterion_{index}"] = {"kind": "binary", "unit": "patients"}
        having = [equals(f"criterion_{index}", 1)]
        _proportion(paper, f"criterion_{index}", "patients", having, int(hits[index].sum()), n)
    paper.columns["any_criterion"] = {
        "kind": "derived",
        "unit": "patients",
        "any_of": [equals(f"criterion_{index}", 1) for index in range(3)],
    }
    either = int(hits.any(axis=0).sum())
    _proportion(paper, "any_criterion", "patients", [equals("any_criterion", 1)], either, n)
    parts = [f"criterion_{index}.count" for index in range(3)]
    paper.relations.append({"kind": "union", "whole": "any_criterion.count", "parts": parts})


def _lesions(paper: Paper, n: int) -> None:
    """Lesions in patients, some with an event, and the patients that those lie in."""
    printer, rng = paper.printer, paper.printer.rng
    sizes = 1 + rng.poisson(rng.uniform(0.2, 1.5), n)
    patient = np.repeat(np.arange(n), sizes)
    chance = np.clip(rng.normal(0.2, 0.15, n), 0, 1)
    event = rng.random(patient.size) < chance[patient]
    total, hit = int(sizes.sum()), int(event.sum())
    paper.units["lesions"] = {"label": "Lesions", "n": total, "within": "patients"}
    paper.columns["event"] = {"kind": "binary", "unit": "lesions"}
    paper.populations["lesions"] = {"unit": "lesions", "label": "lesions"}
    paper.populations["event_lesions"] = {
        "unit": "lesions",
        "label": "lesions with an event",
        "where": [equals("event", 1)],
    }
    paper.add("lesions", "lesions", {"kind": "size"}, count=str(total))
    values = {"count": str(hit), "percent": printer.number(100 * hit / total)}
    if 0 < hit < total and total > n and n >= 5:
        kind = list(ClusteredProportionInterval)[rng.integers(len(ClusteredProportionInterval))]
        found = clustered_proportion(event, patient, kind)
        if found.estimate.interval is not None:
            values |= _limits(printer, found.estimate.interval)
    analysis = {"kind": "proportion", "having": [equals("event", 1)]}
    paper.add("events", "lesions", analysis, **values)
    affected = int(np.unique(patient[event]).size)
    paper.add("affected", "event_lesions", {"kind": "parents"}, count=str(affected))
    paper.relations += [
        {"kind": "holds", "whole": "patients.count", "parts": ["lesions.count"]},
        {"kind": "holds", "whole": "affected.count", "parts": ["events.count"]},
    ]
