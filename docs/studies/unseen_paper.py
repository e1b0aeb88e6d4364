"""A made-up paper: its data, its card, and its habits of printing.

The printed numbers come from :mod:`unseen_judge`, applied to the drawn data.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from unseen_judge import Frames, judged

from recohort.printed import RoundingRule, round_text

Json = dict[str, Any]
Rng = np.random.Generator


class Redraw(Exception):
    """The drawn data cannot carry the paper: no events in a group, separated predictors."""


@dataclass
class Paper:
    """A paper: its data, its card, and its habits of printing."""

    family: str
    rng: Rng
    n: int
    frames: Frames = field(default_factory=dict)
    card: Json = field(default_factory=dict)
    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = self.rng
        self.rule = (RoundingRule.HALF_UP, RoundingRule.HALF_EVEN)[rng.integers(2)]
        self.more = int(rng.random() < 0.6)  # decimals of a mean beyond those of the data
        self.percent = int(rng.random() < 0.7)
        self.fine_p = bool(rng.random() < 0.7)
        self.auc_decimals = 2 + int(rng.random() < 0.5)
        self.card = {
            "format": "recohort-card-1",
            "study": self.family,
            "name": f"A made-up paper: {self.family}",
            "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
            "summary": "Made up.",
            "units": {"people": {"label": "People", "n": self.n}},
            "columns": {},
            "populations": {"everyone": {"unit": "people", "label": "everyone"}},
            "models": {},
            "quantities": {},
        }
        self.frames = {"people": pd.DataFrame({"people_id": np.arange(1, self.n + 1)})}
        self.add("everyone", "everyone", {"kind": "size"}, "count")

    # The data ----------------------------------------------------------------------------------

    def numeric(
        self,
        name: str,
        values: np.ndarray | dict[str, np.ndarray],
        step: str,
        low: float | None = None,
        high: float | None = None,
        unit: str = "people",
        **more: Any,
    ) -> None:
        """A measurement, once or at several times, rounded to its step."""
        column: Json = {"kind": "numeric", "unit": unit, "step": step, **more}
        if low is not None:
            column["low"] = f"{low:g}"
        if high is not None:
            column["high"] = f"{high:g}"
        decimals = len(step.partition(".")[2])
        by_key = {name: values}
        if isinstance(values, dict):
            column["times"] = list(values)
            column["correlation"] = "0.5"
            by_key = {f"{name}@{time}": found for time, found in values.items()}
            followed = {t: int(np.isfinite(v).sum()) for t, v in values.items()}
            column["followed"] = {t: f"{k}" for t, k in followed.items() if k < len(values[t])}
        for key, found in by_key.items():
            clipped = np.clip(found, -np.inf if low is None else low, high)
            on_grid = np.round(np.round(clipped / float(step)) * float(step), decimals)
            self.frames[unit][key] = on_grid
            self.measured[key] = decimals
        self.card["columns"][name] = column

    def guess(self, name: str) -> None:
        """What a card's writer would guess of a measurement that the paper says nothing of."""
        values = self.frames["people"][name]
        mean = float(values.mean()) * (1 + 0.05 * self.rng.normal())
        sd = float(values.std()) * math.exp(0.15 * self.rng.normal())
        family = "lognormal" if values.skew() > 1 and values.min() > 0 else "normal"
        shape = {"family": family, "mean": f"{mean:.3g}", "sd": f"{sd:.3g}"}
        self.card["columns"][name]["plausible"] = shape

    def binary(self, name: str, values: np.ndarray, unit: str = "people") -> None:
        """A yes-or-no fact."""
        self.frames[unit][name] = np.asarray(values).astype(float)
        self.card["columns"][name] = {"kind": "binary", "unit": unit}

    def group(self, name: str, column: str, value: int, unit: str = "people") -> str:
        """A population by one column's value, with its size printed; its name."""
        key = f"{name}_{value}"
        where = [equals(column, value)]
        self.card["populations"][key] = {"unit": unit, "label": key, "where": where}
        self.add(key, key, {"kind": "size"}, "count")
        return key

    def model(self, name: str, outcome: str, terms: Json, **more: Any) -> None:
        """A model, logistic unless ``more`` says otherwise."""
        model = {"kind": "logistic", "population": "everyone", "outcome": [equals(outcome, 1)]}
        self.card["models"][name] = {**model, "terms": terms, **more}

    def add(self, name: str, population: str, analysis: Json, *statistics: str) -> None:
        """A quantity and which of its statistics are printed."""
        self.card["quantities"][name] = {
            "label": name.replace("_", " "),
            "population": population,
            "analysis": analysis,
            "values": {},
        }
        self.wanted[name] = statistics

    # What is printed ----------------------------------------------------------------------------

    def summarise(self, key: str, population: str, *, median: bool, span: bool = False) -> None:
        """Mean and SD, or median and quartiles; with the range or without."""
        what = ("median", "q1", "q3") if median else ("mean", "sd")
        what += ("min", "max") if span else ()
        name = f"{key.replace('@', '_')}_in_{population}"
        self.add(name, population, {"kind": "summary", "column": key}, *what)

    def share(self, key: str, population: str, name: str = "") -> None:
        """A count and its percentage."""
        analysis = {"kind": "proportion", "having": [equals(key, 1)]}
        self.add(name or f"{key}_in_{population}", population, analysis, "count", "percent")

    def compare(self, key: str, group: str, test: str, population: str = "everyone") -> None:
        """A p-value of two groups."""
        analysis = {"kind": "two_sample_test", "column": key, "group": [equals(group, 1)]}
        name = f"{key.replace('@', '_')}_by_{group}"
        self.add(name, population, {**analysis, "test": test}, "p_value")

    def ratios(self, model: str, statistic: str = "odds_ratio") -> None:
        """Every ratio of a model with its limits and p-value."""
        for term in self.card["models"][model]["terms"]:
            analysis = {"kind": "model_term", "model": model, "term": term}
            self.add(
                f"{term}_in_{model}", "everyone", analysis,
                statistic, "ci95_lower", "ci95_upper", "p_value",
            )  # fmt: skip

    def print(self) -> None:
        """Analyse the data and write the printed numbers into the card."""
        for name, statistics in self.wanted.items():
            values = dict.fromkeys(statistics, "0")
            self.card["quantities"][name]["values"] = values
        estimates = judged(self.card, self.frames)
        for name, statistics in self.wanted.items():
            quantity = self.card["quantities"][name]
            found = {s: estimates[f"{name}.{s}"] for s in statistics}
            if not np.isfinite(list(found.values())).all():
                raise Redraw(f"{name}: {found}")
            quantity["values"] = {s: self.text(quantity["analysis"], s, v, found[statistics[0]])
                                  for s, v in found.items()}  # fmt: skip

    def text(self, analysis: Json, statistic: str, value: float, first: float) -> str:
        """A number as papers print it."""
        kind = analysis["kind"]
        decimals = self.measured.get(analysis.get("column", ""), 0)
        if statistic == "count":
            return f"{value:.0f}"
        if statistic == "p_value":
            return self.p_value(value)
        if statistic in ("min", "max"):
            return self.rounded(value, decimals)
        if statistic in ("median", "q1", "q3"):
            exact = abs(value * 10**decimals - round(value * 10**decimals)) < 1e-9
            return self.rounded(value, decimals + (not exact))
        if statistic in ("mean", "sd", "se") or (statistic == "difference" and kind[:3] != "auc"):
            return self.rounded(value, decimals + self.more + (decimals == 0 and first < 20))
        if kind in ("auc", "auc_difference"):
            return self.rounded(value, self.auc_decimals)
        if kind == "model_term":
            if not 0.02 < value < 90:
                raise Redraw(f"a ratio or limit of {value:.3g}")
            return self.rounded(value, 2 if value < 10 else 1)
        if kind == "percent_change" or statistic == "percent":
            return self.rounded(value, self.percent)
        return self.rounded(value, 1)

    def rounded(self, value: float, decimals: int) -> str:
        """Rounded by the paper's rule; twelve digits, as the last bits of a float are no part."""
        return round_text(float(f"{value:.12g}"), decimals, self.rule)

    def p_value(self, p: float) -> str:
        """``<0.001``, else three decimals, or two where it is not near 0.05."""
        if p < 0.001:
            return "<0.001"
        text = self.rounded(p, 3 if self.fine_p or p < 0.1 else 2)
        return ">0.99" if float(text) == 1.0 else text

    def written(self, **changed: str) -> str:
        """The card's text (JSON, which YAML reads), with single values replaced."""
        card = json.loads(json.dumps(self.card))
        for id, text in changed.items():
            name, _, statistic = id.partition(".")
            card["quantities"][name]["values"][statistic] = text
        return json.dumps(card, indent=1)


def equals(column: str, value: int) -> Json:
    """A condition of a card."""
    return {"column": column, "equals": f"{value}"}


def skewed(rng: Rng, n: int, median: float, sigma: float) -> np.ndarray:
    """Log-normal values."""
    return median * np.exp(rng.normal(0, sigma, n))


def needs_both(part: pd.Series, least: int = 1) -> None:
    """Both a 0 and a 1 are found at least so often, or the data are drawn anew."""
    ones = int(part.sum())
    if min(ones, len(part) - ones) < least:
        raise Redraw(f"{part.name}: {ones} of {len(part)}")
