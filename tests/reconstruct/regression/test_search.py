"""Foretold effects agree with refits, and the search ends where targets print."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import brentq
from scipy.stats import chi2

from recohort.analysis.estimate import Analyst
from recohort.card.loader import CardFile
from recohort.card.statistic import Role, Statistic
from recohort.card.study import StudyCard
from recohort.reconstruct.draw import Effort, draw_cohort
from recohort.reconstruct.regression.block import ModelBlock, Movable, build_block
from recohort.reconstruct.regression.foretell import Foresight
from recohort.reconstruct.regression.moves import apply_moves, associate, draw_moves
from recohort.reconstruct.regression.search import SearchEffort, search_models
from recohort.reconstruct.target import targets_of


@pytest.fixture
def block(card_file: CardFile) -> ModelBlock:
    card = card_file.base
    targets = targets_of(card, [Role.INPUT, Role.IMPOSED])
    drawn = draw_cohort(
        card, targets, np.random.default_rng(1), Effort(SearchEffort(steps=0), wander=0, polish=0)
    )
    n = drawn.cohort.tables["people"].n
    # Doses of its own, so that no other part of a draw decides which state is looked at.
    dose = np.random.default_rng(1).lognormal(1.7, 0.47, n)
    drawn.cohort.columns["dose"][:] = np.clip(np.rint(10 * dose), 0, 300) / 10
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


def _simulated(rng: np.random.Generator, n: int, profile: bool) -> dict[str, object]:
    """A correct paper's quantities: two models on three predictors, fitted by statsmodels."""
    columns = {
        "sex": (rng.random(n) < 0.4).astype(float),
        "age": np.clip(np.rint(rng.normal(60, 11, n)), 18, 99),
        "score": np.clip(np.rint(rng.normal(4, 1.8, n)), 0, 10),
    }
    score = 0.6 * columns["sex"] + 0.03 * (columns["age"] - 60) + 0.2 * (columns["score"] - 4)
    y = (rng.random(n) < 1 / (1 + np.exp(1 - score))).astype(float)
    quantities: dict[str, object] = {
        "ill": _quantity({"kind": "proportion", "having": [equals("ill", 1)]}, count=int(y.sum())),
        "sex": _quantity(
            {"kind": "proportion", "having": [equals("sex", 1)]}, count=int(columns["sex"].sum())
        ),
    }
    for name, values in columns.items():
        if name != "sex":
            quantities[name] = _quantity(
                {"kind": "summary", "column": name},
                mean=f"{values.mean():.1f}",
                sd=f"{values.std(ddof=1):.1f}",
            )
    for model, names in (("all", list(columns)), ("alone", ["score"])):
        x = sm.add_constant(np.column_stack([columns[name] for name in names]))
        fit = sm.Logit(y, x).fit(disp=0)
        for index, name in enumerate(names, start=1):
            low, high = fit.conf_int()[index]
            p = fit.pvalues[index]
            if profile and model == "alone":
                low, high, p = _profile(y, x, index, fit)
            quantities[f"{model}_{name}"] = _quantity(
                {
                    "kind": "model_term",
                    "model": model,
                    "term": name,
                    "interval": "profile" if profile and model == "alone" else "wald",
                    "test": "likelihood_ratio" if profile and model == "alone" else "wald",
                },
                odds_ratio=f"{np.exp(fit.params[index]):.2f}",
                ci95_lower=f"{np.exp(low):.2f}",
                ci95_upper=f"{np.exp(high):.2f}",
                p_value="<0.001" if p < 0.001 else f"{p:.3f}",
            )
    return quantities


def _quantity(analysis: dict[str, object], **values: object) -> dict[str, object]:
    return {
        "label": "",
        "population": "everyone",
        "analysis": analysis,
        "values": {name: str(value) for name, value in values.items()},
    }


def equals(column: str, value: int) -> dict[str, object]:
    return {"column": column, "equals": value}


def _profile(y: np.ndarray, x: np.ndarray, index: int, fit: object) -> tuple[float, float, float]:
    """Limits and test by refits of statsmodels with the coefficient held: a slow oracle."""
    b, se, top = fit.params[index], fit.bse[index], fit.llf  # type: ignore[attr-defined]
    rest = np.delete(x, index, axis=1)

    def fall(value: float) -> float:
        held = sm.GLM(y, rest, family=sm.families.Binomial(), offset=value * x[:, index]).fit()
        return float(2 * (top - held.llf))

    ends = [brentq(lambda v: fall(v) - 3.841458820694124, b, b + side * 8 * se) for side in (-1, 1)]
    return ends[0], ends[1], float(chi2.sf(fall(0.0), 1))


def _card(quantities: dict[str, object], n: int) -> StudyCard:
    number = {"kind": "numeric", "unit": "people", "step": "1"}
    terms = {name: {"column": name} for name in ("sex", "age", "score")}
    model = {"kind": "logistic", "population": "everyone", "outcome": [equals("ill", 1)]}
    return StudyCard.model_validate(
        {
            "format": "recohort-card-1",
            "study": "made_up",
            "name": "Made up",
            "citation": {"authors": "", "title": "", "journal": "", "year": 2000},
            "summary": "",
            "units": {"people": {"label": "People", "n": n}},
            "columns": {
                "ill": {"kind": "binary", "unit": "people"},
                "sex": {"kind": "binary", "unit": "people"},
                "age": {**number, "low": "18", "high": "99"},
                "score": {**number, "low": "0", "high": "10"},
            },
            "populations": {"everyone": {"unit": "people", "label": "everyone"}},
            "models": {
                "all": {**model, "terms": terms},
                "alone": {**model, "terms": {"score": terms["score"]}},
            },
            "quantities": quantities,
        }
    )


@pytest.mark.parametrize(
    ("seed", "n", "profile"), [(1, 400, False), (2, 2000, False), (3, 300, True)]
)
def test_statsmodels_prints_two_models_of_made_up_papers(seed: int, n: int, profile: bool) -> None:
    """Oracle: statsmodels on the final columns; means and SDs by NumPy."""
    quantities = _simulated(np.random.default_rng(seed), n, profile)
    card = _card(quantities, n)
    targets = targets_of(card, list(Role))
    for attempt in range(4):
        drawn = draw_cohort(card, targets, np.random.default_rng([seed, attempt]), Effort())
        if not drawn.unmet:
            break
    assert drawn.unmet == ()
    columns = drawn.cohort.columns
    for name in ("age", "score"):
        printed = card.quantities[name].values
        assert printed[Statistic.MEAN].number.accepts(columns[name].mean())
        assert printed[Statistic.SD].number.accepts(columns[name].std(ddof=1))
    for model, names in (("all", ["sex", "age", "score"]), ("alone", ["score"])):
        x = sm.add_constant(np.column_stack([columns[name] for name in names]))
        fit = sm.Logit(columns["ill"], x).fit(disp=0)
        for index, name in enumerate(names, start=1):
            printed = card.quantities[f"{model}_{name}"].values
            low, high = fit.conf_int()[index]
            if profile and model == "alone":
                low, high, _ = _profile(columns["ill"], x, index, fit)
            found = (np.exp(fit.params[index]), np.exp(low), np.exp(high))
            wanted = (Statistic.ODDS_RATIO, Statistic.CI95_LOWER, Statistic.CI95_UPPER)
            for statistic, value in zip(wanted, found, strict=True):
                assert printed[statistic].number.accepts(float(value)), (model, name, statistic)
