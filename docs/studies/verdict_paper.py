"""A made-up paper: its card, what it prints and holds out, and numbers as printed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recohort.printed import round_text

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGE = 0.1
"""The share of papers with 300 to 600 people, where a scene allows it; others have 30 to 150."""


@dataclass
class Paper:
    """A card being written, its held-out values by kind, and mistakes that a paper could make."""

    columns: dict[str, Any]
    n: int
    quantities: dict[str, Any] = field(default_factory=dict)
    populations: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    assumptions: dict[str, Any] = field(default_factory=dict)
    units: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.units["people"] = {"label": "People", "n": self.n}
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

    def impose(self, name: str) -> None:
        """Impose a value that was held out."""
        quantity, statistic = name.split(".")
        self.quantities[quantity]["values"][statistic]["role"] = "imposed"
        del self.kinds[name], self.mistakes[name]

    def card(self) -> dict[str, Any]:
        """The card's content."""
        return {
            "format": "recohort-card-1",
            "study": "paper",
            "name": "A made-up paper",
            "citation": {"authors": "A", "title": "T", "journal": "J", "year": 2000},
            "summary": "Made up.",
            "units": self.units,
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


def drawn_size(rng: np.random.Generator) -> int:
    """How many people: 30 to 150, now and then 300 to 600."""
    return int(rng.integers(300, 601)) if rng.random() < LARGE else int(rng.integers(30, 151))


def drawn_arms(rng: np.random.Generator, n: int) -> Floats:
    """Two arms of which one has 35% to 65%."""
    ones = round(n * rng.uniform(0.35, 0.65))
    return np.asarray(rng.permutation(np.arange(n) < ones), float)


def add_arms(paper: Paper, arm: Floats) -> None:
    """The arms' column and populations, and how many are in them."""
    paper.columns["arm"] = {"kind": "binary", "unit": "people"}
    for value in (0, 1):
        paper.populations[f"arm_{value}"] = {
            "unit": "people", "label": f"arm {value}", "where": [equals("arm", value)],
        }  # fmt: skip
    having = {"kind": "proportion", "having": [equals("arm", 1)]}
    paper.print("arm", "all", having, count=str(int(arm.sum())))


def add_glands(paper: Paper, size: int) -> None:
    """Glands within people, and how many there are."""
    paper.units["glands"] = {"label": "Glands", "n": size, "within": "people"}
    paper.populations["glands"] = {"unit": "glands", "label": "glands"}
    paper.print("glands", "glands", {"kind": "size"}, count=str(size))
