"""Results of two made-up studies, presented once for all tests of the pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_results import made_up_card, write_results

from recohort.card.loader import CardFile
from recohort.present.results import StudyResults, read_results
from recohort.present.study import present_study


@pytest.fixture(scope="session")
def card() -> CardFile:
    return made_up_card("warm_sheep")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, card: CardFile) -> Path:
    """The results of every analysis, with hostile texts, presented."""
    found = write_results(card, tmp_path_factory.mktemp("results") / "warm_sheep")
    present_study(card, found)
    return found


@pytest.fixture(scope="session")
def results(card: CardFile, folder: Path) -> StudyResults:
    return read_results(card, folder)


@pytest.fixture(scope="session")
def plain_folder(folder: Path) -> Path:
    """The results of a study in which nothing was found, presented, beside the other's."""
    plain = made_up_card("lambs")
    found = write_results(plain, folder.parent / "lambs", verdicts=("imposed",))
    present_study(plain, found)
    return found
