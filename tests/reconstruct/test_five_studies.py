"""The stored cohorts of the five studies, read by code that shares nothing with the search.

Pandas, SciPy, statsmodels and lifelines read every reported value off the written tables
(docs/studies/unseen_judge.py), and R's lme4 fits the mixed model where R is there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from recohort.audit.finding import FindingVerdict
from recohort.audit.study import audit_card_file
from recohort.card.loader import load_card
from recohort.reconstruct.files import write_reconstruction
from recohort.reconstruct.search import Plan, Reconstruction, reconstruct

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "studies"))

from unseen_judge import design, holds, judged, read_tables, rows_of  # noqa: E402

STUDIES = ("ajnr2022_mwa", "ajnr2023_dce", "cazzato2022_cryo", "liu2025_shpt", "recurrent_shpt")

VALUES = {
    "ajnr2022_mwa": 61,
    "ajnr2023_dce": 29,
    "cazzato2022_cryo": 44,
    "liu2025_shpt": 34,
    "recurrent_shpt": 19,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A study's stored cohort: what the search says of it, and its tables as they were written."""

    found: Reconstruction
    card: dict[str, Any]
    frames: dict[str, pd.DataFrame]
    conflicts: tuple[frozenset[str], ...]
    doubtful: tuple[frozenset[str], ...]


def filled(node: Any, assumptions: dict[str, Any], choices: dict[str, int]) -> Any:
    """A card as text, with the choices of the stored cohort put in."""
    if isinstance(node, list):
        return [filled(item, assumptions, choices) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"assume"}:
        one, index = assumptions[node["assume"]], choices.get(node["assume"], 0)
        value = one["alternatives"][index - 1] if index else one["value"]
        return filled(value, assumptions, choices)
    return {key: filled(value, assumptions, choices) for key, value in node.items()}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stored]:
    @cache
    def build(study: str) -> Stored:
        path = ROOT / "config" / "studies" / f"{study}.yaml"
        card_file = load_card(path)
        audit = audit_card_file(card_file)
        conflicts = tuple(frozenset(finding.values) for finding in audit.conflicts)
        doubtful = tuple(
            frozenset(finding.values)
            for finding in audit.findings
            if finding.verdict is FindingVerdict.UNDETERMINED
        )
        found = reconstruct(card_file, Plan(seed=1, conditioned=0), conflicts)
        out = tmp_path_factory.mktemp(study)
        write_reconstruction(card_file, found, 1, out)
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        choices = dict(found.stored.setting.choices)
        card = {k: filled(v, tree["assumptions"], choices) for k, v in tree.items()}
        return Stored(found, card, read_tables(out / "cohort", card), conflicts, doubtful)

    return build


def printed(card: dict[str, Any]) -> dict[str, str]:
    """Every reported value as its text, by its id."""
    return {
        f"{name}.{statistic}": value["printed"] if isinstance(value, dict) else value
        for name, quantity in card["quantities"].items()
        for statistic, value in quantity.get("values", {}).items()
    }


def prints(value: float, text: str) -> bool:
    """Whether a value prints as a text: to nearest, ties either way; ``<.001`` is any below it."""
    if text.startswith("<"):
        return value < float(text[1:])
    half = 0.5 * 10.0 ** -len(text.partition(".")[2])
    return abs(value - float(text)) <= half * (1 + 1e-9) + 1e-12


def misprinted(one: Stored, fits: dict[str, Any] | None = None) -> set[str]:
    """The values that the tables do not print, by the independent judge."""
    estimates = judged(one.card, one.frames, fits)
    return {id for id, text in printed(one.card).items() if not prints(estimates[id], text)}


@pytest.mark.parametrize("study", STUDIES)
def test_pandas_scipy_and_statsmodels_read_every_value_outside_proven_conflicts_off_the_tables(
    study: str, stored: Callable[[str], Stored]
) -> None:
    one = stored(study)
    assert len(printed(one.card)) == VALUES[study]
    missed = misprinted(one)
    assert missed == set(one.found.stored.unmet)
    questioned = frozenset().union(*one.conflicts, *one.doubtful)
    assert missed <= questioned, "each stands in a set that the audit proves or doubts"
    for conflict in one.conflicts:
        assert missed & conflict, "of each proven conflict at least one value gives"


