"""Skeletons hold the counts, the nesting and the groups that a card gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.card.study import StudyCard
from recohort.reconstruct.structure import StructureError, _nest, draw_structure
from recohort.reconstruct.target import targets_of


@given(st.integers(1, 40), st.integers(1, 80), st.integers(1, 6), st.integers(0, 10**6))
def test_every_parent_has_a_child_and_none_too_many(
    parents: int, children: int, most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    if parents * most < children:
        with pytest.raises(StructureError, match="cannot lie in"):
            _nest(parents, children, most, rng)
        return
    load = np.bincount(_nest(parents, children, most, rng), minlength=parents)
    assert load.sum() == children
    assert load.max() <= most
    assert children < parents or load.min() >= 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nested_counts_print(seed: int, card_file: CardFile) -> None:
    card = card_file.base
    targets = targets_of(card, list(Role))
    cohort = draw_structure(card, targets, np.random.default_rng(seed))
    loose = cohort.columns["loose"] == 1
    parent = cohort.tables["teeth"].parent
    assert parent is not None
    assert loose.sum() == 20
    assert np.unique(parent[loose]).size == 15
    assert cohort.columns["fell"].sum() == 30
    hip = cohort.columns["hip"] == 1
    assert hip.sum() == 4
    assert (cohort.columns["fell"][hip] == 1).all()
    sizes = np.bincount(cohort.columns["ward"].astype(int))[1:]
    assert sizes.size == 6
    assert sizes.min() >= 2


def test_a_count_that_was_set_aside_leaves_the_column_a_skeleton(card_file: CardFile) -> None:
    card = card_file.base
    targets = targets_of(card, list(Role), frozenset({"fell.count", "fell.percent"}))
    cohort = draw_structure(card, targets, np.random.default_rng(1))
    assert 0 < cohort.columns["fell"].sum() < 120


def test_a_guessed_share_gives_numbers_as_samples_of_so_many_do() -> None:
    card = StudyCard.model_validate(
        {
            "format": "recohort-card-1",
            "study": "scissors",
            "name": "Scissors",
            "citation": {"authors": "A", "title": "T", "journal": "J", "year": 2000},
            "summary": "Made up.",
            "units": {"tailors": {"label": "Tailors", "n": 50}},
            "columns": {"left_handed": {"kind": "binary", "unit": "tailors", "prevalence": "0.2"}},
            "populations": {"all": {"unit": "tailors", "label": "all"}},
            "quantities": {
                "all": {"label": "All", "population": "all", "analysis": {"kind": "size"}}
            },
        }
    )
    drawn = [
        draw_structure(card, (), np.random.default_rng(seed)).columns["left_handed"].sum()
        for seed in range(400)
    ]
    # Binomial with 50 and 0.2: mean 10, SD 2.83; three standard errors either side.
    assert abs(np.mean(drawn) - 10) < 0.43
    assert 2.5 < np.std(drawn) < 3.2
