"""Small cards whose conditioned cohorts can be had by brute force, for the study of their spread.

Each case is a card, draws of its data straight from what the card says, and a rough sieve of the
draws that print what is imposed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Columns = dict[str, Floats]
HELD = "0"
"""Stands for a held-out number until an exact cohort's is put there; it plays no part."""


@dataclass(frozen=True)
class Case:
    """A card, draws of its data from what it says (columns of shape (draws, n)), and a rough sieve.

    The sieve may let too many through, never too few: what passes is checked number by number.
    """

    card: dict[str, Any]
    prior: Callable[[np.random.Generator, int], Columns]
    sieve: Callable[[Columns], NDArray[np.bool_]]
    batch: int = 100_000


def equals(column: str, value: int) -> dict[str, Any]:
    """A condition of a card."""
    return {"column": column, "equals": value}


def card(
    n: int,
    columns: dict[str, Any],
    imposed: dict[str, tuple[str, dict[str, Any], dict[str, str]]],
    held: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]],
    models: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A card: imposed quantities with what is printed, held-out ones with their statistics."""
    populations: dict[str, Any] = {"all": {"unit": "people", "label": "all"}}
    for name in columns:
        if columns[name]["kind"] == "binary":
            for value in (0, 1):
                populations[f"{name}_{value}"] = {
                    "unit": "people", "label": name, "where": [equals(name, value)],
                }  # fmt: skip
    quantities: dict[str, Any] = {
        "n": _quantity("all", {"kind": "size"}, {"count": str(n)}, "input")
    }
    for name, (population, analysis, values) in imposed.items():
        quantities[name] = _quantity(population, analysis, values, "imposed")
    for name, (population, analysis, statistics) in held.items():
        quantities[name] = _quantity(
            population, analysis, dict.fromkeys(statistics, HELD), "held_out"
        )
    return {
        "format": "recohort-card-1",
        "study": "case",
        "name": "A case",
        "citation": {"authors": "A", "title": "T", "journal": "J", "year": 2000},
        "summary": "Made up.",
        "units": {"people": {"label": "People", "n": n}},
        "columns": columns,
        "populations": populations,
        "models": models or {},
        "quantities": quantities,
    }


def _quantity(
    population: str, analysis: dict[str, Any], values: dict[str, str], role: str
) -> dict[str, Any]:
    printed = {key: {"printed": text, "role": role} for key, text in values.items()}
    return {"label": "q", "population": population, "analysis": analysis, "values": printed}


def numeric(low: int, high: int, mean: float, sd: float, **more: Any) -> dict[str, Any]:
    """A column of whole numbers with a shape."""
    family = {"family": more.pop("family")} if "family" in more else {}
    shape = {"mean": mean, "sd": sd, **family}
    return {
        "kind": "numeric", "unit": "people", "step": 1, "low": low, "high": high,
        "plausible": shape, **more,
    }  # fmt: skip


def binary(ones: int | None = None) -> dict[str, Any]:
    """A yes-or-no column."""
    return {"kind": "binary", "unit": "people", **({} if ones is None else {"ones": ones})}


def normal(rng: np.random.Generator, shape: tuple[int, int], column: dict[str, Any]) -> Floats:
    """Draws of a column's shape, cut to its bounds, in whole numbers."""
    return on_grid(rng.standard_normal(shape), rng, column, column["plausible"])


def on_grid(
    z: Floats, rng: np.random.Generator, column: dict[str, Any], shape: dict[str, Any]
) -> Floats:
    """Normal scores turned into a column's values; those beyond its bounds drawn anew."""
    mean, sd = shape["mean"], shape["sd"]
    while True:
        if shape.get("family") == "lognormal":
            spread = math.sqrt(math.log1p((sd / mean) ** 2))
            raw = np.exp(math.log(mean) - spread**2 / 2 + spread * z)
        else:
            raw = mean + sd * z
        beyond = (raw < column["low"]) | (raw > column["high"])
        if not beyond.any():
            return np.asarray(np.rint(raw))
        z = np.where(beyond, rng.standard_normal(z.shape), z)


