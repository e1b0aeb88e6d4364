"""Each value judged by cohorts that print all the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from ward_card import write_card

from recohort.audit.study import audit_card_file
from recohort.card.loader import CardFile, Setting
from recohort.compare.left_out import judge_left_out, left_out_text
from recohort.reconstruct.leave_one_out import LeftOut, bearing_on, leave_one_out
from recohort.reconstruct.search import Plan


def run(card_file: CardFile, *ids: str, threads: int = 1, cohorts: int = 24) -> dict[str, LeftOut]:
    skip = frozenset(v.id for v in card_file.base.values) - set(ids)
    plan = Plan(seed=4, conditioned=cohorts, threads=threads)
    found = leave_one_out(card_file, plan, Setting(), frozenset(), skip)
    return {one.id: one for one in found}


def judged(card_file: CardFile, found: dict[str, LeftOut]) -> dict[str, dict[str, str]]:
    rows = judge_left_out(
        card_file,
        {**audit_card_file(card_file).to_json(), "determined": {}},
        {name: one.estimates for name, one in found.items() if not one.note},
        {name: one.note for name, one in found.items() if one.note},
        all_met=True,
    )
    return {row["id"]: row for row in rows}


def test_what_bears_on_a_value(tmp_path: Path) -> None:
    card = write_card(tmp_path, mixed=False).base
    by_id = {value.id: value for value in card.values}
    skeleton = {"people.count", "fell.count", "fell.percent", "hip.count", "loose.count"}
    age = bearing_on(card, by_id["age.mean"])
    assert age == skeleton | {"loose_people.count"} | {
        f"age.{s}" for s in ("mean", "sd", "min", "max")
    }
    pain = bearing_on(card, by_id["pain_before.mean"])
    assert {"pain_after.median", "pain_change.p_value"} <= pain
    assert not {"age.mean", "dose.odds_ratio"} & pain
    assert {"auc.auc", "dose.p_value"} <= bearing_on(card, by_id["dose.odds_ratio"])
    # Everything that a skeleton's column reaches bears on its count.
    assert {"dose.odds_ratio", "hip.count"} <= bearing_on(card, by_id["fell.count"])


def test_limits_and_p_foretell_the_ratio_and_show_a_wrong_one(tmp_path: Path) -> None:
    right = write_card(tmp_path, mixed=False)
    found = run(right, "dose.odds_ratio")
    estimates = found["dose.odds_ratio"].estimates["base"]
    assert len(estimates) >= 20
    # The square root of the limits' product, over their rounding boxes.
    assert all((1.195 * 4.845) ** 0.5 <= e <= (1.205 * 4.855) ** 0.5 for e in estimates)
    row = judged(right, found)["dose.odds_ratio"]
    assert row["verdict"] == "consistent"
    assert int(row["cohorts"]) == len(estimates)


def test_a_share_that_the_count_does_not_give_is_not_reproduced(tmp_path: Path) -> None:
    changes = {"percent: 25.0": "percent: 31.0"}
    card_file = write_card(tmp_path, mixed=False, changes=changes)
    found = run(card_file, "fell.percent")
    assert set(found["fell.percent"].estimates["base"]) == {25.0}
    # The audit would prove it impossible; without it the cohorts say as much.
    rows = judge_left_out(card_file, {}, {"fell.percent": {"base": [25.0] * 24}}, {}, all_met=True)
    assert rows[0]["verdict"] == "not_reproduced"
    assert judged(card_file, found)["fell.percent"]["verdict"] == "impossible"


def test_an_area_rests_on_the_predictors_shape_which_is_a_guess(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False, changes={"auc: 0.66": "auc: 0.85"})
    row = judged(card_file, run(card_file, "auc.auc"))["auc.auc"]
    assert row["verdict"] == "undetermined"
    assert int(row["above"]) == 0
    assert "outside" in row["reason"]
    assert "shape" in row["reason"]


def test_what_the_audit_doubts_keeps_its_reason(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False, changes={"odds_ratio: 2.41": "odds_ratio: 2.91"})
    row = judged(card_file, run(card_file, "dose.odds_ratio"))["dose.odds_ratio"]
    assert row["verdict"] == "undetermined"
    assert "not at equal distances" in row["reason"]


def test_a_value_that_nothing_else_bears_on_is_said_to_be_so(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False)
    found = run(card_file, "hip.count")
    assert "of hip" in found["hip.count"].note
    row = judged(card_file, found)["hip.count"]
    assert row["verdict"] == "undetermined"
    assert "Nothing else that was printed" in row["reason"]


def test_one_process_and_two_give_the_same_rows(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False)
    texts = [
        left_out_text(list(judged(card_file, run(card_file, "age.sd", threads=n)).values()))
        for n in (1, 2)
    ]
    assert texts[0] == texts[1]
    assert "age.sd" in texts[0]


def test_design_facts_are_never_left_out(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False)
    assert run(card_file, "people.count") == {}


@pytest.mark.parametrize("limit", [1e-9])
def test_a_time_limit_ends_between_values(tmp_path: Path, limit: float) -> None:
    card_file = write_card(tmp_path, mixed=False)
    plan = Plan(seed=4, conditioned=2, time_limit=limit)
    assert list(leave_one_out(card_file, plan, Setting(), frozenset())) == []