def mixed_fit_by_lme4(one: Stored, name: str, folder: Path) -> tuple[pd.Series, pd.Series]:
    """Coefficients and standard errors of a mixed logistic model by R's lme4."""
    model, rows = one.card["models"][name], rows_of(one.card, one.frames, name)
    data = design(one.card, model, rows)
    terms = " + ".join(data.columns)
    data["outcome_"] = holds(rows, model["outcome"], one.card).astype(int)
    data["group_"] = rows[model["group"]]
    data.to_csv(folder / "data.csv", index=False)
    script = f"""
        suppressMessages(library(lme4))
        d <- read.csv("{folder}/data.csv")
        f <- glmer(outcome_ ~ {terms} + (1 | group_), d, binomial, nAGQ = 9,
                   control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e5)))
        write.csv(coef(summary(f))[, 1:2], "{folder}/fit.csv")
    """
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    fit = pd.read_csv(folder / "fit.csv", index_col=0).rename(index={"(Intercept)": "const"})
    return fit["Estimate"], fit["Std. Error"]


def has_lme4() -> bool:
    """Whether R and its lme4 are there."""
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "library(lme4)"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_lme4(), reason="R's lme4 is not installed")
@pytest.mark.parametrize("study", STUDIES)
def test_lme4_fits_every_printed_odds_ratio_limit_p_value_and_auc_of_a_mixed_model(
    study: str, stored: Callable[[str], Stored], tmp_path: Path
) -> None:
    one = stored(study)
    names = [k for k, m in one.card.get("models", {}).items() if m["kind"] == "mixed_logistic"]
    if not names:
        pytest.skip("the study has no mixed model")
    fits = {name: mixed_fit_by_lme4(one, name, tmp_path) for name in names}
    assert misprinted(one, dict(fits)) == set(one.found.stored.unmet)


def counted(card: dict[str, Any], key: str) -> set[float]:
    """The values of a column whose number of rows was printed."""
    return {
        float(one["equals"])
        for quantity in card["quantities"].values()
        for one in quantity["analysis"].get("having", ())
        if one["column"] == key and "equals" in one and quantity.get("values")
    }


def measurements(card: dict[str, Any], unit: str) -> list[str]:
    """The keys of a unit's measurements, one a time."""
    keys = []
    for name, column in card["columns"].items():
        if column["kind"] == "numeric" and column["unit"] == unit:
            keys += [f"{name}@{time}" for time in column.get("times", ())] or [name]
    return keys


@pytest.mark.parametrize("study", STUDIES)
def test_no_value_of_a_measurement_is_heaped(study: str, stored: Callable[[str], Stored]) -> None:
    """No value is twice as common as the commonest of a bell curve with the same SD.

    But for one whose number of rows was printed: 30 of 64 scores may be 0 only where the paper
    says so.
    """
    one = stored(study)
    for unit, frame in one.frames.items():
        for key in measurements(one.card, unit):
            values = frame[key].dropna()
            step = float(one.card["columns"][key.partition("@")[0]]["step"])
            few = 0.06 + 4 * np.sqrt(0.06 / len(values))  # as may come about by chance
            most = max(few, 2 * 0.399 * step / float(values.std()))
            shares = values.value_counts(normalize=True).drop(
                list(counted(one.card, key)), errors="ignore"
            )
            assert shares.max() <= most, f"{key}: {shares.index[0]} in {shares.iloc[0]:.0%}"


@pytest.mark.parametrize("study", STUDIES)
def test_no_more_rows_are_alike_than_by_chance(study: str, stored: Callable[[str], Stored]) -> None:
    """Pairs of rows alike in all measurements, against columns that know nothing of each other."""
    one = stored(study)
    for unit, frame in one.frames.items():
        keys = measurements(one.card, unit)
        rows = frame[keys].dropna()
        if len(keys) < 2 or len(rows) < 2:
            continue
        sizes = rows.groupby(keys).size()
        pairs = int((sizes * (sizes - 1) // 2).sum())
        alike = [float((rows[key].value_counts(normalize=True) ** 2).sum()) for key in keys]
        chance = len(rows) * (len(rows) - 1) / 2 * float(np.prod(alike))
        assert pairs <= chance + 4 * np.sqrt(chance) + 1, f"{unit}: {pairs} pairs of copies"