def subset(rng: np.random.Generator, shape: tuple[int, int], ones: int) -> Floats:
    """Ones in random places, so many in each row."""
    order = rng.random(shape).argsort(axis=1)
    return np.asarray((order < ones).astype(float))


def near(values: Floats, text: str) -> NDArray[np.bool_]:
    """Whether values print as a text, but for a hair."""
    half = 0.5 * 10.0 ** -len(text.partition(".")[2])
    return np.asarray(np.abs(values - float(text)) <= half + 1e-7)


def by_group(x: Floats, group: Floats, value: int) -> tuple[Floats, Floats]:
    """Means and SDs of x in the rows of a group."""
    inside = group == value
    n = inside.sum(axis=1)
    mean = (x * inside).sum(axis=1) / n
    square = (np.square(x - mean[:, None]) * inside).sum(axis=1)
    return mean, np.sqrt(square / (n - 1))


SUMMARY = {"kind": "summary", "column": "x"}
HAVING = {"kind": "proportion", "having": [equals("arm", 1)]}


def test(kind: str) -> dict[str, Any]:
    """A test of x between arms."""
    return {"kind": "two_sample_test", "column": "x", "group": [equals("arm", 1)], "test": kind}


AUC = {"kind": "auc", "column": "x", "outcome": [equals("arm", 1)]}


def sensitivity(cut: int) -> dict[str, Any]:
    """Sensitivity of x at or above a cut-point for arm 1."""
    return {
        "kind": "diagnostic", "measure": "sensitivity", "reference": [equals("arm", 1)],
        "test": [{"column": "x", "at_least": cut}],
    }  # fmt: skip


def two_arms() -> Case:
    """Means and SDs of a score in two arms."""
    x = numeric(0, 10, 5, 2)
    printed = {"0": ("4.5", "2"), "1": ("5.7", "2")}
    imposed = {"arm": ("all", HAVING, {"count": "10"})}
    for value, (mean, sd) in printed.items():
        imposed[f"x_{value}"] = (f"arm_{value}", SUMMARY, {"mean": mean, "sd": sd})
    held = {
        "student": ("all", test("student_t"), ("p_value",)),
        "ranks": ("all", test("mann_whitney"), ("p_value",)),
        "area": ("all", AUC, ("auc", "ci95_lower", "ci95_upper")),
        "order": ("arm_1", SUMMARY, ("median", "q1", "q3", "max")),
        "sensitivity": ("arm_1", sensitivity(6), ("percent", "ci95_lower")),
    }

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"arm": subset(rng, (size, 20), 10), "x": normal(rng, (size, 20), x)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        keep = np.ones(columns["x"].shape[0], np.bool_)
        for value, (mean, sd) in printed.items():
            found = by_group(columns["x"], columns["arm"], int(value))
            keep &= near(found[0], mean) & near(found[1], sd)
        return keep

    return Case(card(20, {"arm": binary(), "x": x}, imposed, held), prior, sieve)


def skewed() -> Case:
    """Median and quartiles of a skewed count."""
    x = numeric(0, 60, 8, 6, family="lognormal")
    imposed = {"x": ("all", SUMMARY, {"median": "6", "q1": "4.0", "q3": "10.0"})}
    held = {"rest": ("all", SUMMARY, ("mean", "sd", "min", "max"))}

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"x": normal(rng, (size, 17), x)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        ordered = np.sort(columns["x"], axis=1)
        keep = near(ordered[:, 8], "6") & near(ordered[:, 4], "4.0")
        return np.asarray(keep & near(ordered[:, 12], "10.0"))

    return Case(card(17, {"x": x}, imposed, held), prior, sieve)


