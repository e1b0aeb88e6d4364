"""Everything that an analysis of one cohort gives, as the content of ``analysis.json``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from recohort.analysis.estimate import Analyst, auc_scores, followed_times, model_scores
from recohort.card import analyses as asked
from recohort.card.loader import CardFile, Setting
from recohort.card.study import Quantity
from recohort.cohort import Cohort

__all__ = ["analysis_report"]


def _plain(value: float) -> float | None:
    """A number as JSON holds it; ``None`` where it does not exist or is infinite."""
    return value if math.isfinite(value) else None


def _list(values: Any) -> list[float | None]:
    return [_plain(float(value)) for value in values]


def analysis_report(card_file: CardFile, cohort: Cohort, setting: Setting) -> dict[str, Any]:
    """Every estimate of every quantity, unrounded, and the curves behind some of them."""
    card = card_file.card(setting)
    analyst = Analyst(card, cohort)
    estimates = []
    curves = {}
    for name, quantity in card.quantities.items():
        found = analyst.estimates(name)
        for statistic, value in found.values.items():
            estimates.append(
                {
                    "id": f"{name}.{statistic}",
                    "quantity": name,
                    "statistic": str(statistic),
                    "estimate": _plain(value),
                    "note": found.note,
                }
            )
        curve = _curve(analyst, quantity)
        if curve is not None:
            curves[name] = curve
    return {
        "study": card.study,
        "card_sha256": card_file.sha256,
        "setting": setting.name,
        "estimates": estimates,
        "models": _models(analyst),
        "curves": curves,
    }


def _models(analyst: Analyst) -> dict[str, Any]:
    """The fitted models: coefficients on the scale of the linear predictor."""
    result = {}
    for name in analyst.card.models:
        fitted = analyst.fit(name)
        result[name] = {
            "rows": int(fitted.data.outcome.size),
            "events": int(fitted.data.outcome.sum()),
            "intercept": _plain(fitted.intercept),
            "coefficients": {term: _plain(value) for term, value in fitted.coef.items()},
            "standard_errors": {term: _plain(value) for term, value in fitted.se.items()},
            "random_intercept_sd": _plain(fitted.sd),
            "log_likelihood": _plain(fitted.loglik),
            "note": fitted.message,
        }
    return result


def _curve(analyst: Analyst, quantity: Quantity) -> dict[str, Any] | None:
    unit = analyst.card.populations[quantity.population].unit
    rows = analyst.frame.population(quantity.population)
    analysis = quantity.analysis
    try:
        if isinstance(analysis, asked.AucAnalysis):
            from recohort.estimators.roc import roc_curve

            scores, truth, _ = auc_scores(analyst, quantity, unit, rows)
            curve = roc_curve(scores, truth)
            auc = float(np.trapezoid(curve.sensitivity[::-1], curve.specificity[::-1]))
            return {
                "kind": "roc",
                "fpr": _list(1.0 - curve.specificity),
                "tpr": _list(curve.sensitivity),
                "auc": abs(auc),
            }
        if isinstance(analysis, asked.KaplanMeierAnalysis):
            from recohort.estimators.kaplan_meier import kaplan_meier

            time, event = followed_times(analyst, analysis.time, analysis.event, unit, rows)
            km = kaplan_meier(time, event, analysis.interval)
            censored = [int(((time == t) & (event == 0)).sum()) for t in km.time]
            return {
                "kind": "kaplan_meier",
                "time": _list(km.time),
                "survival": _list(km.survival),
                "low": _list(km.low),
                "high": _list(km.high),
                "at_risk": [int(n) for n in km.at_risk],
                "events": [int(n) for n in km.events],
                "censored": censored,
            }
        if isinstance(analysis, asked.CalibrationAnalysis):
            from recohort.estimators.calibration import calibration_curve

            probability, truth = model_scores(analyst, analysis.model, unit, rows)
            groups = calibration_curve(probability, truth, groups=6)
            return {
                "kind": "calibration",
                "predicted": _list(groups.predicted),
                "observed": _list(groups.observed),
                "low": _list(groups.low),
                "high": _list(groups.high),
                "n": [int(n) for n in groups.size],
            }
    except ValueError:
        return None
    return None
