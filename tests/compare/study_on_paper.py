"""A made-up study card, and the files of its stages, for tests of the comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recohort.card.loader import CardFile, load_card

CARD = """\
format: recohort-card-1
study: kites
name: Kites
citation: {authors: A, title: T, journal: J, year: 2020}
summary: A made-up study.
units:
  flyers: {label: Flyers, n: 120}
  kites: {label: Kites, n: {assume: kites}, within: flyers}
columns:
  site: {kind: group, unit: flyers, groups: {assume: sites}}
  crash: {kind: binary, unit: flyers}
  novice: {kind: binary, unit: flyers, prevalence: {assume: novices}}
  wind:
    kind: numeric
    unit: flyers
    step: 1
    low: 0
    times: [before, after]
    plausible: {assume: wind_shape}
    correlation: {assume: wind_correlation}
    limits:
      - {when: [{column: crash, equals: 1}], times: {assume: crash_times}, low: 10}
  age: {kind: numeric, unit: flyers, step: 1, low: 18, plausible: {assume: age_shape}}
  torn: {kind: binary, unit: kites}
  risky: {kind: derived, unit: flyers, all_of: [{column: novice, equals: 1}]}
populations:
  all: {unit: flyers, label: flyers}
  all_kites: {unit: kites, label: kites}
  fitted: {unit: flyers, label: fitted, where: {assume: fitted_rows}}
models:
  crash:
    kind: mixed_logistic
    population: fitted
    outcome: [{column: crash, equals: 1}]
    group: site
    terms:
      wind: {column: wind@before, coding: {assume: wind_coding}}
quantities:
  flyers:
    label: Flyers
    population: all
    analysis: {kind: size}
    values: {count: "120"}
  crash:
    label: Crash
    population: all
    analysis: {kind: proportion, having: [{column: crash, equals: 1}]}
    values: {count: "30", percent: "25.0"}
  risky:
    label: Risky
    population: all
    analysis: {kind: proportion, having: [{column: risky, equals: 1}]}
    values: {percent: {printed: "40", role: held_out}}
  torn:
    label: Torn
    population: all_kites
    analysis: {kind: proportion, having: [{column: torn, equals: 1}]}
    values: {count: "12"}
  age:
    label: Age
    population: all
    analysis: {kind: summary, column: age}
    values: {mean: "40.1", sd: "9.8"}
  calm:
    label: Calmer after
    population: all
    analysis: {kind: paired_test, column: wind@after, baseline: wind@before, test: {assume: test}}
    values: {p_value: "<.05"}
  drop:
    label: Drop of the wind
    population: all
    analysis: {kind: percent_change, column: wind@after, baseline: wind@before}
    values: {percent_reduction_from_baseline: {printed: "20.0", role: held_out}}
  odds:
    label: Odds of a crash
    population: fitted
    analysis: {kind: model_term, model: crash, term: wind}
    values: {odds_ratio: "1.50", ci95_lower: "1.10", ci95_upper: "2.05", p_value: ".01"}
  auc:
    label: AUC
    population: all
    analysis: {kind: auc, model: crash, interval: {assume: auc_interval}}
    values: {auc: "0.80", ci95_lower: "0.72", ci95_upper: "0.88"}
assumptions:
  kites: {label: Number of kites, value: 150, alternatives: [160], reason: R, source: S}
  sites: {label: Number of sites, value: 4, reason: R, source: S, question: "How many sites?"}
  novices: {label: Share of novices, value: 0.3, reason: R, source: S}
  wind_shape:
    label: Wind
    value: {before: {mean: 20, sd: 5}, after: {mean: 15, sd: 5}}
    reason: R
    source: S
  wind_correlation: {label: Correlation of wind, value: 0.5, reason: R, source: S}
  crash_times: {label: Times of a crash, value: [after], reason: R, source: S}
  age_shape: {label: Shape of age, value: {mean: 40, sd: 10}, reason: R, source: S}
  fitted_rows:
    label: Rows that the model was fitted on
    value: []
    alternatives: [[{column: novice, equals: 0}]]
    reason: R
    source: S
    question: On whom was the model fitted?
  wind_coding:
    label: Coding of wind
    value: {kind: linear, per: 10}
    reason: R
    source: S
  test:
    label: Paired test
    value: paired_t
    alternatives: [wilcoxon]
    reason: R
    source: S
    question: Which paired test?
  auc_interval: {label: AUC interval, value: delong, reason: R, source: S}
"""

DEFAULT = {
    "flyers.count": 120.0,
    "crash.count": 30.0,
    "crash.percent": 25.0,
    "risky.percent": 40.0,
    "torn.count": 12.0,
    "age.mean": 40.12,
    "age.sd": 9.81,
    "calm.p_value": 0.01,
    "drop.percent_reduction_from_baseline": 20.0,
    "odds.odds_ratio": 1.501,
    "odds.ci95_lower": 1.1,
    "odds.ci95_upper": 2.05,
    "odds.p_value": 0.011,
    "auc.auc": 0.79,
    "auc.ci95_lower": 0.71,
    "auc.ci95_upper": 0.87,
}


def card_file(folder: Path) -> CardFile:
    """The card, written and loaded."""
    path = folder / "kites.yaml"
    path.write_text(CARD, encoding="utf-8")
    return load_card(path)


def estimates(**changed: float) -> dict[str, object]:
    """An analysis.json; a changed id has a double underscore for its dot."""
    values = DEFAULT | {key.replace("__", "."): value for key, value in changed.items()}
    return {
        "study": "kites",
        "estimates": [
            {"id": key, "estimate": None if np.isnan(value) else value, "note": ""}
            for key, value in values.items()
        ],
    }


def spread(n: int = 200, seed: int = 1) -> dict[str, np.ndarray]:
    """Estimates that scatter by 1% about the default ones, one array an id."""
    rng = np.random.default_rng(seed)
    return {key: value * (1 + 0.01 * rng.standard_normal(n)) for key, value in DEFAULT.items()}


def finding(verdict: str, *values: str, **more: object) -> dict[str, object]:
    """One finding of an audit.json."""
    return {
        "id": f"check.topic:{'+'.join(values)}",
        "check": "check",
        "values": list(values),
        "verdict": verdict,
        "reason": None,
        "sentence": "These do not fit.",
        "reconcile": [],
        "changes_conclusion": None,
        **more,
    }
