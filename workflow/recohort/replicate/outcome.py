"""Binary outcomes of a card's logistic models, drawn anew from the model fitted to a cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from recohort.analysis.estimate import Analyst
from recohort.analysis.frame import Frame
from recohort.analysis.model import FittedModel, linear_predictor
from recohort.card.analyses import LogisticModel
from recohort.card.layout import BinaryColumn
from recohort.card.study import StudyCard
from recohort.cohort import FloatArray

__all__ = ["LARGEST_LOG_ODDS", "OutcomeModel", "outcome_models"]

LARGEST_LOG_ODDS = 12.0
"""A coefficient beyond this has no maximum that the data fix: such a model draws nothing."""


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """A binary column and the fitted model that it is drawn from.

    ``outside`` shifts the log odds in rows that the model was not fitted on, so that the expected
    number of events there is the cohort's. ``event`` is the column's value that the model calls the
    outcome.
    """

    column: str
    unit: str
    event: float
    fitted: FittedModel
    predictors: frozenset[str]
    outside: float

    def draw(self, frame: Frame, rng: np.random.Generator) -> FloatArray:
        """New values of the column on the frame's cohort; rows without predictors keep theirs."""
        scores = self._scores(frame)
        model = self.fitted.model
        if model.group is not None:
            groups = frame.groups(model.group, self.unit)
            effects = rng.standard_normal(int(groups.max(initial=0)) + 1) * _sd(self.fitted)
            scores = scores + effects[groups]
        happens = rng.random(scores.size) < expit(scores)
        column = frame.card.columns[self.column]
        known = np.isfinite(scores) & frame.mask(column.among, self.unit)
        old = frame.values(self.column, self.unit)
        drawn = np.where(happens, self.event, 1.0 - self.event)
        return np.asarray(np.where(known & ~np.isnan(old), drawn, old))

    def _scores(self, frame: Frame) -> FloatArray:
        scores = linear_predictor(frame, self.fitted, self.unit)
        inside = frame.population(self.fitted.model.population)
        return np.asarray(np.where(inside, scores, scores + self.outside))


def outcome_models(card: StudyCard, analyst: Analyst) -> tuple[OutcomeModel, ...]:
    """One model for each binary column that a logistic model of the card explains.

    Of several models of one column the one with the most terms is taken, the first of equals. A
    model whose fit has no finite maximum is passed over: the column is then resampled.
    """
    best: dict[str, OutcomeModel] = {}
    for name, model in card.models.items():
        if not isinstance(model, LogisticModel) or len(model.outcome) != 1:
            continue
        condition = model.outcome[0]
        column = card.columns[condition.column.partition("@")[0]]
        unit = card.populations[model.population].unit
        event = float(condition.threshold)
        if (
            not isinstance(column, BinaryColumn)
            or condition.relation != "="
            or event not in (0.0, 1.0)
            or column.unit != unit
        ):
            continue
        predictors = frozenset(term.column for term in model.terms.values())
        fitted = analyst.fit(name)
        steady = all(math.isfinite(b) and abs(b) < LARGEST_LOG_ODDS for b in fitted.coef.values())
        if not (steady and math.isfinite(fitted.intercept)) or condition.column in predictors:
            continue
        if condition.column in best and len(best[condition.column].predictors) >= len(predictors):
            continue
        shift = _shift(analyst.frame, fitted, condition.column, unit, event)
        best[condition.column] = OutcomeModel(
            condition.column, unit, event, fitted, predictors, shift
        )
    return tuple(best.values())


def _sd(fitted: FittedModel) -> float:
    return fitted.sd if math.isfinite(fitted.sd) else 0.0


def _shift(frame: Frame, fitted: FittedModel, column: str, unit: str, event: float) -> float:
    """The shift of the log odds outside the model's rows that keeps the cohort's events there."""
    scores = linear_predictor(frame, fitted, unit)
    rows = np.isfinite(scores) & ~frame.population(fitted.model.population)
    rows &= frame.mask(frame.card.columns[column].among, unit)
    values = frame.values(column, unit)
    rows &= ~np.isnan(values)
    events = float((values[rows] == event).sum())
    if events in (0.0, float(rows.sum())):
        # No log odds give none or all; half an event is the usual stand-in.
        events = abs(events - 0.5)
    if not rows.any():
        return 0.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    weights = weights / weights.sum()
    spread = scores[rows][:, None] + _sd(fitted) * nodes

    def excess(shift: float) -> float:
        return float((expit(spread + shift) @ weights).sum()) - events

    return float(brentq(excess, -40.0, 40.0, xtol=1e-10))
