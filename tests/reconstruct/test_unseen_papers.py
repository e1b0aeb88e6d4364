"""A small version of docs/studies/unseen_papers.py: correct papers match, corrupted ones never."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    sys.path.insert(0, str(STUDIES))
    try:
        import unseen_papers
    finally:
        sys.path.remove(str(STUDIES))
    return unseen_papers


@pytest.mark.parametrize(
    ("family", "index"),
    [("trial", 20), ("accuracy", 2), ("repeated", 2), ("pilot", 20)],
)
def test_a_correct_paper_is_printed_in_full_by_pandas_scipy_and_statsmodels(
    study: ModuleType, family: str, index: int
) -> None:
    paper = study.draw_paper(1, family, index, 30, 80)
    trial = study.attempt(paper, 1, 6)
    assert trial.unmet == ()
    assert trial.misjudged == ()


@pytest.mark.parametrize(("family", "index"), [("pilot", 3)])
def test_a_corrupted_paper_is_never_printed_in_full(
    study: ModuleType, family: str, index: int
) -> None:
    paper = study.draw_paper(1, family, index, 30, 80)
    change = study.corruption(paper, np.random.default_rng(index))
    trial = study.attempt(paper, 1, 1, **{change.id: change.text})
    assert trial.unmet
    assert trial.misjudged


def test_every_kind_of_corruption_is_impossible_by_its_own_arithmetic(study: ModuleType) -> None:
    kinds = set()
    for family in study.FAMILIES:
        paper = study.draw_paper(1, family, 3, 30, 300)
        kinds |= {one.kind for one in study.corruptions(paper)}
    assert len(kinds) >= 8
