"""The foretold effect of a move agrees with the refit, and the search ends where targets print."""

from __future__ import annotations

import numpy as np
import pytest

from recohort.analysis.estimate import Analyst
from recohort.card.loader import CardFile
from recohort.card.statistic import Role
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.model_block import Measure, ModelBlock, Movable, build_block
from recohort.reconstruct.model_search import (
    SearchEffort,
    _apply,
    _foretell,
    _propose,
    associate,
    search_models,
)
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


def test_a_foretold_change_agrees_with_the_refit_to_first_order(block: ModelBlock) -> None:
    rng = np.random.default_rng(2)
    _, fits = block.losses(block.values[None], Measure())
    moves = _propose(block, rng, 400)
    told = _foretell(block, moves, fits, Measure()).parts[0]
    assert told is not None
    states = np.repeat(block.values[None], moves.key.size, axis=0)
    for index in range(moves.key.size):
        _apply(states[index], moves, np.array([index]))
    refitted = block.losses(states, Measure())[1][0]
    change = refitted.coef[:, 1] - fits[0].coef[0, 1]
    foretold = told[0][:, 1] - fits[0].coef[0, 1]
    assert np.corrcoef(change, foretold)[0, 1] > 0.98
    errors = np.abs(refitted.se[:, 1] - told[1][:, 1])
    assert np.median(errors) < 0.1 * np.median(np.abs(refitted.se[:, 1] - fits[0].se[0, 1])) + 1e-4


def test_moves_stay_on_the_grid_and_within_the_bounds(block: ModelBlock) -> None:
    moves = _propose(block, np.random.default_rng(3), 2000)
    assert moves.key.size > 500
    for values in (moves.at_a, moves.at_b):
        assert np.allclose(values * 10, np.rint(values * 10), atol=1e-6)
        assert ((values >= 0) & (values <= 30)).all()


def test_the_search_ends_with_every_target_printed(block: ModelBlock) -> None:
    associate(block, np.random.default_rng(4))
    result = search_models(block, np.random.default_rng(4), SearchEffort())
    assert result.loss == 0.0
    fit = block.losses(block.values[None], Measure())[1][0]
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
