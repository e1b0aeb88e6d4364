"""Foretold effects agree with refits, and the search ends where targets print."""

from __future__ import annotations

import numpy as np
import pytest

from recohort.analysis.estimate import Analyst
from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.model_block import ModelBlock, Movable, build_block
from recohort.reconstruct.model_foretell import Foresight
from recohort.reconstruct.model_moves import apply_moves, associate, draw_moves
from recohort.reconstruct.model_search import SearchEffort, search_models
from recohort.reconstruct.target import targets_of


@pytest.fixture
def block(card_file: CardFile) -> ModelBlock:
    card = card_file.base
    targets = targets_of(card, [Role.INPUT, Role.IMPOSED])
    drawn = draw_cohort(card, targets, np.random.default_rng(1), Effort(SearchEffort(steps=0), 0))
    n = drawn.cohort.tables["people"].n
    free = Movable(
        np.zeros(n, dtype=np.int64), True, np.zeros(n), np.full(n, 30.0), step=0.1, spread=3.0
    )
    return build_block(card, Analyst(card, drawn.cohort), ["falls"], targets, {"dose": free})


def test_foretold_changes_agree_with_refits_to_first_order(block: ModelBlock) -> None:
    state = block.state(block.values)
    moves = draw_moves(block, np.random.default_rng(2), 400)
    told = Foresight(block, state).estimates(moves)
    states = np.repeat(block.values[None], moves.key.size, axis=0)
    for index in range(moves.key.size):
        apply_moves(states[index], moves.take(np.array([index])))
    change = block.estimates(states, state) - state.estimates
    foretold = told - state.estimates
    for t in range(change.shape[1]):
        assert np.corrcoef(change[:, t], foretold[:, t])[0, 1] > 0.98
        assert np.abs(change[:, t] - foretold[:, t]).max() < 0.3 * np.abs(change[:, t]).max()


def test_moves_stay_on_the_grid_and_within_the_bounds(block: ModelBlock) -> None:
    moves = draw_moves(block, np.random.default_rng(3), 2000)
    assert moves.key.size > 500
    for values in (moves.at_a, moves.at_b):
        assert np.allclose(values * 10, np.rint(values * 10), atol=1e-6)
        assert ((values >= 0) & (values <= 30)).all()


def test_the_search_ends_with_every_target_printed(block: ModelBlock) -> None:
    associate(block, np.random.default_rng(4))
    result = search_models(block, np.random.default_rng(4), SearchEffort())
    assert result.loss == 0.0
    fit = block.state(block.values).fits[0]
    b, se = fit.coef[0, 1], fit.se[0, 1]
    printed = [np.exp(b), np.exp(b - 1.959964 * se), np.exp(b + 1.959964 * se)]
    assert [f"{value:.2f}" for value in printed] == ["2.41", "1.20", "4.85"]


def test_association_follows_the_printed_ratio(block: ModelBlock) -> None:
    """Property: exchanging predictors leaves each column's values as they were."""
    before = np.sort(block.values, axis=1)
    associate(block, np.random.default_rng(5))
    assert np.array_equal(np.sort(block.values, axis=1), before)
    yes = block.regressions[0].outcome == 1
    assert block.values[0, yes].mean() > block.values[0, ~yes].mean()
