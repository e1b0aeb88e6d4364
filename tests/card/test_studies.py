"""The five study cards, held against a copy of the table of printed numbers."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from recohort.card.loader import CardFile, load_card
from recohort.card.study import StudyCard, ValueRef

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "config" / "studies").glob("*.yaml"))
with (Path(__file__).parent / "reported_values.csv").open(encoding="utf-8", newline="") as file:
    TABLE = list(csv.DictReader(file))
STUDIES = list(dict.fromkeys(row["study"] for row in TABLE))
DENOMINATORS = {"": "none", "not reported": "not_reported", "denominator not reported": "not_reported"}  # fmt: skip # noqa: E501


@pytest.fixture(scope="module")
def cards() -> dict[str, CardFile]:
    return {path.stem: load_card(path) for path in CARDS}


def found(cards: dict[str, CardFile], row: dict[str, str]) -> tuple[StudyCard, ValueRef]:
    card = cards[row["study"]].base
    wanted = f"{row['quantity']}.{row['statistic']}"
    return card, next(value for value in card.values if value.id == wanted)


def test_the_table_has_187_numbers_of_five_studies() -> None:
    assert len(TABLE) == 187
    assert Counter(row["study"] for row in TABLE) == {
        "liu2025_shpt": 34,
        "recurrent_shpt": 19,
        "ajnr2022_mwa": 61,
        "cazzato2022_cryo": 44,
        "ajnr2023_dce": 29,
    }


def test_there_is_a_card_for_each_study(cards: dict[str, CardFile]) -> None:
    assert set(STUDIES) <= set(cards)


@pytest.mark.parametrize("study", STUDIES)
def test_a_card_holds_the_table_s_values_and_no_other(
    study: str, cards: dict[str, CardFile]
) -> None:
    rows = [f"{r['quantity']}.{r['statistic']}" for r in TABLE if r["study"] == study]
    assert sorted(value.id for value in cards[study].base.values) == sorted(rows)


@pytest.mark.parametrize(
    "row", TABLE, ids=lambda r: f"{r['study']}-{r['quantity']}.{r['statistic']}"
)
def test_a_reported_value_stands_as_in_the_table(
    row: dict[str, str], cards: dict[str, CardFile]
) -> None:
    card, value = found(cards, row)
    quantity = card.quantities[value.quantity]
    assert value.reported.printed == row["printed"]
    assert card.populations[quantity.population].label == row["population"]
    assert quantity.denominator == DENOMINATORS.get(row["n"], row["n"])
    assert quantity.label
    assert quantity.section


@pytest.mark.parametrize("study", STUDIES)
def test_what_a_paper_leaves_open_is_argued_and_moderate(
    study: str, cards: dict[str, CardFile]
) -> None:
    card_file = cards[study]
    for assumption in card_file.base.assumptions.values():
        assert assumption.reason
        assert assumption.source
        if assumption.alternatives:
            assert assumption.question.endswith("?")
            assert assumption.value not in assumption.alternatives
    assert 4 <= len(card_file.single_changes) - 1 <= 14


@pytest.mark.parametrize("study", STUDIES)
def test_the_same_values_are_printed_under_every_setting(
    study: str, cards: dict[str, CardFile]
) -> None:
    base = [(v.id, v.reported.printed) for v in cards[study].base.values]
    for setting in cards[study].single_changes:
        card = cards[study].card(setting)
        assert [(v.id, v.reported.printed) for v in card.values] == base