def one_margin() -> Case:
    """A mean alone, of which the SD, the median and a share follow."""
    x = numeric(0, 10, 4, 2)
    imposed = {"x": ("all", SUMMARY, {"mean": "4.6"})}
    share = {"kind": "proportion", "having": [{"column": "x", "at_least": 6}]}
    held = {
        "rest": ("all", SUMMARY, ("sd", "median", "min")),
        "high": ("all", share, ("count", "percent")),
    }

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"x": normal(rng, (size, 20), x)}

    return Case(
        card(20, {"x": x}, imposed, held), prior, lambda c: near(c["x"].mean(axis=1), "4.6")
    )


def _paired_card(p_value: str | None) -> Case:
    x = numeric(1, 10, 6, 2, times=["before", "after"], correlation=0.5)
    shapes = {"before": {"mean": 6, "sd": 2}, "after": {"mean": 5, "sd": 2}}
    x["plausible"] = shapes
    pair = {"column": "x@after", "baseline": "x@before"}
    printed = {"before": ("6.2", "2"), "after": ("4.9", "2")}
    imposed: dict[str, Any] = {
        f"x_{time_}": ("all", {"kind": "summary", "column": f"x@{time_}"}, {"mean": m, "sd": s})
        for time_, (m, s) in printed.items()
    }
    t_test = {"kind": "paired_test", **pair, "test": "paired_t"}
    held: dict[str, Any] = {
        "ranks": ("all", {"kind": "paired_test", **pair, "test": "wilcoxon"}, ("p_value",)),
        "each": (
            "all", {"kind": "percent_change", **pair, "of": "mean_of_changes"}, ("percent_change",),
        ),
        "middle": (
            "all",
            {"kind": "percent_change", **pair, "of": "median_of_changes"},
            ("percent_change",),
        ),
    }  # fmt: skip
    if p_value is None:
        held["student"] = ("all", t_test, ("p_value",))
    else:
        imposed["student"] = ("all", t_test, {"p_value": p_value})

    def prior(rng: np.random.Generator, size: int) -> Columns:
        first = rng.standard_normal((size, 14))
        second = 0.5 * first + math.sqrt(0.75) * rng.standard_normal((size, 14))
        return {
            "x@before": on_grid(first, rng, x, shapes["before"]),
            "x@after": on_grid(second, rng, x, shapes["after"]),
        }

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        keep = np.ones(columns["x@before"].shape[0], np.bool_)
        for time_, (mean, sd) in printed.items():
            values = columns[f"x@{time_}"]
            keep &= near(values.mean(axis=1), mean) & near(values.std(axis=1, ddof=1), sd)
        return keep

    return Case(card(14, {"x": x}, imposed, held), prior, sieve, 200_000)


def paired() -> Case:
    """Means and SDs before and after, correlation 0.5."""
    return _paired_card(None)


def paired_tested() -> Case:
    """The same with the p-value of a paired t-test imposed."""
    return _paired_card("0.04")


def tested() -> Case:
    """A p-value of a rank test imposed on a score of which nothing else is printed."""
    x = numeric(0, 100, 50, 12)
    imposed = {
        "arm": ("all", HAVING, {"count": "10"}),
        "ranks": ("all", test("mann_whitney"), {"p_value": "0.03"}),
    }
    held = {
        "student": ("all", test("student_t"), ("p_value", "difference")),
        "area": ("all", AUC, ("auc", "ci95_lower")),
        "all": ("all", SUMMARY, ("mean", "sd", "median")),
    }

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"arm": subset(rng, (size, 20), 10), "x": normal(rng, (size, 20), x)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        from scipy.stats import norm, rankdata

        ranks = rankdata(columns["x"], axis=1)
        total = (ranks * columns["arm"]).sum(axis=1) - 105
        # Ties make the normal variance a little smaller.
        z = np.abs(total) / math.sqrt(10 * 10 * 21 / 12)
        p = 2 * norm.sf(z)
        return np.asarray((p > 0.02) & (p < 0.045))

    return Case(card(20, {"arm": binary(), "x": x}, imposed, held), prior, sieve, 50_000)


