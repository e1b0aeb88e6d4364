"""The content of analysis.json: every estimate, the models, the curves, and plain numbers only."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from sklearn.metrics import roc_auc_score, roc_curve

from recohort.analysis.estimate import Analyst
from recohort.analysis.layout import table_layouts
from recohort.analysis.report import analysis_report
from recohort.card.analyses import GIVES
from recohort.card.loader import Setting
from recohort.cohort import read_cohort, write_cohort

if TYPE_CHECKING:
    from conftest import Herd

LAME = "[{column: lame, equals: 1}]"
BOTH = "column: milk@autumn, baseline: milk@spring"
ANALYSES = (
    ("goats", "kind: size"),
    ("lumps", "kind: parents"),
    ("goats", f"kind: proportion, having: {LAME}"),
    ("goats", "kind: summary, column: horn"),
    ("goats", "kind: location, column: gain"),
    ("goats", f"kind: percent_change, {BOTH}"),
    ("goats", f"kind: paired_test, {BOTH}"),
    ("goats", f"kind: two_sample_test, column: gain, group: {LAME}"),
    ("goats", "kind: model_term, model: lameness, term: age"),
    ("goats", f"kind: auc, column: horn, outcome: {LAME}"),
    ("goats", f"kind: auc_difference, column: horn, other: age, outcome: {LAME}"),
    ("goats", "kind: diagnostic, measure: sensitivity, test: [{column: horn, above: 8}], "
     f"reference: {LAME}"),
    ("goats", f"kind: kaplan_meier, time: months, event: {LAME}, at: 6"),
    ("goats", f"kind: reverse_kaplan_meier, time: months, event: {LAME}"),
    ("goats", "kind: linear_mixed, column: milk, baseline: milk@spring, at: milk@autumn"),
    ("goats", "kind: calibration, model: lameness"),
    ("goats", f"kind: cutpoint_optimism, column: horn, outcome: {LAME}"),
)  # fmt: skip


def quantities(of: tuple[str, ...] = ()) -> tuple[str, ...]:
    return tuple(
        f"{{population: {population}, analysis: {{{analysis}}}}}"
        for population, analysis in ANALYSES
        if not of or any(analysis.startswith(f"kind: {kind},") for kind in of)
    )


def report(herd: Herd, *kinds: str) -> dict[str, Any]:
    return analysis_report(herd.card(*quantities(kinds)), herd.cohort, Setting())


def test_every_kind_of_analysis_gives_only_what_it_can_give(herd: Herd) -> None:
    card = herd.card(*quantities()).base
    kinds = [quantity.analysis.kind for quantity in card.quantities.values()]
    assert set(kinds) == set(GIVES)
    analyst = Analyst(card, herd.cohort)
    for name, quantity in card.quantities.items():
        found = analyst.estimates(name).values
        assert set(found) <= GIVES[quantity.analysis.kind], quantity.analysis.kind
        assert all(math.isfinite(value) for value in found.values()), quantity.analysis.kind


def test_the_report_holds_each_estimate_once_and_is_json(herd: Herd) -> None:
    file = herd.card(*quantities())
    found = analysis_report(file, herd.cohort, Setting())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["study"], found["setting"]) == ("goats", "base")
    assert found["card_sha256"] == file.sha256
    ids = [row["id"] for row in found["estimates"]]
    assert len(ids) == len(set(ids))
    analyst = Analyst(file.base, herd.cohort)
    for row in found["estimates"]:
        assert row["id"] == f"{row['quantity']}.{row['statistic']}"
        assert row["estimate"] == analyst.estimates(row["quantity"]).values[row["statistic"]]


def test_what_cannot_be_estimated_is_null_with_a_note(herd: Herd) -> None:
    nothing = replace(herd.cohort, columns={**herd.cohort.columns, "lame": np.full(90, np.nan)})
    found = analysis_report(herd.card(*quantities()), nothing, Setting())
    json.dumps(found, allow_nan=False)
    for row in found["estimates"]:
        if row["quantity"] in ("asked_8", "asked_9", "asked_10", "asked_12", "asked_15"):
            assert row["estimate"] is None, row
            assert row["note"], row
    assert found["models"]["lameness"]["rows"] == 0
    assert found["models"]["lameness"]["intercept"] is None
    assert found["models"]["lameness"]["note"]


def test_models_are_told_in_the_terms_of_the_card(herd: Herd) -> None:
    found = report(herd)["models"]
    assert set(found) == set(herd.card().base.models)
    rows = herd.goats[["lame", "age", "horn", "brown"]].dropna()
    assert found["lameness"]["rows"] == len(rows)
    assert found["lameness"]["events"] == rows["lame"].sum()
    assert list(found["lameness"]["coefficients"]) == ["age", "horn", "brown"]
    assert found["lameness"]["random_intercept_sd"] is None
    assert found["by_herd"]["random_intercept_sd"] >= 0


def test_the_roc_curve_is_scikit_learns(herd: Herd) -> None:
    found = report(herd, "auc")["curves"]["asked_0"]
    seen = herd.goats[["horn", "lame"]].dropna()
    assert found["auc"] == pytest.approx(roc_auc_score(seen["lame"], seen["horn"]))
    fpr, tpr, _ = roc_curve(seen["lame"], seen["horn"], drop_intermediate=False)
    assert set(zip(np.round(found["fpr"], 9), np.round(found["tpr"], 9), strict=True)) == set(
        zip(np.round(fpr, 9), np.round(tpr, 9), strict=True)
    )


def test_the_survival_curve_is_lifelines(herd: Herd) -> None:
    found = report(herd, "kaplan_meier")["curves"]["asked_0"]
    seen = herd.goats[["months", "lame"]].dropna()
    peer = KaplanMeierFitter().fit(seen["months"], seen["lame"])
    table = peer.event_table.iloc[1:]
    assert found["time"] == list(table.index)
    np.testing.assert_allclose(found["survival"], peer.survival_function_.iloc[1:, 0])
    for ours, theirs in (("at_risk", "at_risk"), ("events", "observed"), ("censored", "censored")):
        assert found[ours] == list(table[theirs])


def test_the_calibration_curve_covers_everyone(herd: Herd) -> None:
    found = report(herd, "calibration")["curves"]["asked_0"]
    rows = herd.goats[["lame", "age", "horn", "brown"]].dropna()
    assert sum(found["n"]) == len(rows)
    events = sum(n * share for n, share in zip(found["n"], found["observed"], strict=True))
    assert events == pytest.approx(rows["lame"].sum())
    assert found["predicted"] == sorted(found["predicted"])


def test_a_cohort_read_from_its_files_gives_the_same_estimates(herd: Herd) -> None:
    card = herd.card(*quantities())
    layouts = table_layouts(card.base)
    assert [layout.unit for layout in layouts] == ["goats", "lumps"]
    assert "old_or_brown" in layouts[0].plain
    columns = dict(herd.cohort.columns)
    for name in ("old_or_brown", "old_and_brown"):
        columns[name] = Analyst(card.base, herd.cohort).frame.values(name, "goats")
    write_cohort(replace(herd.cohort, columns=columns), layouts, herd.folder)
    again = analysis_report(card, read_cohort(layouts, herd.folder), Setting())
    assert again == analysis_report(card, herd.cohort, Setting())
