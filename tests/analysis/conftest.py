"""A made-up herd of goats with lumps on them, and a way to ask anything of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from recohort.analysis.estimate import Analyst, Estimates
from recohort.card.loader import CardFile, load_card
from recohort.cohort import Cohort, Table

CARD = """\
format: recohort-card-1
study: goats
name: Goats
citation: {authors: A, title: T, journal: J, year: 2020}
summary: Made-up goats with made-up lumps.
units:
  goats: {label: Goats, n: 90}
  lumps: {label: Lumps, n: 140, within: goats, max_per_parent: 9}
columns:
  age: {kind: numeric, unit: goats, step: 1, low: 1, high: 30}
  horn: {kind: numeric, unit: goats, step: 0.01, low: 0.1}
  milk: {kind: numeric, unit: goats, step: 0.1, times: [spring, summer, autumn], correlation: 0.5}
  lame: {kind: binary, unit: goats}
  brown: {kind: binary, unit: goats}
  herd: {kind: group, unit: goats, groups: 9}
  months: {kind: numeric, unit: goats, step: 1, low: 1}
  gain: {kind: numeric, unit: goats, step: 0.1}
  old_or_brown: {kind: derived, unit: goats, any_of: [{column: age, at_least: 18},
    {column: brown, equals: 1}]}
  old_and_brown: {kind: derived, unit: goats, all_of: [{column: age, at_least: 18},
    {column: brown, equals: 1}]}
  size: {kind: numeric, unit: lumps, step: 0.1, low: 0}
  hot: {kind: binary, unit: lumps}
populations:
  goats: {unit: goats, label: goats}
  old: {unit: goats, label: old goats, where: [{column: age, above: 14}]}
  lumps: {unit: lumps, label: lumps}
  lumps_of_brown: {unit: lumps, label: lumps of brown goats, where: [{column: brown, equals: 1}]}
  nobody: {unit: goats, label: no goats, where: [{column: age, above: 29}]}
models:
  lameness:
    kind: logistic
    population: goats
    outcome: [{column: lame, equals: 1}]
    terms:
      age: {column: age, coding: {kind: linear, per: 5}}
      horn: {column: horn, coding: {kind: log, per: 2}}
      brown: {column: brown}
  coded:
    kind: logistic
    population: goats
    outcome: [{column: lame, equals: 1}]
    terms:
      old: {column: age, coding: {kind: at_least, threshold: 15}}
      horn: {column: horn, coding: {kind: per_sd}}
  among_old:
    kind: logistic
    population: old
    outcome: [{column: lame, equals: 1}]
    terms: {brown: {column: brown}}
  by_herd:
    kind: mixed_logistic
    population: goats
    outcome: [{column: lame, equals: 1}]
    terms: {age: {column: age, coding: {kind: per_sd}}}
    group: herd
    nodes: 9
  heat:
    kind: logistic
    population: lumps
    outcome: [{column: hot, equals: 1}]
    terms: {size: {column: size}, age: {column: age}}
  survival:
    kind: cox
    population: goats
    time: months
    outcome: [{column: lame, equals: 1}]
    terms: {age: {column: age}, brown: {column: brown}}
  survival_by_herd:
    kind: cox
    population: goats
    time: months
    outcome: [{column: lame, equals: 1}]
    terms: {age: {column: age}, brown: {column: brown}}
    group: herd
quantities:
  goats: {label: Goats, population: goats, analysis: {kind: size}, values: {count: 90}}
"""


@dataclass(frozen=True)
class Herd:
    """The card, a cohort, the same cohort as data frames, and what is asked of it."""

    folder: Path
    cohort: Cohort
    goats: pd.DataFrame
    lumps: pd.DataFrame

    def card(self, *asked: str) -> CardFile:
        """The card with more quantities, each ``{population: ..., analysis: ..., values: ...}``."""
        document = yaml.load(CARD, Loader=yaml.BaseLoader)
        for index, text in enumerate(asked):
            quantity = yaml.load(text, Loader=yaml.BaseLoader)
            document["quantities"][f"asked_{index}"] = {"label": "Asked", **quantity}
        path = self.folder / "goats.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return load_card(path)

    def ask(self, analysis: str, population: str = "goats", values: str = "{}") -> Estimates:
        """What one analysis gives on the cohort."""
        text = f"{{population: {population}, analysis: {{{analysis}}}, values: {values}}}"
        return Analyst(self.card(text).base, self.cohort).estimates("asked_0")


def _cohort() -> Cohort:
    rng = np.random.default_rng(20)
    n, m = 90, 140
    age = rng.integers(2, 29, n).astype(float)
    horn = np.round(np.exp(rng.normal(2.0, 0.6, n)), 2)
    brown = (rng.random(n) < 0.4).astype(float)
    herd = np.concatenate([np.arange(1, 10), rng.integers(1, 10, n - 9)]).astype(float)
    line = -2.0 + 0.08 * age + 0.6 * brown + 0.3 * np.log(horn) + 0.7 * np.sin(herd)
    lame = (rng.random(n) < 1.0 / (1.0 + np.exp(-line))).astype(float)
    months = np.ceil(rng.exponential(20.0 / np.exp(0.03 * age), n))
    level = rng.normal(20.0, 4.0, n)
    milk = {
        time: np.round(level + shift + rng.normal(0.0, 2.0, n), 1)
        for time, shift in (("spring", 0.0), ("summer", 1.5), ("autumn", -1.0))
    }
    gain = np.round(rng.normal(-12.0, 9.0, n), 1)
    for column, holes in (
        (horn, [3, 17, 40]),
        (milk["summer"], [5, 6, 7, 30]),
        (milk["autumn"], [2, 7, 60, 61, 62]),
        (gain, [1, 2]),
        (months, [11]),
        (lame, [20, 44]),
        (brown, [70]),
    ):
        column[holes] = np.nan
    parent = np.sort(rng.integers(0, n, m))
    size = np.round(rng.gamma(3.0, 2.0, m), 1)
    hot = (rng.random(m) < 1.0 / (1.0 + np.exp(2.0 - 0.25 * size))).astype(float)
    size[[9, 10]] = np.nan
    goats = {"age": age, "horn": horn, "brown": brown, "herd": herd, "lame": lame}
    goats |= {"months": months, "gain": gain, **{f"milk@{t}": v for t, v in milk.items()}}
    lumps = {"size": size, "hot": hot}
    return Cohort(
        {"goats": Table(n), "lumps": Table(m, "goats", parent)},
        goats | lumps,
        dict.fromkeys(goats, "goats") | dict.fromkeys(lumps, "lumps"),
    )


@pytest.fixture
def herd(tmp_path: Path) -> Herd:
    cohort = _cohort()
    frames = {
        unit: pd.DataFrame({k: v for k, v in cohort.columns.items() if cohort.unit_of[k] == unit})
        for unit in ("goats", "lumps")
    }
    parent = cohort.tables["lumps"].parent
    assert parent is not None
    lumps = frames["lumps"].assign(goat=parent)
    lumps = lumps.join(frames["goats"], on="goat")
    return Herd(tmp_path, cohort, frames["goats"], lumps)


@pytest.fixture
def ask(herd: Herd) -> Callable[..., Estimates]:
    return herd.ask
