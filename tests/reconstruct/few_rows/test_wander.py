"""Among states that print, values of few rows come up as often as their own law has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recohort.card.loader import load_card
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.cohort import Cohort, Table
from recohort.reconstruct.few_rows import walk as few_walk
from recohort.reconstruct.few_rows.kernel import settle
from recohort.reconstruct.few_rows.wander import law_of, wander
from recohort.reconstruct.last_moves.candidates import Bench
from recohort.reconstruct.measurement import describe
from recohort.reconstruct.target import targets_of

N = 30
KEYS = ("calm@dawn", "calm@dusk")
SHAPES = {"dawn": {"mean": 8, "sd": 3}, "dusk": {"mean": 11, "sd": 2}}


def a_card(folder: Path) -> StudyCard:
    pair = {"kind": "paired_test", "column": KEYS[1], "baseline": KEYS[0], "test": "wilcoxon"}
    card = {
        "format": "recohort-card-1", "study": "calm", "name": "Calm", "summary": "Made up.",
        "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
        "units": {"people": {"label": "People", "n": N}},
        "columns": {
            "calm": {
                "kind": "numeric", "unit": "people", "step": 1, "low": 0, "high": 20,
                "times": ["dawn", "dusk"], "correlation": 0.6, "plausible": SHAPES,
            },
        },
        "populations": {"all": {"unit": "people", "label": "all"}},
        "quantities": {
            "calmer": {
                "label": "calmer", "population": "all", "analysis": pair,
                "values": {"p_value": "0.2"},
            },
        },
    }  # fmt: skip
    path = folder / "calm.yaml"
    path.write_text(json.dumps(card), encoding="utf-8")
    return load_card(path).base


@pytest.mark.parametrize(("coupled", "correlation"), [(True, 0.6), (False, 0.0)])
def test_where_everything_prints_values_follow_their_shape_and_their_correlation(
    tmp_path: Path, coupled: bool, correlation: float
) -> None:
    rng = np.random.default_rng(3)
    card = a_card(tmp_path)
    targets = targets_of(card, list(Role))
    columns = {key: rng.integers(0, 21, N).astype(float) for key in KEYS}
    cohort = Cohort({"people": Table(N)}, columns, dict.fromkeys(KEYS, "people"))
    bench = Bench(card, cohort, columns)
    measured = {key: describe(bench._frame, key, targets, np.zeros(N)) for key in KEYS}
    problem = few_walk._problem(
        bench, {key: ["calmer"] for key in KEYS}, measured, {"calmer": targets}, frozenset(KEYS)
    )
    assert problem is not None
    anything = np.full_like(problem.terms.low, np.inf)
    terms, state = problem.terms._replace(low=-anything, high=anything), problem.state
    settle(terms, state)
    law = law_of(card, KEYS, measured, columns, state.at, coupled)
    found = []
    for _ in range(400):
        wander(terms, state, law, problem.free_rows, problem.free_first, 1500, rng)
        found.append(state.at.copy())
    dawn, dusk = np.concatenate(found[20:], axis=1).astype(float)
    for values, shape in ((dawn, SHAPES["dawn"]), (dusk, SHAPES["dusk"])):
        assert values.mean() == pytest.approx(shape["mean"], abs=0.12)
        assert values.std() == pytest.approx(shape["sd"], rel=0.05)
    assert np.corrcoef(dawn, dusk)[0, 1] == pytest.approx(correlation, abs=0.04)
    kept = state.sums.copy()
    settle(terms, state)
    assert np.array_equal(kept, state.sums)
