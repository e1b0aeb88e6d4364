"""The last moves: columns that printed values tie to each other, and what is printed of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recohort.analysis.estimate import Analyst
from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, FloatArray, Table
from recohort.reconstruct.last_moves.polish import polish
from recohort.reconstruct.margins.fill import fill
from recohort.reconstruct.measurement import describe
from recohort.reconstruct.target import targets_of, unmet

N = 700
ILL = [{"column": "ill", "equals": "1"}]


def card_of(path: Path, values: dict[str, dict[str, str]]) -> StudyCard:
    """Two assays with their areas, the areas' difference, and quartiles of the ill and the well."""
    areas: dict[str, dict[str, Any]] = {
        "zinc_area": {"kind": "auc", "column": "zinc", "outcome": ILL},
        "lead_area": {"kind": "auc", "column": "lead", "outcome": ILL},
        "gap": {"kind": "auc_difference", "column": "zinc", "other": "lead", "outcome": ILL},
    }
    quantities = {
        name: {"label": name, "population": "everyone", "analysis": analysis}
        for name, analysis in areas.items()
    }
    for key in ("zinc", "lead"):
        for part in ("ill", "well"):
            quantities[f"{key}_{part}"] = {
                "label": f"{key} {part}",
                "population": part,
                "analysis": {"kind": "summary", "column": key},
            }
    measured = {"kind": "numeric", "unit": "people", "step": "0.1", "low": "0"}
    card = {
        "format": "recohort-card-1",
        "study": "assays",
        "name": "Assays",
        "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
        "summary": "Made up.",
        "units": {"people": {"label": "People", "n": N}},
        "columns": {
            "zinc": measured,
            "lead": measured,
            "ill": {"kind": "binary", "unit": "people", "prevalence": "0.4"},
        },
        "populations": {
            "everyone": {"unit": "people", "label": "everyone"},
            "ill": {"unit": "people", "label": "ill", "where": ILL},
            "well": {
                "unit": "people",
                "label": "well",
                "where": [{"column": "ill", "equals": "0"}],
            },
        },
        "quantities": {name: {**one, "values": values[name]} for name, one in quantities.items()},
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(card), encoding="utf-8")
    return load_card(path).base


def cohort_of(columns: dict[str, FloatArray]) -> Cohort:
    return Cohort({"people": Table(N, None, None)}, columns, dict.fromkeys(columns, "people"))


@pytest.mark.parametrize("seed", range(4))
def test_two_areas_and_their_difference_are_met_together(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ill = (rng.random(N) < 0.4).astype(float)
    common = rng.normal(0, 0.5, N)
    true = {
        "zinc": np.round(np.exp(2.0 + 0.4 * common + rng.normal(0, 0.4, N) + 0.6 * ill), 1),
        "lead": np.round(np.exp(2.2 + 0.4 * common + rng.normal(0, 0.4, N) + 0.5 * ill), 1),
        "ill": ill,
    }
    asked = {"zinc_area": {"auc": "0.500", "ci95_lower": "0.500", "ci95_upper": "0.500"}}
    asked["lead_area"] = asked["zinc_area"]
    asked["gap"] = {"difference": "0.000", "p_value": "0.500"}
    for key in ("zinc", "lead"):
        for part in ("ill", "well"):
            asked[f"{key}_{part}"] = {"median": "5.00", "q1": "5.00", "q3": "5.00"}
    blank = card_of(tmp_path / "blank" / "assays.yaml", asked)
    analyst = Analyst(blank, cohort_of(true))
    printed = {
        name: {s.value: f"{analyst.estimates(name).values[s]:.{len(asked[name][s.value]) - 2}f}"
               for s in quantity.values}
        for name, quantity in blank.quantities.items()
    }  # fmt: skip
    card = card_of(tmp_path / "assays.yaml", printed)
    targets = targets_of(card, list(Role))
    columns = {"ill": ill}
    cohort = cohort_of(columns)
    measurements = {}
    for key in ("zinc", "lead"):
        measurements[key] = describe(Analyst(card, cohort).frame, key, targets, rng.random(N))
        columns[key] = fill(measurements[key], rng)
        cohort = cohort_of(columns)
    margins = [one for one in targets if one.quantity.endswith(("_ill", "_well"))]
    assert not unmet(margins, Analyst(card, cohort).reported())
    polish(card, cohort, columns, measurements, targets, frozenset(), rng, 30)
    missed = unmet(targets, Analyst(card, cohort_of(columns)).reported())
    assert not missed
