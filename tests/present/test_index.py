"""The index over all studies."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from fake_results import made_up_card

from recohort.card.loader import CardFile
from recohort.present.index import present_index


@pytest.fixture(scope="module")
def said(card: CardFile, folder: Path, plain_folder: Path) -> str:
    assert folder.parent == plain_folder.parent
    return present_index(folder.parent, [card, made_up_card("lambs")], 7, {"replicates": 40})


def test_closes_with_a_line_a_study_and_the_page_to_open(said: str, folder: Path) -> None:
    lines = said.splitlines()
    assert lines[0].startswith("warm_sheep  30 values: 5 impossible, 5 not reproduced")
    assert lines[1].split() == ["lambs", "3", "values:", "3", "imposed"]
    assert lines[2] == f"Open {folder.parent / 'index.html'}"


def test_joins_the_comparisons_untouched(said: str, folder: Path, plain_folder: Path) -> None:
    assert said
    with (folder.parent / "comparison.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    parts = []
    for study in (folder, plain_folder):
        with (study / "comparison.csv").open(newline="", encoding="utf-8") as stream:
            parts.extend(list(csv.reader(stream))[1:])
    assert rows[1:] == parts


def test_provenance_names_versions_seed_and_cards(said: str, folder: Path, card: CardFile) -> None:
    assert said
    found = json.loads((folder.parent / "provenance.json").read_text(encoding="utf-8"))
    assert found["seed"] == 7
    assert found["packages"]["numpy"]
    assert found["studies"]["warm_sheep"]["card_sha256"] == card.sha256


def test_every_value_of_every_study_is_on_the_page(said: str, folder: Path) -> None:
    assert said
    text = (folder.parent / "index.html").read_text(encoding="utf-8")
    assert text.count("<tr data-verdict=") == 33
    assert text.index("a mean of".capitalize()) < text.index("Nothing was found against")
    assert "<script>alert" not in text
