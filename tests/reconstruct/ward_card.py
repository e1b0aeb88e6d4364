"""A made-up card with a bit of everything that a cohort can hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recohort.card.loader import CardFile, load_card

CARD = """
format: recohort-card-1
study: ward
name: A made-up ward
citation: {authors: Nobody, title: Nothing, journal: None, year: 2001}
summary: Made up for tests.
units:
  people: {label: People, n: 120}
  teeth: {label: Teeth, n: 150, within: people, max_per_parent: 4}
columns:
  ward: {kind: group, unit: people, groups: 6}
  fell: {kind: binary, unit: people}
  hip: {kind: binary, unit: people, among: [{column: fell, equals: 1}]}
  age: {kind: numeric, unit: people, step: 1, low: 18, high: 99, plausible: {mean: 60, sd: 12}}
  dose:
    kind: numeric
    unit: people
    step: 0.1
    low: 0
    high: 30
    plausible: {family: lognormal, mean: 6, sd: 3}
  pain:
    kind: numeric
    unit: people
    step: 1
    low: 0
    high: 10
    times: [before, after]
    followed: {after: 100}
    correlation: {assume: likeness}
    plausible: {mean: 5, sd: 2}
  loose: {kind: binary, unit: teeth}
populations:
  everyone: {unit: people, label: people}
  teeth: {unit: teeth, label: teeth}
  loose: {unit: teeth, label: loose teeth, where: [{column: loose, equals: 1}]}
models:
  falls:
    kind: MODEL
    population: everyone
    outcome: [{column: fell, equals: 1}]
    GROUP
    terms:
      dose: {column: dose, coding: {kind: linear, per: 5}}
quantities:
  people: {label: People, population: everyone, analysis: {kind: size}, values: {count: 120}}
  fell:
    label: Fell
    population: everyone
    analysis: {kind: proportion, having: [{column: fell, equals: 1}]}
    values: {count: 30, percent: 25.0}
  hip:
    label: Broken hips
    population: everyone
    analysis: {kind: proportion, having: [{column: hip, equals: 1}]}
    values: {count: 4}
  loose:
    label: Loose teeth
    population: teeth
    analysis: {kind: proportion, having: [{column: loose, equals: 1}]}
    values: {count: 20}
  loose_people:
    label: People with loose teeth
    population: loose
    analysis: {kind: parents}
    values: {count: 15}
  age:
    label: Age
    population: everyone
    analysis: {kind: summary, column: age}
    values: {mean: 61.3, sd: 11.87, min: 24, max: 91}
  pain_before:
    label: Pain before
    population: everyone
    analysis: {kind: summary, column: pain@before}
    values: {mean: 6.1, sd: 1.9}
  pain_after:
    label: Pain after
    population: everyone
    analysis: {kind: summary, column: pain@after}
    values: {median: 3, q1: 2, q3: 4}
  pain_change:
    label: Pain after against before
    population: everyone
    analysis: {kind: paired_test, column: pain@after, baseline: pain@before}
    values: {p_value: <0.001}
  dose:
    label: Dose
    population: everyone
    analysis: {kind: model_term, model: falls, term: dose}
    values: {odds_ratio: 2.41, ci95_lower: 1.20, ci95_upper: 4.85, p_value: 0.014}
  auc:
    label: AUC
    population: everyone
    analysis: {kind: auc, model: falls}
    values: {auc: 0.66}
assumptions:
  likeness: {label: Likeness, value: 0.5, alternatives: [0.2], reason: made up, source: none}
"""


def write_card(folder: Path, *, mixed: bool, changes: Mapping[str, str] | None = None) -> CardFile:
    """The made-up card, with an ordinary or a mixed logistic model, and pieces of text changed."""
    text = CARD.replace("MODEL", "mixed_logistic" if mixed else "logistic")
    text = text.replace("GROUP", "group: ward" if mixed else "nodes: 9")
    for old, new in (changes or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "ward.yaml"
    path.write_text(text, encoding="utf-8")
    return load_card(path)
