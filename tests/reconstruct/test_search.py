"""Cohorts print what they were built to print, by code that shares nothing with the search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from ward_card import write_card

from recohort.card.loader import CardFile
from recohort.reconstruct.files import NOTICE, write_reconstruction
from recohort.reconstruct.search import Plan, Reconstruction, reconstruct


def test_every_value_is_met(found: Reconstruction) -> None:
    assert found.stored.unmet == ()
    assert all(setting.matched for setting in found.settings)
    assert len(found.conditioned) == 15 + 3
    assert found.ended == "complete"


def test_pandas_and_statsmodels_read_the_printed_values_off_the_tables(tmp_path: Path) -> None:
    card_file = write_card(tmp_path, mixed=False)
    found = reconstruct(card_file, Plan(seed=5, conditioned=0))
    assert found.stored.unmet == ()
    write_reconstruction(card_file, found, 5, tmp_path / "out")
    folder = tmp_path / "out" / "cohort"
    people = pd.read_csv(folder / "people_SIMULATED.csv")
    times = pd.read_csv(folder / "people_by_time_SIMULATED.csv")
    teeth = pd.read_csv(folder / "teeth_SIMULATED.csv")
    assert len(people) == 120
    assert people.fell.sum() == 30
    assert people.hip.sum() == 4
    assert not ((people.hip == 1) & (people.fell == 0)).any()
    assert teeth.loose.sum() == 20
    assert teeth[teeth.loose == 1].people_id.nunique() == 15
    assert teeth.groupby("people_id").size().between(1, 4).all()
    assert f"{people.age.mean():.1f}" == "61.3"
    assert f"{people.age.std():.2f}" == "11.87"
    assert (people.age.min(), people.age.max()) == (24, 91)
    before, after = (times[times.time == t].pain.dropna() for t in ("before", "after"))
    assert f"{before.mean():.1f}" == "6.1"
    assert f"{before.std():.1f}" == "1.9"
    assert len(after) == 100
    assert [f"{after.quantile(q):.0f}" for q in (0.25, 0.5, 0.75)] == ["2", "3", "4"]
    fit = sm.Logit(people.fell, sm.add_constant(people.dose / 5)).fit(disp=0)
    low, high = np.exp(fit.conf_int().loc["dose"])
    assert [f"{v:.2f}" for v in (np.exp(fit.params.dose), low, high)] == ["2.41", "1.20", "4.85"]
    assert f"{fit.pvalues.dose:.3f}" == "0.014"
    assert people.duplicated(["age", "dose", "ward", "fell"]).sum() <= 2
    assert (folder / "README.txt").read_text().startswith(NOTICE)
    report = json.loads((tmp_path / "out" / "reconstruction.json").read_text())
    assert report["stored"]["unmet"] == []


def test_conditioned_cohorts_print_the_imposed_values_and_differ_in_the_others(
    card_file: CardFile, found: Reconstruction
) -> None:
    card = card_file.base
    imposed = [v for v in card.values if v.role != "held_out"]
    for one in found.conditioned:
        for value in imposed:
            assert value.number.accepts(one.estimates[value.id]), value.id
    aucs = {one.estimates["auc.auc"] for one in found.conditioned}
    assert len(aucs) == len(found.conditioned)


def test_the_same_seed_gives_the_same_cohorts_for_any_number_of_processes(
    card_file: CardFile, found: Reconstruction, tmp_path: Path
) -> None:
    again = reconstruct(card_file, Plan(seed=3, conditioned=15, threads=2))
    for name, result in (("one", found), ("two", again)):
        write_reconstruction(card_file, result, 3, tmp_path / name)
    one = {p.relative_to(tmp_path / "one"): p.read_bytes() for p in _files(tmp_path / "one")}
    two = {p.relative_to(tmp_path / "two"): p.read_bytes() for p in _files(tmp_path / "two")}
    assert one == two


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_cannot_be_met_is_named_and_never_called_impossible(tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    card_file = write_card(tmp_path, mixed=False)
    path.write_text(path.read_text().replace("sd: 11.87", "sd: 40.00"), encoding="utf-8")
    from recohort.card.loader import load_card

    card_file = load_card(path)
    found = reconstruct(card_file, Plan(seed=1, conditioned=0, attempts=1))
    assert any(name.startswith("age.") for name in found.stored.unmet)
    assert not found.settings[0].matched
    write_reconstruction(card_file, found, 1, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "reconstruction.json").read_text())
    assert {one["status"] for one in report["stored"]["unmet"]} == {"search_exhausted"}


def test_one_member_of_a_proven_conflict_gives_and_the_same_one_under_every_setting(
    tmp_path: Path,
) -> None:
    card_file = write_card(tmp_path, mixed=False, changes={"sd: 11.87": "sd: 40.00"})
    conflict = frozenset({"age.mean", "age.sd", "age.min", "age.max"})
    found = reconstruct(card_file, Plan(seed=1, conditioned=0), [conflict])
    assert len(found.stored.unmet) == 1
    assert set(found.stored.unmet) <= conflict
    assert len(found.settings) == 2
    for setting in found.settings:
        assert setting.unmet_of_all == found.stored.unmet
        assert setting.matched