def area() -> Case:
    """An area under the curve imposed on a score of which nothing else is printed."""
    x = numeric(0, 100, 50, 12)
    imposed = {
        "arm": ("all", HAVING, {"count": "9"}),
        "area": ("all", AUC, {"auc": "0.70"}),
    }
    held = {
        "limits": ("all", AUC, ("ci95_lower", "ci95_upper")),
        "student": ("all", test("student_t"), ("p_value",)),
        "sensitivity": ("arm_1", sensitivity(52), ("percent",)),
    }

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"arm": subset(rng, (size, 21), 9), "x": normal(rng, (size, 21), x)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        from scipy.stats import rankdata

        ranks = rankdata(columns["x"], axis=1)
        u = (ranks * columns["arm"]).sum(axis=1) - 45
        return near(u / (9 * 12), "0.70")

    return Case(card(21, {"arm": binary(), "x": x}, imposed, held), prior, sieve, 50_000)


def _logit(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Slopes and standard errors of many logistic regressions on one predictor (size, n)."""
    middle = x.mean(axis=1, keepdims=True)
    x = x - middle
    a, b = np.zeros(x.shape[0]), np.zeros(x.shape[0])
    for _ in range(12):
        mean = 1 / (1 + np.exp(-np.clip(a[:, None] + b[:, None] * x, -30, 30)))
        w = np.maximum(mean * (1 - mean), 1e-9)
        s0, s1 = (y - mean).sum(axis=1), ((y - mean) * x).sum(axis=1)
        i00, i01, i11 = w.sum(axis=1), (w * x).sum(axis=1), (w * x * x).sum(axis=1)
        det = i00 * i11 - i01**2
        a += np.clip((i11 * s0 - i01 * s1) / det, -3, 3)
        b += np.clip((i00 * s1 - i01 * s0) / det, -3, 3)
    return b, np.sqrt(i00 / det)


def _regression(margin: bool) -> Case:
    x = numeric(0, 100, 50, 12)
    term = {"kind": "model_term", "model": "risk", "term": "x"}
    printed = {"odds_ratio": "1.7", "ci95_lower": "1.0", "ci95_upper": "3.0"}
    imposed = {"arm": ("all", HAVING, {"count": "16"}), "ratio": ("all", term, printed)}
    held = {
        "area": ("all", {"kind": "auc", "model": "risk"}, ("auc", "ci95_lower", "ci95_upper")),
        "p": ("all", term, ("p_value",)),
        "cases": ("arm_1", SUMMARY, ("mean", "sd", "median")),
        "student": ("all", test("student_t"), ("p_value",)),
        "sensitivity": ("arm_1", sensitivity(55), ("percent",)),
    }
    if margin:
        imposed["x"] = ("all", SUMMARY, {"mean": "51", "sd": "12"})
    else:
        held["all"] = ("all", SUMMARY, ("mean", "sd"))
    models = {
        "risk": {
            "kind": "logistic", "population": "all", "outcome": [equals("arm", 1)],
            "terms": {"x": {"column": "x", "coding": {"kind": "linear", "per": 10}}},
        }
    }  # fmt: skip

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"arm": subset(rng, (size, 40), 16), "x": normal(rng, (size, 40), x)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        values, y = columns["x"], columns["arm"]
        mean, _ = by_group(values, y, 1)
        other, _ = by_group(values, y, 0)
        # The slope of a discriminant, only to leave out what is far away.
        hopeful = np.abs((mean - other) / values.var(axis=1) * 10 - 0.5) < 0.25
        if margin:
            hopeful &= near(values.mean(axis=1), "51") & near(values.std(axis=1, ddof=1), "12")
        keep = np.zeros(values.shape[0], np.bool_)
        b, se = _logit(values[hopeful] / 10, y[hopeful])
        fits = near(np.exp(b), "1.7") & near(np.exp(b - 1.959964 * se), "1.0")
        keep[np.flatnonzero(hopeful)] = fits & near(np.exp(b + 1.959964 * se), "3.0")
        return keep

    return Case(card(40, {"arm": binary(), "x": x}, imposed, held, models), prior, sieve, 50_000)


def regression() -> Case:
    """An odds ratio with its limits, of a score of which nothing else is printed."""
    return _regression(False)


def regression_margin() -> Case:
    """The same with the score's mean and SD printed."""
    return _regression(True)


def overlap() -> Case:
    """Two yes-or-no columns and their union; how many have both in one arm."""
    columns = {
        "a": binary(),
        "b": binary(),
        "arm": binary(),
        "either": {"kind": "derived", "unit": "people", "any_of": [equals("a", 1), equals("b", 1)]},
    }
    of = {
        name: {"kind": "proportion", "having": [equals(name, 1)]} for name in ("a", "b", "either")
    }
    imposed = {
        "arm": ("all", HAVING, {"count": "14"}),
        "a": ("all", of["a"], {"count": "11"}),
        "b": ("all", of["b"], {"count": "9"}),
        "either": ("all", of["either"], {"count": "15"}),
    }
    fisher = {"kind": "two_sample_test", "column": "a", "group": [equals("arm", 1)]}
    held = {
        "both": (
            "arm_1", {"kind": "proportion", "having": [equals("a", 1), equals("b", 1)]}, ("count",),
        ),
        "only": ("arm_1", of["a"], ("percent", "ci95_upper")),
        "p": ("all", {**fisher, "test": "fisher"}, ("p_value",)),
    }  # fmt: skip

    def prior(rng: np.random.Generator, size: int) -> Columns:
        ones = {"a": 11, "b": 9, "arm": 14}
        return {name: subset(rng, (size, 28), k) for name, k in ones.items()}

    def sieve(c: Columns) -> NDArray[np.bool_]:
        return np.asarray(np.maximum(c["a"], c["b"]).sum(axis=1) == 15)

    return Case(card(28, columns, imposed, held), prior, sieve)


def survival() -> Case:
    """A survival rate imposed on follow-up times of which the median is printed."""
    t = numeric(1, 120, 30, 20, family="lognormal")
    km = {"kind": "kaplan_meier", "time": "t", "event": [equals("ill", 1)], "at": 24}
    imposed = {
        "ill": ("all", {"kind": "proportion", "having": [equals("ill", 1)]}, {"count": "8"}),
        "t": ("all", {"kind": "summary", "column": "t"}, {"median": "26.0"}),
        "free": ("all", km, {"percent": "80"}),
    }
    follow = {"kind": "reverse_kaplan_meier", "time": "t", "event": [equals("ill", 1)]}
    held = {
        "limits": ("all", km, ("ci95_lower", "ci95_upper")),
        "later": ("all", {**km, "at": 36}, ("percent",)),
        "follow": ("all", follow, ("median",)),
        "rest": ("all", {"kind": "summary", "column": "t"}, ("mean", "sd")),
    }

    def prior(rng: np.random.Generator, size: int) -> Columns:
        return {"ill": subset(rng, (size, 24), 8), "t": normal(rng, (size, 24), t)}

    def sieve(columns: Columns) -> NDArray[np.bool_]:
        time_, event = columns["t"], columns["ill"]
        order = (time_ - 0.5 * event).argsort(axis=1)
        ordered = np.take_along_axis(time_, order, axis=1)
        died = np.take_along_axis(event, order, axis=1) * (ordered <= 24)
        risk = 24 - np.arange(24)
        rate = np.prod(1 - died / risk, axis=1)
        return np.asarray(near(np.median(time_, axis=1), "26.0") & (np.abs(rate - 0.8) <= 0.0075))

    return Case(card(24, {"ill": binary(), "t": t}, imposed, held), prior, sieve, 50_000)


CASES: dict[str, Callable[[], Case]] = {
    "two_arms": two_arms,
    "skewed": skewed,
    "one_margin": one_margin,
    "paired": paired,
    "paired_tested": paired_tested,
    "tested": tested,
    "area": area,
    "regression": regression,
    "regression_margin": regression_margin,
    "overlap": overlap,
    "survival": survival,
}
