"""Fixtures of the reconstruction's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ward_card import write_card

from recohort.card.loader import CardFile
from recohort.reconstruct.search import Plan, Reconstruction, reconstruct


@pytest.fixture(scope="session")
def card_file(tmp_path_factory: pytest.TempPathFactory) -> CardFile:
    return write_card(tmp_path_factory.mktemp("card"), mixed=True)


@pytest.fixture(scope="session")
def found(card_file: CardFile) -> Reconstruction:
    return reconstruct(card_file, Plan(seed=3, conditioned=15))
