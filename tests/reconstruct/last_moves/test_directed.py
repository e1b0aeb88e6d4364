"""Changes foretold from sums against the estimators, and sets of changes that meet targets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri, stdtrit

from recohort.analysis.estimate import Analyst
from recohort.card.loader import load_card
from recohort.card.statistic import Role, Statistic
from recohort.cohort import Cohort, Table
from recohort.reconstruct.last_moves.candidates import Bench
from recohort.reconstruct.last_moves.directed import Changes, directed
from recohort.reconstruct.last_moves.sums import foretell
from recohort.reconstruct.target import targets_of

N = 160
QUANTITIES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "summary": ({"kind": "summary", "column": "iron"}, {"mean": "5.00", "sd": "1.00"}),
    "student": (
        {"kind": "two_sample_test", "column": "iron", "test": "student_t"},
        {"p_value": "0.040", "difference": "0.3"},
    ),
    "welch": ({"kind": "two_sample_test", "column": "iron", "test": "welch_t"}, {"p_value": "0.1"}),
    "ranks": (
        {"kind": "two_sample_test", "column": "iron", "test": "mann_whitney"},
        {"p_value": "0.050"},
    ),
    "chi_square": (
        {"kind": "two_sample_test", "column": "low", "test": "chi_square"},
        {"p_value": "0.5"},
    ),
    "paired": (
        {"kind": "paired_test", "column": "iron", "baseline": "first"},
        {"p_value": "0.1", "difference": "0.1"},
    ),
    "signed": (
        {"kind": "paired_test", "column": "iron", "baseline": "first", "test": "wilcoxon"},
        {"p_value": "0.1"},
    ),
    "of_means": (
        {"kind": "percent_change", "column": "iron", "baseline": "first"},
        {"percent_change": "3.0"},
    ),
    "each": (
        {"kind": "percent_change", "column": "iron", "baseline": "first", "of": "mean_of_changes"},
        {"percent_change": "3.0"},
    ),
    "geometric": (
        {
            "kind": "percent_change",
            "column": "iron",
            "baseline": "first",
            "of": "of_geometric_means",
        },
        {"percent_change": "3.0"},
    ),
    "auc": (
        {"kind": "auc", "column": "iron"},
        {"auc": "0.600", "ci95_lower": "0.510", "ci95_upper": "0.690"},
    ),
    "auc_logit": (
        {"kind": "auc", "column": "iron", "interval": "delong_logit", "higher_means_outcome": "no"},
        {"auc": "0.400", "ci95_lower": "0.320"},
    ),
    "auc_gap": (
        {"kind": "auc_difference", "column": "first", "other": "iron"},
        {"difference": "0.01", "p_value": "0.9", "ci95_lower": "-0.1"},
    ),
    "share": (
        {"kind": "proportion", "having": [{"column": "low", "equals": "1"}]},
        {"count": "20", "percent": "12.5"},
    ),
    "sensitivity": (
        {
            "kind": "diagnostic",
            "measure": "positive_predictive_value",
            "test": [{"column": "iron", "at_least": "5.5"}],
            "reference": [{"column": "ill", "equals": "1"}],
        },
        {"count": "30", "percent": "60"},
    ),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    ill = [{"column": "ill", "equals": "1"}]
    quantities = {}
    for name, (analysis, values) in QUANTITIES.items():
        asked = dict(analysis)
        if asked["kind"] == "two_sample_test":
            asked["group"] = ill
        if asked["kind"].startswith("auc"):
            asked["outcome"] = ill
        quantities[name] = {
            "label": name,
            "population": "everyone",
            "analysis": asked,
            "values": values,
        }
    low = {"kind": "derived", "unit": "people", "all_of": [{"column": "iron", "below": "4"}]}
    card = {
        "format": "recohort-card-1",
        "study": "iron",
        "name": "Iron",
        "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
        "summary": "Made up.",
        "units": {"people": {"label": "People", "n": N}},
        "columns": {
            "iron": {"kind": "numeric", "unit": "people", "step": "0.1", "low": "0"},
            "first": {"kind": "numeric", "unit": "people", "step": "0.1", "low": "0"},
            "ill": {"kind": "binary", "unit": "people", "prevalence": "0.4"},
            "low": low,
        },
        "populations": {"everyone": {"unit": "people", "label": "everyone"}},
        "quantities": quantities,
    }
    path = tmp_path_factory.mktemp("card") / "iron.yaml"
    path.write_text(json.dumps(card), encoding="utf-8")
    study = load_card(path).base
    rng = np.random.default_rng(5)
    sick = (rng.random(N) < 0.4).astype(float)
    first = np.round(rng.normal(5, 1, N) + 0.3 * sick, 1)
    iron = np.round(0.5 * first + rng.normal(2.6, 0.9, N) + 0.2 * sick, 1)
    columns = {"iron": iron, "first": first, "ill": sick}
    cohort = Cohort({"people": Table(N, None, None)}, columns, dict.fromkeys(columns, "people"))
    return Bench(study, cohort, columns)


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_one_row_does_is_foretold_as_the_estimators_of_the_changed_column_say(
    bench: Bench, name: str
) -> None:
    rng = np.random.default_rng(8)
    state = np.round(np.maximum(bench.columns["iron"] + rng.normal(0, 0.8, N), 0.1), 1)
    quantity = bench.card.quantities[name]
    sums = foretell(bench, quantity, "iron", state)
    assert sums is not None
    before = bench.columns["iron"]
    exact = name not in ("ranks", "signed", "chi_square")
    try:
        for row in rng.choice(N, 25, replace=False):
            bench.columns["iron"] = before.copy()
            bench.columns["iron"][row] = state[row]
            values = Analyst(bench.card, bench.cohort).estimates(name).values
            told = sums.give((sums.total + sums.effect[row])[None, :])
            for statistic in quantity.values:
                if statistic not in told:
                    continue
                want = values[statistic]
                if statistic is Statistic.P_VALUE:
                    want = sums.size_of_p(want)
                assert told[statistic][0] == pytest.approx(
                    want, rel=2e-3 if exact else 2e-2, abs=2e-3
                )
    finally:
        bench.columns["iron"] = before


def test_the_size_of_a_p_value_is_that_of_its_statistic(bench: Bench) -> None:
    state = bench.columns["iron"]
    student = foretell(bench, bench.card.quantities["student"], "iron", state)
    ranks = foretell(bench, bench.card.quantities["ranks"], "iron", state)
    assert student is not None
    assert ranks is not None
    assert student.size_of_p(0.04) == pytest.approx(stdtrit(N - 2, 0.98))
    assert ranks.size_of_p(0.04) == pytest.approx(ndtri(0.98))


@pytest.mark.parametrize("name", ["auc", "student", "ranks", "paired", "of_means", "auc_gap"])
def test_a_few_sets_of_changes_meet_what_a_quantity_is_to_print(bench: Bench, name: str) -> None:
    rng = np.random.default_rng(3)
    told = {}
    for one in targets_of(bench.card, list(Role)):
        beside = "" if name in ("paired", "of_means") else "summary"
        if one.quantity in (name, beside) and one.id != "auc_gap.ci95_lower":
            told.setdefault(one.quantity, []).append(one)
    weight = dict.fromkeys(told, 1.0)
    before = bench.columns["iron"]
    try:
        for _ in range(25):
            now = bench.columns["iron"]
            state = np.round(np.maximum(now + rng.normal(0, 0.5, N), 0.1), 1)
            of = np.where(state == now, -1, rng.permutation(N))
            found = directed(bench, {"iron": Changes(state, of)}, {"iron": told}, weight, rng)
            if found is not None:
                bench.columns.update(found)
            loss = sum(
                float(bench.losses(q, mine, "iron", bench.columns["iron"][None, :])[0])
                for q, mine in told.items()
            )
            if loss == 0.0:
                return
        pytest.fail(f"loss {loss}")
    finally:
        bench.columns["iron"] = before
